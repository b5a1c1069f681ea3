"""Probabilities and targets, brought into one form: a column of scores and of answers for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.checks import check_class_names, check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.calibration_bins import check_probabilities
from lightning_imbalance.functional.logits import align, check_target_range

CURVES = 8
"""Up to so many classes have a curve each; more cannot be told apart."""


class Predictions(NamedTuple):
    """What was predicted and what was true.

    Attributes:
        scores: Probability of each class, ``(N, C)``, float64; for ``binary`` the positive class alone, ``(N, 1)``.
        answers: Whether the sample is of the class, same shape, bool.
        names: One name a column.

    Example:
        >>> read_predictions(torch.tensor([0.2]), torch.tensor([1]), task="binary").answers
        tensor([[True]])
    """

    scores: Tensor
    answers: Tensor
    names: tuple[str, ...]


def read_predictions(
    probabilities: Tensor,
    target: Tensor,
    class_names: Sequence[str] | None = None,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> Predictions:
    """Check predictions, leave out ignored targets, and flatten pixels.

    Args:
        probabilities: ``multiclass`` and ``multilabel`` ``(N, C, ...)``, ``binary`` ``(N, ...)``, of the positive
            class.
        target: Class indices ``(N, ...)``, or 0 and 1 of the shape of ``probabilities``.
        class_names: One name a class (``binary``: negative, then positive).
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value are left out; of ``multilabel`` only the label, which then counts for none.

    Returns:
        A column a class.

    Raises:
        TypeError: Targets are no integers.
        ValueError: Shapes do not fit, a value is no probability, or a target is outside the classes.

    Example:
        >>> predictions = read_predictions(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 1]), ["cat", "dog"])
        >>> predictions.names, predictions.answers.tolist()
        (('cat', 'dog'), [[True, False], [False, True]])
    """
    check_task(task)
    scores, target = align(torch.as_tensor(probabilities).detach(), torch.as_tensor(target), task)
    scores, target = scores.cpu().double(), target.cpu().long()
    if scores.numel():
        check_probabilities(scores)
    classes = 2 if task == "binary" else scores.shape[1]
    names = check_class_names(class_names, classes)
    check_target_range(target, task, classes, ignore_index)
    known = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    if task == "multiclass":
        known = known.flatten()
        scores = scores.movedim(1, -1).flatten(end_dim=-2)[known]
        answers = target.flatten()[known][:, None] == torch.arange(classes)
    elif task == "binary":
        known = known.flatten()
        scores, answers = scores.flatten()[known][:, None], (target.flatten()[known] == 1)[:, None]
        names = names[1:] if names else ("positive",)
    else:
        # A NaN is counted nowhere below, and rows stay rows.
        scores = scores.masked_fill(~known, torch.nan).movedim(1, -1).flatten(end_dim=-2)
        answers = target.movedim(1, -1).flatten(end_dim=-2) == 1
    return Predictions(scores, answers, names or tuple(map(str, range(classes))))


def column_of(predictions: Predictions, index: int) -> tuple[Tensor, Tensor]:
    """Return scores and answers of one class, without what is ignored.

    Example:
        >>> column_of(Predictions(torch.tensor([[0.5], [torch.nan]]), torch.tensor([[True], [False]]), ("cat",)), 0)
        (tensor([0.5000]), tensor([True]))
    """
    scores, answers = predictions.scores[:, index], predictions.answers[:, index]
    known = ~scores.isnan()
    return scores[known], answers[known]
