"""Five numbers a class, from which every recall-like figure follows.

The C × C confusion matrix holds more, but at 10,000 classes it takes 800 MB; these vectors take 400 KB.
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
        undecided: Samples of the class without a prediction (outside the classes, as the -1 for NaN logits is), shape
            ``(C,)``. For ``multilabel`` samples without a prediction for the class, of it or not.

    Example:
        >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
        >>> counts.samples
        tensor([2, 1])
    """

    true_positives: Tensor
    predictions: Tensor
    samples: Tensor
    total: Tensor
    undecided: Tensor


def confusion_counts(
    predicted: Tensor, target: Tensor, num_classes: int, task: Task = "multiclass", ignore_index: int | None = None
) -> ConfusionCounts:
    """Count true positives, predictions and samples of each class, without waiting for a device.

    A sample without a prediction is missed: it counts for its class and as a prediction of none.

    Args:
        predicted: ``multiclass``: class indices ``(N, ...)``. ``binary`` and ``multilabel``: 0 and 1 of the target's
            shape. -1 where there is no prediction.
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
    width = num_classes + 1
    hits = torch.where(predicted == target, target, nowhere)
    # What has no prediction is no hit, so that its place is free.
    hits_or_undecided = torch.where(predicted == nowhere, target + 3 * width, hits)
    index = torch.cat([hits_or_undecided, predicted + width, target + 2 * width])
    counts = torch.zeros(4 * width, dtype=torch.int64, device=target.device)
    counts.scatter_add_(0, index, torch.ones_like(index))
    hit, said, was, undecided = counts.view(4, width)[:, :num_classes].unbind()
    return ConfusionCounts(hit, said, was, was.sum().expand(num_classes), undecided)


def _multilabel_counts(predicted: Tensor, target: Tensor, ignore_index: int | None) -> ConfusionCounts:
    predicted = predicted.movedim(1, -1).flatten(end_dim=-2)
    was = target.movedim(1, -1).flatten(end_dim=-2)
    judged = torch.ones_like(was, dtype=torch.bool) if ignore_index is None else was != ignore_index
    was, said = (was == 1) & judged, (predicted == 1) & judged
    undecided = (predicted != 0) & (predicted != 1) & judged
    return ConfusionCounts((said & was).sum(0), said.sum(0), was.sum(0), judged.sum(0), undecided.sum(0))
