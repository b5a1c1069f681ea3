"""Four numbers a class, from which every recall-like figure follows.

The C × C confusion matrix holds more, but at 10,000 classes it takes 800 MB; these vectors take 320 KB.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.counting import Task


class ConfusionCounts(NamedTuple):
    """What was there and what was predicted, class by class.

    Attributes:
        true_positives: Samples of the class that were predicted as it, shape ``(C,)``.
        predictions: Samples predicted as the class, shape ``(C,)``.
        samples: Samples of the class, shape ``(C,)``.
        total: Samples that were judged for the class, of it or not, shape ``(C,)``.

    Example:
        >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
        >>> counts.samples
        tensor([2, 1])
    """

    true_positives: Tensor
    predictions: Tensor
    samples: Tensor
    total: Tensor


def confusion_counts(
    predicted: Tensor, target: Tensor, num_classes: int, task: Task = "multiclass", ignore_index: int | None = None
) -> ConfusionCounts:
    """Count true positives, predictions and samples of each class, without waiting for a device.

    Args:
        predicted: ``multiclass``: class indices ``(N, ...)``. ``binary`` and ``multilabel``: 0 and 1 of the target's
            shape.
        target: ``multiclass``: class indices ``(N, ...)``. ``binary``: 0 and 1. ``multilabel``: 0 and 1,
            ``(N, C, ...)``.
        num_classes: Number of classes C.
        task: ``"multiclass"``, ``"binary"`` (two classes, negative and positive) or ``"multilabel"``.
        ignore_index: Targets of this value are left out, like those outside the classes.

    Returns:
        The counts, int64, on the device of ``target``.

    Raises:
        ValueError: ``predicted`` and ``target`` differ in shape.

    Example:
        >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
        >>> counts.true_positives, counts.predictions
        (tensor([1, 1]), tensor([1, 2]))
    """
    if predicted.shape != target.shape:
        msg = f"`predicted` must have the shape of the target, {tuple(target.shape)}, got {tuple(predicted.shape)}."
        raise ValueError(msg)
    if task == "multilabel":
        return _multilabel_counts(predicted, target, ignore_index)
    predicted, target = predicted.long().flatten(), target.long().flatten()
    # A row C collects what does not count: fixed shapes, where a boolean mask would make the host wait for the device.
    nowhere = num_classes
    outside = (target < 0) | (target >= num_classes)
    if ignore_index is not None:
        outside |= target == ignore_index
    predicted = predicted.masked_fill(outside | (predicted < 0) | (predicted >= num_classes), nowhere)
    target = target.masked_fill(outside, nowhere)
    hits = torch.where(predicted == target, target, nowhere)
    index = torch.cat([hits, predicted + (num_classes + 1), target + 2 * (num_classes + 1)])
    counts = torch.zeros(3 * (num_classes + 1), dtype=torch.int64, device=target.device)
    counts.scatter_add_(0, index, torch.ones_like(index))
    hit, said, was = counts.view(3, num_classes + 1)[:, :num_classes].unbind()
    return ConfusionCounts(hit, said, was, was.sum().expand(num_classes))


def _multilabel_counts(predicted: Tensor, target: Tensor, ignore_index: int | None) -> ConfusionCounts:
    said = predicted.movedim(1, -1).flatten(end_dim=-2) == 1
    was = target.movedim(1, -1).flatten(end_dim=-2)
    judged = torch.ones_like(was, dtype=torch.bool) if ignore_index is None else was != ignore_index
    was, said = (was == 1) & judged, said & judged
    return ConfusionCounts((said & was).sum(0), said.sum(0), was.sum(0), judged.sum(0))
