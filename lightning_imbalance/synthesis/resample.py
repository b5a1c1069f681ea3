"""Rows added to the rare classes of a table, or taken from the frequent ones: imbalanced-learn does the work."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from lightning_imbalance.checks import listed
from lightning_imbalance.synthesis.named_samplers import make_sampler, require_neighbours, set_strategy
from lightning_imbalance.synthesis.tabular import Integers, Rows, rows_of
from lightning_imbalance.synthesis.wanted_counts import WantedCounts


def resample(
    dataset: Any,
    method: Any = "smote",
    *,
    target: str | None = None,
    counts: WantedCounts | None = None,
    integers: Integers | None = None,
    seed: int | None = None,
    **options: Any,
) -> Any:
    """Return a training set with rows added to its rare classes, or taken from its frequent ones.

    Methods: ``"smote"``, ``"borderline_smote"``, ``"svm_smote"``, ``"kmeans_smote"``, ``"smotenc"``, ``"smoten"``,
    ``"adasyn"`` and ``"random_over"`` add rows (ADASYN and k-means SMOTE about as many as asked for);
    ``"random_under"``, ``"near_miss"``, ``"tomek"``, ``"edited_nearest_neighbours"``, ``"one_sided_selection"`` and
    ``"cluster_centroids"`` remove some; ``"smote_enn"`` and ``"smote_tomek"`` do both; and any sampler of
    imbalanced-learn does as it does there. Where rows are only added, the given N come first and unchanged, and row N
    of the result is the first that was added.

    Resample the training part alone, after the split: a row that is made of two others tells of both. A ``Subset``, as
    ``random_split`` gives it, is resampled by itself. :class:`~lightning_imbalance.WeightedClassifier` refuses to be
    evaluated on the result.

    The classes of the result occur more or less often than where the model will be used, and its probabilities lean
    with them. ``target_prior`` with the shares as they were undoes that, exactly for rows that are repeated or left out
    at random, and about for rows that are made; calibrate on real data where probabilities matter. Methods that look
    for neighbours depend on the scale of the columns: standardise them first.

    Args:
        dataset: The training data: a ``TensorDataset`` of features ``(N, ...)`` and labels ``(N,)`` or a ``Subset`` of
            one, a pair of tensors or of arrays, or a pandas DataFrame.
        method: A name, or a sampler of imbalanced-learn, of which a copy is used.
        target: Column of the labels in a DataFrame.
        counts: How many rows to add to each class, as in :func:`wanted_counts`: ``"balance"`` (the default), a share of
            the largest class, or numbers by class, in a DataFrame by the label. Not with methods that only remove.
        integers: What becomes of whole numbers where a method makes values between two of them: ``"round"``, or
            ``"float"`` for a column (a tensor) of fractions. By default an error, which names the columns.
        seed: Of the draws, 0 by default; a sampler of your own keeps its own.
        options: Further arguments of the method named: ``k_neighbors=3``, ``categorical_features=[0, 4]``.

    Returns:
        What was given, resampled: a :class:`ResampledDataset`, a pair, or a DataFrame with its rows numbered anew.
        Types and devices are kept.

    Raises:
        ModuleNotFoundError: imbalanced-learn is not installed.
        TypeError: ``dataset`` is something else, or an option is none of the method's.
        ValueError: A class has too few rows for its neighbours, whole numbers would be mixed, or an argument cannot
            take effect.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> table = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> train = resample(table, "smote")
        >>> train.tensors[1].bincount().tolist(), int(train.is_added.sum())
        ([50, 50], 40)
    """
    if integers not in (None, "round", "float"):
        msg = f"`integers` must be 'round', 'float' or None, got {integers!r}."
        raise ValueError(msg)
    sampler = make_sampler(method, seed, options)
    rows = rows_of(dataset, target)
    set_strategy(sampler, rows.distribution, rows.values, rows.keyed(counts))
    require_neighbours(sampler, rows.distribution, rows.values, rows.labels)
    return _resampled(rows, sampler, integers)


def _resampled(rows: Rows, sampler: Any, integers: Integers | None) -> Any:
    try:
        features, labels = sampler.fit_resample(rows.features, rows.labels)
    except ValueError as error:
        if not rows.words or "convert string to float" not in str(error):
            raise
        msg = (
            f"the columns must hold numbers for {type(sampler).__name__}, got others in "
            f'{listed(rows.words)}. Use `method="smotenc", categorical_features=[...]`, or encode them.'
        )
        raise ValueError(msg) from error
    given, now = len(rows.labels), len(labels)
    only_adds = isinstance(sampler, import_module("imblearn.over_sampling.base").BaseOverSampler)
    chosen = getattr(sampler, "sample_indices_", None)
    is_added: Any = np.arange(now) >= given if only_adds else None
    if chosen is not None and getattr(sampler, "shrinkage", None) is None:
        # The rows themselves, since going through floats would round numbers of more than 53 bits.
        is_added = np.arange(now) >= given if only_adds else np.zeros(now, dtype=bool)
        return rows.join(chosen, features[:0], labels[:0], is_added, integers)
    kept = np.arange(given if only_adds else 0)
    return rows.join(kept, features[len(kept) :], labels[len(kept) :], is_added, integers)
