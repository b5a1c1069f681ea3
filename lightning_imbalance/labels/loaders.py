"""Which samples a DataLoader draws from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset


def subset_of(loader: DataLoader[Any]) -> Tensor | None:
    """Give the samples that a loader's sampler is limited to.

    That is what the sampler holds as ``indices``, as torch's ``SubsetRandomSampler`` does. Every other sampler
    (random, weighted, distributed) draws from the whole dataset: how often it draws a sample is not what is counted.

    Args:
        loader: The dataloader; also one with a batch sampler of its own, or whose sampler Lightning has wrapped to
            split it over processes.

    Returns:
        The indices into ``loader.dataset``, shape ``(M,)``, int64, or None for the whole dataset.

    Example:
        >>> from torch.utils.data import SubsetRandomSampler
        >>> subset_of(DataLoader(range(9), sampler=SubsetRandomSampler([4, 2])))
        tensor([4, 2])
    """
    if isinstance(loader.dataset, IterableDataset):
        return None
    for sampler in samplers_of(loader):
        indices = _indices(sampler)
        if indices is not None:
            return indices
    return None


def samplers_of(loader: DataLoader[Any]) -> list[Any]:
    """List what may decide which samples a loader draws.

    Args:
        loader: The dataloader.

    Returns:
        The sampler of its batches, the batch sampler, and its sampler; each without what Lightning wraps around it.

    Example:
        >>> [type(sampler).__name__ for sampler in samplers_of(DataLoader(range(9), shuffle=True))]
        ['RandomSampler', 'RandomSampler', 'RandomSampler']
    """
    batches: Any = loader.batch_sampler
    return [_inner(sampler) for sampler in (getattr(batches, "sampler", None), batches, loader.sampler)]


def _inner(sampler: Any) -> Any:
    """Look into a sampler of batches, and into Lightning's wrapper, whose dataset is the sampler that it splits."""
    if isinstance(sampler, BatchSampler):
        return _inner(sampler.sampler)
    wrapped = getattr(getattr(sampler, "dataset", None), "_sampler", None)
    return sampler if wrapped is None else _inner(wrapped)


def _indices(sampler: Any) -> Tensor | None:
    indices = getattr(sampler, "indices", None)
    if indices is None or callable(indices):
        return None
    try:
        positions = torch.as_tensor(indices if hasattr(indices, "__array__") else list(indices))
    except (TypeError, ValueError, RuntimeError):
        return None
    if positions.ndim != 1 or positions.dtype.is_floating_point or positions.dtype == torch.bool:
        return torch.empty(0, dtype=torch.int64) if positions.numel() == 0 else None
    return positions.cpu().long()
