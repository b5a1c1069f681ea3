"""From labels or a data set to the class of each sample, as samplers draw by it."""

from __future__ import annotations

from typing import Any

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


def read_classes(
    source: Any,
    *,
    task: Task = "multiclass",
    num_classes: int | None = None,
    class_names: Any = None,
    ignore_index: int | None = None,
) -> tuple[ClassDistribution, Members]:
    """Count the labels, and find the samples of each class.

    Args:
        source: Labels (a tensor, array, list or column), or a data set that has a label for each index.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        num_classes: As in :meth:`ClassDistribution.from_dataset`, like the other arguments.
        class_names: One name a class.
        ignore_index: Samples with this label belong to no class.

    Returns:
        The distribution, and the samples of each class. In ``multilabel`` a sample stands with the rarest of its
        labels, and one without any in a last group, C.

    Raises:
        TypeError: The source has no labels, or no indices.
        ValueError: The labels do not fit, or there is more than one a sample.

    Example:
        >>> distribution, members = read_classes([0, 1, 0])
        >>> distribution, members.of(0)
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
    labels = torch.cat(
        [chunk if isinstance(chunk, Tensor) else encode(chunk, distribution.class_names) for chunk in chunks]
    )
    labels = labels.detach().cpu()
    if labels.ndim != (2 if task == "multilabel" else 1) and labels.shape[1:].numel() != 1:
        shape = "(N, C)" if task == "multilabel" else "(N,)"
        msg = f"a sampler must get one label a sample, shape {shape} for {task!r}, got shape {tuple(labels.shape)}."
        raise ValueError(msg)
    if task == "multilabel":
        return distribution, members_by_class(_rarest(labels, distribution.counts), distribution.num_classes + 1)
    labels = labels.flatten()
    if ignore_index is not None and bool((labels == ignore_index).any()):
        labels = torch.where(labels == ignore_index, -1, labels.to(torch.int64))
    if labels.is_floating_point() or labels.dtype == torch.bool:  # a binary task's 0 and 1
        labels = labels.to(torch.uint8)
    return distribution, members_by_class(labels, distribution.num_classes)


def _rarest(labels: Tensor, counts: Tensor) -> Tensor:
    by_rarity = counts.argsort(stable=True)
    rarest = []
    for rows in torch.split(labels, _BLOCK):
        has = rows[:, by_rarity] == 1
        first = by_rarity[has.to(torch.uint8).argmax(1)]
        rarest.append(torch.where(has.any(1), first, len(counts)))
    return torch.cat(rarest)
