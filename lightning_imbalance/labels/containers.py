"""torch's datasets made of other data: subsets, concatenations, stacks, tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, StackDataset, Subset, TensorDataset

from lightning_imbalance.labels.arrays import as_labels, is_array, select
from lightning_imbalance.labels.batch import TARGET_KEYS, keys_among
from lightning_imbalance.labels.value import Labels

_CONTAINERS: tuple[type, ...] = (Subset, ConcatDataset, StackDataset, TensorDataset)


class Read(Protocol):
    """How the parts of a container are read: :func:`lightning_imbalance.labels.read`."""

    def __call__(self, dataset: Any, *, indices: Tensor | None = None) -> Labels | None:
        """Read the labels of the samples with these indices."""


def matches(dataset: object) -> bool:
    """Say whether a dataset is one of torch's containers.

    Args:
        dataset: Any object.

    Returns:
        True for ``Subset``, ``ConcatDataset``, ``StackDataset``, ``TensorDataset`` and their subclasses.

    Example:
        >>> matches(TensorDataset(torch.zeros(2)))
        True
    """
    return isinstance(dataset, _CONTAINERS)


def read(dataset: Any, indices: Tensor | None, read_part: Read) -> Labels | None:
    """Read the labels of a container out of its parts.

    Args:
        dataset: A dataset for which :func:`matches` is true.
        indices: The samples, shape ``(M,)``, int64; None for all of them.
        read_part: Reads the labels of a part.

    Returns:
        The labels, or None where only a scan can tell, as in a subclass with a ``__getitem__`` of its own.

    Raises:
        ValueError: An index is outside the data.

    Example:
        >>> read(TensorDataset(torch.zeros(2, 3), torch.tensor([1, 0])), None, read_part=None).values
        tensor([1, 0])
    """
    owner = next(cls for cls in type(dataset).__mro__ if "__getitem__" in vars(cls))
    if owner not in _CONTAINERS:
        return None
    if isinstance(dataset, Subset):
        return _read_subset(dataset, indices, read_part)
    if isinstance(dataset, ConcatDataset):
        return _read_concatenation(dataset, indices, read_part)
    if isinstance(dataset, StackDataset):
        return _read_stack(dataset, indices, read_part)
    if len(dataset.tensors) != 2:
        return None
    values = dataset.tensors[1]
    return Labels(as_labels(values if indices is None else select(values, indices)))


def common_names(names: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Give the class names that all parts of a concatenation agree on.

    Args:
        names: The names of each part.

    Returns:
        The names, or None where parts differ; if two name their classes differently, with a warning.

    Example:
        >>> common_names([("cat", "dog"), ("cat", "dog")])
        ('cat', 'dog')
    """
    distinct = list(dict.fromkeys(names))
    known = [part for part in distinct if part is not None]
    if len(known) > 1:
        message = (
            f"`ConcatDataset` must join parts with the same class names, got {_short(known[0])} and "
            f"{_short(known[1])}. The names are left out; if the indices mean different classes, give one part a "
            "`target_transform`."
        )
        warnings.warn(message, UserWarning, stacklevel=2)
    return distinct[0] if len(distinct) == 1 else None


def _read_subset(dataset: Subset[Any], indices: Tensor | None, read_part: Read) -> Labels | None:
    chosen = torch.as_tensor(dataset.indices)
    if chosen.numel() == 0:
        chosen = chosen.long()
    if chosen.ndim != 1 or chosen.dtype.is_floating_point or chosen.dtype == torch.bool:
        return None
    chosen = chosen.cpu().long()
    return read_part(dataset.dataset, indices=chosen if indices is None else select(chosen, indices))


def _read_concatenation(dataset: ConcatDataset[Any], indices: Tensor | None, read_part: Read) -> Labels | None:
    if indices is None:
        parts = [read_part(part) for part in dataset.datasets]
        places = None
    else:
        wanted = select(torch.arange(len(dataset)), indices)
        ends = torch.tensor(dataset.cumulative_sizes)
        part_of = torch.bucketize(wanted, ends, right=True)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])
        positions = [(part_of == i).nonzero().flatten() for i in range(len(ends))]
        parts = [
            read_part(part, indices=wanted[position] - start)
            for part, position, start in zip(dataset.datasets, positions, starts, strict=True)
        ]
        places = torch.cat(positions).argsort()
    found = [part for part in parts if part is not None]
    if len(found) != len(parts):
        return None
    values = _joined([part.values for part in found if len(part.values) > 0])
    if values is None:
        return None
    names = common_names(part.class_names for part in found)
    return Labels(values if places is None else select(values, places), names)


def _joined(values: Sequence[Tensor | Sequence[str]]) -> Tensor | list[str] | None:
    tensors = [part for part in values if isinstance(part, Tensor)]
    if not values:
        return torch.empty(0, dtype=torch.int64)
    if not tensors:
        return [name for part in values for name in part if isinstance(name, str)]
    if len(tensors) < len(values):
        msg = "`ConcatDataset` must join parts with labels of one kind, got numbers and strings."
        raise TypeError(msg)
    if len({part.shape[1:] for part in tensors}) > 1:
        return None  # masks of different sizes: chunk by chunk
    return torch.cat(tensors)


def _read_stack(dataset: StackDataset[Any], indices: Tensor | None, read_part: Read) -> Labels | None:
    parts = dataset.datasets
    if isinstance(parts, dict):
        keys = keys_among(parts, TARGET_KEYS)
        part = parts[keys[0]] if len(keys) == 1 else None
    else:
        part = parts[1] if len(parts) == 2 else None
    return read_part(part, indices=indices) if _gives_labels(part) else None


def _gives_labels(part: object) -> bool:
    """Say whether the items of a stacked part are labels themselves; the samples of other datasets are pairs."""
    while isinstance(part, Subset):
        part = part.dataset
    return is_array(part) or callable(getattr(part, "class_labels", None))


def _short(names: Sequence[str]) -> str:
    return f"({', '.join(map(repr, names[:5]))}{', ...' if len(names) > 5 else ''})"
