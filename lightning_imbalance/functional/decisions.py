"""From predictions of any form to decisions, as :mod:`torchmetrics` reads them."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import UNDECIDED, align, predicted_classes


def decided(
    preds: Tensor, target: Tensor, task: Task, num_classes: int, threshold: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Return class indices, or for ``binary`` and ``multilabel`` 0 and 1, beside the targets that they belong to.

    Args:
        preds: As :meth:`lightning_imbalance.metrics.ClassCounts.update` takes them.
        target: Likewise.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        num_classes: Number of classes.
        threshold: Probability from which a prediction of ``binary`` or ``multilabel`` is positive, exclusive.

    Returns:
        Decisions (-1 where a logit or probability is NaN) and targets, of the same shape.

    Raises:
        ValueError: Shapes do not fit.

    Example:
        >>> decided(torch.tensor([0.2, 0.9, torch.nan]), torch.tensor([0, 1, 1]), "binary", 2)
        (tensor([ 0,  1, -1]), tensor([0, 1, 1]))
    """
    if preds.is_floating_point() or task != "multiclass":
        preds, target = align(preds, target, task, num_classes)
    if not preds.is_floating_point():
        return preds, target
    if task == "multiclass":
        return predicted_classes(preds, task), target
    outside = ((preds < 0) | (preds > 1)).any()
    positive = torch.where(outside, preds.sigmoid(), preds) > threshold
    return positive.long().masked_fill(preds.isnan(), UNDECIDED), target
