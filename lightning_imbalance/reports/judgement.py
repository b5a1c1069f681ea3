"""All that follows from logits and targets: decisions, and how far the probabilities can be believed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional import (
    ConfusionCounts,
    confusion_counts,
    confusion_matrix,
    expected_calibration_error,
    precision_recall,
    predicted_classes,
)
from lightning_imbalance.functional.logits import probabilities as probabilities_of

BINS = 15
"""Bins of the calibration error, and of its picture."""

_LARGEST_MATRIX = 2000


class Judgement(NamedTuple):
    """Figures of N samples, each counted once.

    Attributes:
        counts: True positives, predictions and samples of each class.
        matrix: Shape ``(C, C)``: row i, column j counts the samples of class i that were predicted as class j; ``None``
            for ``multilabel`` and beyond 2,000 classes.
        average_precision: Of each class against the others, shape ``(C,)``, float64; NaN for a class without samples.
        probabilities: Shape of the logits, float64, without the samples that have no prediction.
        target: Their targets.
        accuracy: Share of right answers.
        log_loss: Mean of minus the logarithm of the right answer's probability, in nats; infinite where one was 0.
        calibration_error: Expected calibration error over 15 bins (Guo et al. 2017).

    Example:
        >>> judge(torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1]), num_classes=2).accuracy
        1.0
    """

    counts: ConfusionCounts
    matrix: Tensor | None
    average_precision: Tensor
    probabilities: Tensor
    target: Tensor
    accuracy: float
    log_loss: float
    calibration_error: float


def judge(
    logits: Tensor, target: Tensor, num_classes: int, task: Task = "multiclass", ignore_index: int | None = None
) -> Judgement:
    """Return all figures of an evaluation.

    A sample whose logits are NaN counts as missed, and as the least probable in the average precision; log loss and
    calibration are those of the others.

    Args:
        logits: Shape ``(N, C)``; ``binary``: ``(N,)``.
        target: Class indices ``(N,)``; ``multilabel``: 0 and 1, ``(N, C)``.
        num_classes: Number of classes C; 2 for ``binary``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Of ``multilabel``: answers of this value count nothing.

    Returns:
        The figures.

    Example:
        >>> logits, target = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1, 1])
        >>> judge(logits, target, num_classes=2).average_precision
        tensor([0.5000, 0.8333], dtype=torch.float64)
    """
    values = logits.double()
    predicted = predicted_classes(values, task)
    counts = confusion_counts(predicted, target, num_classes, task, ignore_index)
    drawn = task != "multilabel" and num_classes <= _LARGEST_MATRIX
    matrix = confusion_matrix(predicted, target, num_classes) if drawn else None
    probabilities = probabilities_of(values, task)
    decided = ~probabilities.isnan() if task == "binary" else ~probabilities.isnan().any(1)
    known = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    kept, answers = probabilities[decided], target[decided]
    error = expected_calibration_error(kept, answers, BINS, task=task, ignore_index=ignore_index).item()
    return Judgement(
        counts=counts,
        matrix=matrix,
        average_precision=_average_precisions(probabilities.nan_to_num(nan=0.0), target, task, known),
        probabilities=kept,
        target=answers,
        accuracy=(predicted == target)[known].double().mean().item(),
        log_loss=_log_loss(values[decided], answers, task, known[decided]),
        calibration_error=error,
    )


def _average_precisions(scores: Tensor, target: Tensor, task: Task, known: Tensor) -> Tensor:
    averages = []
    # A column at a time, which lies in one piece of memory then.
    columns = torch.stack([1 - scores, scores]) if task == "binary" else scores.T.contiguous()
    for index, column in enumerate(columns):
        if task == "multilabel":
            judged = known[:, index]
            curve = precision_recall(column[judged], target[:, index][judged] == 1)
        else:
            curve = precision_recall(column, target == index)
        averages.append(curve.average_precision)
    return torch.stack(averages)


def _log_loss(values: Tensor, target: Tensor, task: Task, known: Tensor) -> float:
    # From the logits, whose logarithms are finite where a probability rounds to 0.
    if task == "multiclass":
        losses = -values.log_softmax(1).gather(1, target[:, None]).squeeze(1)
    else:
        losses = -torch.nn.functional.logsigmoid(torch.where(target == 1, values, -values))[known]
    return losses.mean().item()
