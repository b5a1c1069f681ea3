"""From labels or a data set to the class of each sample, as samplers draw by it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from lightning_imbalance.counting import Task, encode
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.members import Members, members_by_class
from lightning_imbalance.labels import Stream, as_labels, stream
from lightning_imbalance.labels.arrays import is_array

# Rows of a multilabel table that are looked at once.
_BLOCK = 2**16


class Classes(NamedTuple):
    """What a sampler has to know of its data.

    Attributes:
        distribution: The classes.
        members: The samples of each.
        num_labels: Number of samples, those of no class among them.

    Example:
        >>> read_classes([0, 1, -1], ignore_index=-1).num_labels
        3
    """

    distribution: ClassDistribution
    members: Members
    num_labels: int


def read_classes(
    source: Any,
    *,
    task: Task = "multiclass",
    num_classes: int | None = None,
    class_names: Any = None,
    ignore_index: int | None = None,
) -> Classes:
    """Count the labels, and find the samples of each class.

    Args:
        source: Labels (a tensor, array, list or column), or a data set that has a label for each index.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        num_classes: As in :meth:`ClassDistribution.from_dataset`, like the other arguments.
        class_names: One name a class.
        ignore_index: Samples with this label belong to no class.

    Returns:
        The distribution, the samples of each class, and their number. In ``multilabel`` a sample stands with the
        rarest of its labels, and one without any in a last group, C.

    Raises:
        TypeError: The source has no labels, or no indices.
        ValueError: The labels do not fit, or there is more than one a sample.

    Example:
        >>> classes = read_classes([0, 1, 0])
        >>> classes.distribution, classes.members.of(0)
        (ClassDistribution([2, 1]), tensor([0, 2], dtype=torch.int32))
    """
    if isinstance(source, (DataLoader, IterableDataset)):
        way_out = "its `.dataset`" if isinstance(source, DataLoader) else "`IterableBalancer` for a stream"
        msg = (
            f"a sampler must get labels or a data set with indices, got {type(source).__name__}. "
            f"{'Pass' if isinstance(source, DataLoader) else 'Use'} {way_out}."
        )
        raise TypeError(msg)
    found = Stream(None, iter([as_labels(source)])) if is_array(source) else stream(source)
    chunks = list(found.chunks)
    kept = Stream(found.class_names, iter(chunks))
    distribution = ClassDistribution.from_stream(kept, num_classes, class_names, task, ignore_index)
    parts = [chunk if isinstance(chunk, Tensor) else encode(chunk, distribution.class_names) for chunk in chunks]
    # Joined, one part alone would be copied.
    labels = (parts[0] if len(parts) == 1 else torch.cat(parts)).detach().cpu()
    if labels.ndim != 2 if task == "multilabel" else labels.shape[1:].numel() != 1:
        shape = "(N, C)" if task == "multilabel" else "(N,)"
        msg = f"a sampler must get one label a sample, shape {shape} for {task!r}, got shape {tuple(labels.shape)}."
        raise ValueError(msg)
    if task == "multilabel":
        members = members_by_class(_rarest(labels, distribution.counts), distribution.num_classes + 1)
    else:
        members = members_by_class(
            _indices(labels.flatten(), distribution.num_classes, ignore_index), distribution.num_classes
        )
    return Classes(distribution, members, len(labels))


def _indices(labels: Tensor, num_classes: int, ignore_index: int | None) -> Tensor:
    if labels.is_floating_point() or labels.dtype == torch.bool:  # a binary task's 0 and 1
        labels = labels.to(torch.int8)
    bounds = torch.iinfo(labels.dtype)
    # torch would wrap -100 to 156 in uint8 and leave out the samples of class 156.
    if ignore_index is None or not bounds.min <= ignore_index <= bounds.max:
        return labels
    ignored = labels == ignore_index
    if not bool(ignored.any()):
        return labels
    return labels.to(torch.int16 if num_classes <= torch.iinfo(torch.int16).max else torch.int64).masked_fill(
        ignored, -1
    )


def _rarest(labels: Tensor, counts: Tensor) -> Tensor:
    by_rarity = counts.argsort(stable=True)
    rarest = []
    for rows in torch.split(labels, _BLOCK):
        has = rows[:, by_rarity] == 1
        first = by_rarity[has.to(torch.uint8).argmax(1)]
        rarest.append(torch.where(has.any(1), first, len(counts)))
    return torch.cat(rarest)
