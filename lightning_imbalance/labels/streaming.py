"""The labels of a dataset or dataloader, at hand or scanned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset

from lightning_imbalance.labels import containers, huggingface, names
from lightning_imbalance.labels.arrays import is_array
from lightning_imbalance.labels.column import NotSeparable, target_transform_of
from lightning_imbalance.labels.loaders import subset_of
from lightning_imbalance.labels.reading import read, size_of
from lightning_imbalance.labels.scan import scan
from lightning_imbalance.labels.value import Stream


def stream(source: Any, *, max_samples: int | None = None, share: tuple[int, int] | None = None) -> Stream:
    """Give the labels of a dataset, or of the samples that a dataloader draws from.

    Args:
        source: A dataset or a :class:`~torch.utils.data.DataLoader`. A sampler that is limited to ``indices`` limits
            the labels to them; other samplers do not matter.
        max_samples: Give the labels of at most this many samples, in the order of the dataset. Required for an
            iterable dataset without a length.
        share: Process r of R, as ``(r, R)``: where samples must be opened to see their labels, each process opens every
            R-th of them, from r on.

    Returns:
        The class names and the labels: one chunk where they are at hand (see :func:`read`), else chunk by chunk as
        a scan opens the samples. An empty dataset gives no chunk.

    Raises:
        TypeError: The source is no dataset and no dataloader, or its samples carry no label. What only a scan can
            find is raised while the chunks are iterated.
        ValueError: ``max_samples`` is not positive, or missing where the dataset has no length.

    Example:
        >>> import torch
        >>> from torch.utils.data import SubsetRandomSampler, TensorDataset
        >>> dataset = TensorDataset(torch.zeros(4, 8), torch.tensor([3, 1, 2, 0]))
        >>> list(stream(DataLoader(dataset, sampler=SubsetRandomSampler([3, 1]))).chunks)
        [tensor([0, 1])]
    """
    _check_max_samples(max_samples)
    loader = source if isinstance(source, DataLoader) else None
    dataset = source if loader is None else loader.dataset
    if not is_array(dataset) and not hasattr(type(dataset), "__getitem__") and not isinstance(dataset, Iterable):
        msg = f"`source` must be a dataset or a DataLoader, got {type(source).__name__}."
        raise TypeError(msg)
    indices = None if loader is None else subset_of(loader)
    # A loader loads samples, so a tensor or list in it holds inputs or pairs, never labels alone.
    labels = None if loader is not None and is_array(dataset) else read(dataset, indices=indices)
    part = None if labels is not None or share is None or max_samples else _part(dataset, indices, share)
    if part is not None:
        return Stream(_names(dataset), scan(dataset, indices=part, loader=loader), shared=True)
    if labels is None:
        return Stream(_names(dataset), scan(dataset, indices=indices, loader=loader, max_samples=max_samples))
    values = labels.values if max_samples is None else labels.values[:max_samples]
    return Stream(labels.class_names, iter([values] if len(values) > 0 else []))


def _part(dataset: Any, indices: Tensor | None, share: tuple[int, int]) -> Tensor | None:
    """Give the samples of a map-style dataset that one of several processes opens, None where they have no index."""
    rank, processes = share
    if indices is None:
        size = size_of(dataset)
        if size is None or isinstance(dataset, IterableDataset) or not hasattr(type(dataset), "__getitem__"):
            return None
        indices = torch.arange(size)
    return indices[rank::processes]


def _names(dataset: Any) -> tuple[str, ...] | None:
    """Find the class names of a dataset that is scanned; a transform may have given the indices another meaning."""
    if isinstance(dataset, Subset):
        return _names(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return containers.common_names(_names(part) for part in dataset.datasets)
    if huggingface.matches(dataset):
        return huggingface.class_names(dataset)
    try:
        changed = target_transform_of(dataset) is not None
    except NotSeparable:
        changed = True
    return None if changed else names.class_names(dataset)


def _check_max_samples(max_samples: object) -> None:
    if max_samples is None:
        return
    if isinstance(max_samples, bool) or not isinstance(max_samples, int):
        msg = f"`max_samples` must be a whole number or None, got {max_samples!r}."
        raise TypeError(msg)
    if max_samples < 1:
        msg = f"`max_samples` must be at least 1, got {max_samples}."
        raise ValueError(msg)
