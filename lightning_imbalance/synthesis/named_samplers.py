"""The resampling methods of imbalanced-learn, by name, and what they need of the classes."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.parameters import whole
from lightning_imbalance.synthesis.wanted_counts import WantedCounts, wanted_counts

# NumPy's, which imbalanced-learn hands it to.
_LARGEST_SEED = 2**32 - 1

NAMED: dict[str, tuple[str, str]] = {
    "smote": ("over_sampling", "SMOTE"),
    "borderline_smote": ("over_sampling", "BorderlineSMOTE"),
    "svm_smote": ("over_sampling", "SVMSMOTE"),
    "kmeans_smote": ("over_sampling", "KMeansSMOTE"),
    "smotenc": ("over_sampling", "SMOTENC"),
    "smoten": ("over_sampling", "SMOTEN"),
    "adasyn": ("over_sampling", "ADASYN"),
    "random_over": ("over_sampling", "RandomOverSampler"),
    "random_under": ("under_sampling", "RandomUnderSampler"),
    "near_miss": ("under_sampling", "NearMiss"),
    "tomek": ("under_sampling", "TomekLinks"),
    "edited_nearest_neighbours": ("under_sampling", "EditedNearestNeighbours"),
    "one_sided_selection": ("under_sampling", "OneSidedSelection"),
    "cluster_centroids": ("under_sampling", "ClusterCentroids"),
    "smote_enn": ("combine", "SMOTEENN"),
    "smote_tomek": ("combine", "SMOTETomek"),
}


def make_sampler(method: Any, seed: int | None, options: Mapping[str, Any]) -> Any:
    """Return a sampler of imbalanced-learn that nothing else uses.

    Args:
        method: A name, or a sampler, of which a copy is made.
        seed: Of the draws; ``None`` stands for 0 with a name, and for the sampler's own with a sampler.
        options: Arguments of the sampler, with a name.

    Returns:
        The sampler.

    Raises:
        ModuleNotFoundError: imbalanced-learn is not installed.
        TypeError: ``method`` is neither, or an option is none of the sampler's.
        ValueError: The name is unknown, or an argument cannot take effect.

    Example:
        >>> make_sampler("smote", 7, {"k_neighbors": 3})
        SMOTE(k_neighbors=3, random_state=7)
    """
    try:
        base = import_module("imblearn.base")
    except ModuleNotFoundError as error:
        msg = (
            "`resample` must have imbalanced-learn, which has the methods, and it is not installed. "
            'Run: pip install "lightning-imbalance[tabular]"'
        )
        raise ModuleNotFoundError(msg, name=error.name) from error
    if seed is not None and whole("seed", seed) > _LARGEST_SEED:
        msg = f"`seed` must be an integer of at most 32 bits, got {seed!r}."
        raise ValueError(msg)
    if isinstance(method, str):
        return _named(method, seed, options)
    if not isinstance(method, base.SamplerMixin):
        msg = f"`method` must be a name or a sampler of imbalanced-learn, got {method!r}."
        raise TypeError(msg)
    if options:
        msg = f"`{next(iter(options))}` must be an argument of the sampler itself, got it beside {method!r}."
        raise ValueError(msg)
    sampler = import_module("sklearn.base").clone(method)
    if seed is not None:
        if sampler.get_params().get("random_state", seed) is not None:
            msg = f"`seed` must be left out where it has no effect, got {seed} beside {method!r}."
            raise ValueError(msg)
        sampler.set_params(random_state=seed)
    return sampler


def set_strategy(
    sampler: Any, distribution: ClassDistribution, values: Sequence[Any], counts: WantedCounts | None
) -> None:
    """Tell a sampler how many samples of each class there shall be.

    Args:
        sampler: What :func:`make_sampler` returned.
        distribution: The classes as they are.
        values: The label of each class.
        counts: As in :func:`wanted_counts`; ``None`` is ``"balance"`` unless the sampler has a strategy of its own.

    Raises:
        ValueError: ``counts`` cannot take effect, there is nothing to add, or a class has too few samples.

    Example:
        >>> sampler = make_sampler("smote", 0, {})
        >>> set_strategy(sampler, ClassDistribution([9, 7]), [0, 1], "balance")
        >>> sampler.sampling_strategy
        {1: 9}
    """
    own = getattr(sampler, "sampling_strategy", "auto")
    if own != "auto":
        if counts is not None:
            msg = f"`counts` must be left out where the sampler has a strategy of its own, got {counts!r} and {own!r}."
            raise ValueError(msg)
    elif sampler._sampling_type == "over-sampling":  # noqa: SLF001  # how imbalanced-learn itself tells them apart
        added = wanted_counts(distribution, "balance" if counts is None else counts).tolist()
        for name, there, more in zip(distribution.class_names, distribution.counts.tolist(), added, strict=True):
            if more and not there:
                msg = (
                    f"`counts` must be for classes with samples, got {more} for {name!r}, which has none to learn from."
                )
                raise ValueError(msg)
        there = distribution.counts.tolist()
        sampler.set_params(
            sampling_strategy={
                value: count + more for value, count, more in zip(values, there, added, strict=True) if more
            }
        )
    elif counts not in (None, "balance"):
        msg = (
            f"`counts` must be left out with {type(sampler).__name__}, which removes samples, got {counts!r}. Pass "
            "`sampling_strategy=...` as imbalanced-learn takes it."
        )
        raise ValueError(msg)


def require_neighbours(sampler: Any, distribution: ClassDistribution, values: Sequence[Any], labels: Any) -> None:
    """Refuse a class that has no more samples than the neighbours that are looked for among them.

    Args:
        sampler: With its strategy set.
        distribution: The classes as they are.
        values: The label of each class.
        labels: Of all samples, an array.

    Raises:
        ValueError: A class that gets more samples has too few; the message names it.

    Example:
        >>> sampler = make_sampler("smote", 0, {})
        >>> require_neighbours(sampler, ClassDistribution([9, 3]), [0, 1], [0] * 9 + [1] * 3)
        Traceback (most recent call last):
        ValueError: `k_neighbors` must be below the samples of each class that gets more, got 5 for class '1', which ...
    """
    if sampler._sampling_type != "over-sampling":  # noqa: SLF001
        return
    inner = getattr(sampler, "smote", None) or sampler
    parameters = inner.get_params()
    argument = next((name for name in ("k_neighbors", "n_neighbors") if name in parameters), None)
    # SMOTEENN and SMOTETomek make their SMOTE later, with its defaults.
    neighbours = parameters[argument] if argument is not None else 5 if "smote" in parameters else None
    if not isinstance(neighbours, int):
        return
    check_sampling_strategy = import_module("imblearn.utils").check_sampling_strategy
    wanted = check_sampling_strategy(sampler.sampling_strategy, labels, "over-sampling")
    for value, name, count in zip(values, distribution.class_names, distribution.counts.tolist(), strict=True):
        if wanted.get(value, 0) and count <= neighbours:
            argument = argument or "k_neighbors"
            fewer = f"Pass `{argument}={count - 1}`, repeat" if count > 1 else "Repeat"
            msg = (
                f"`{argument}` must be below the samples of each class that gets more, got {neighbours} for class "
                f'{name!r}, which has {count}. {fewer} samples with `method="random_over"`, or leave the class out of '
                "`counts`."
            )
            raise ValueError(msg)


def _named(method: str, seed: int | None, options: Mapping[str, Any]) -> Any:
    if method not in NAMED:
        nearest = difflib.get_close_matches(method, NAMED, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = (
            f"`method` must be one of {', '.join(map(repr, NAMED))}, or a sampler of imbalanced-learn, got "
            f"{method!r}.{hint}"
        )
        raise ValueError(msg)
    module, name = NAMED[method]
    kind = getattr(import_module(f"imblearn.{module}"), name)
    known = inspect.signature(kind).parameters
    unknown = [option for option in options if option not in known or option == "random_state"]
    if unknown:
        hint = " Pass `seed`." if unknown[0] == "random_state" else ""
        # Older releases still list `n_jobs`, which they no longer use.
        listed = ", ".join(f"`{option}`" for option in known if option not in {"random_state", "n_jobs"})
        msg = f"`{unknown[0]}` must be an argument of {name} ({listed}).{hint}"
        raise TypeError(msg)
    if "random_state" in known:
        return kind(random_state=0 if seed is None else seed, **options)
    if seed is not None:
        msg = f"`seed` must be left out with {method!r}, which draws nothing, got {seed}."
        raise ValueError(msg)
    return kind(**options)
