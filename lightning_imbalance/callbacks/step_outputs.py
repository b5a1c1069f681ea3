"""Predictions and targets out of whatever a step returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import align, predicted_classes
from lightning_imbalance.labels.batch import described


class StepOutput(NamedTuple):
    """What a step said about a batch.

    Attributes:
        preds: Class indices, or probabilities as :class:`~lightning_imbalance.metrics.ClassCounts` takes them.
        target: Class indices, or 0 and 1.
        num_classes: Number of classes that the predictions show, ``None`` where they are indices.
        logits: What the predictions were decided from, as :func:`~lightning_imbalance.functional.align` returns it;
            ``None`` where the step returned predictions.

    Example:
        >>> import torch
        >>> StepOutput(torch.tensor([1]), torch.tensor([1]), num_classes=None).num_classes
    """

    preds: Tensor
    target: Tensor
    num_classes: int | None
    logits: Tensor | None = None


def read_step_output(outputs: Any, task: Task, logits_key: str, preds_key: str, target_key: str) -> StepOutput:
    """Return predictions and targets of a step's mapping.

    Args:
        outputs: What ``training_step``, ``validation_step`` or ``test_step`` returned.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        logits_key: Key of the logits.
        preds_key: Key of predictions, looked for where there are no logits.
        target_key: Key of the targets.

    Returns:
        Predictions and targets.

    Raises:
        TypeError: The step returned something else than a mapping.
        ValueError: The mapping lacks a key, or logits and targets do not fit.

    Example:
        >>> import torch
        >>> outputs = {"logits": torch.eye(3), "target": torch.tensor([0, 1, 1])}
        >>> read_step_output(outputs, "multiclass", "logits", "preds", "target").preds
        tensor([0, 1, 2])
    """
    wanted = f"{logits_key!r} (or {preds_key!r}) and {target_key!r}"
    way_out = "Return them from the step, name other keys, or pass `extract=` to ImbalanceMonitor."
    if not isinstance(outputs, Mapping):
        msg = f"the step must return a mapping with {wanted}, got {type(outputs).__name__}. {way_out}"
        raise TypeError(msg)
    if target_key not in outputs or not (logits_key in outputs or preds_key in outputs):
        keys = ", ".join(map(repr, outputs)) or "none"
        msg = f"the step must return a mapping with {wanted}, got the keys {keys}. {way_out}"
        raise ValueError(msg)
    if logits_key not in outputs:
        return as_step_output(outputs[preds_key], outputs[target_key], task)
    logits, target = align(outputs[logits_key], outputs[target_key], task)
    width = 2 if task == "binary" else logits.shape[1]
    return StepOutput(predicted_classes(logits, task), _hard(logits, target, task), width, logits)


def read_logits(outputs: Any, task: Task, logits_key: str, target_key: str) -> tuple[Tensor, Tensor]:
    """Return logits and targets of a step's mapping, for what must know more than the decision.

    Args:
        outputs: What ``validation_step`` returned.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        logits_key: Key of the logits.
        target_key: Key of the targets.

    Returns:
        Logits ``(N, C, ...)`` (``binary``: ``(N, ...)``), and class indices or 0 and 1, int64.

    Raises:
        TypeError: The step returned something else than a mapping.
        ValueError: The mapping lacks a key, or logits and targets do not fit.

    Example:
        >>> import torch
        >>> read_logits({"logits": torch.zeros(2, 1), "target": torch.ones(2)}, "binary", "logits", "target")
        (tensor([0., 0.]), tensor([1, 1]))
    """
    if not isinstance(outputs, Mapping) or logits_key not in outputs or target_key not in outputs:
        mapping = isinstance(outputs, Mapping)
        got = f"the keys {', '.join(map(repr, outputs)) or 'none'}" if mapping else type(outputs).__name__
        msg = (
            f"`validation_step` must return a mapping with {logits_key!r} and {target_key!r}, got {got}. Return them, "
            "or pass `logits_key` and `target_key`."
        )
        raise (ValueError if mapping else TypeError)(msg)
    logits, target = align(outputs[logits_key], outputs[target_key], task)
    return logits, _hard(logits, target, task)


def read_extracted(pair: Any, task: Task) -> StepOutput:
    """Return predictions and targets that a function of the user's has found.

    Args:
        pair: What it returned.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        Predictions and targets.

    Raises:
        TypeError: It is no pair.

    Example:
        >>> import torch
        >>> read_extracted((torch.eye(2), torch.tensor([0, 1])), "multiclass").num_classes
        2
    """
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        msg = f"`extract` must return predictions and target, a pair, got {described(pair)}."
        raise TypeError(msg)
    return as_step_output(pair[0], pair[1], task)


def as_step_output(preds: Tensor, target: Tensor, task: Task) -> StepOutput:
    """Return predictions and targets that are at hand.

    Args:
        preds: Class indices; or for ``multiclass`` logits or probabilities ``(N, C, ...)``, for the other tasks
            probabilities.
        target: Class indices, or 0 and 1.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        The same, with the number of classes where the predictions show it.

    Raises:
        TypeError: Class indices are not integers.

    Example:
        >>> import torch
        >>> as_step_output(torch.eye(3), torch.tensor([0, 1, 1]), "multiclass").num_classes
        3
    """
    shown = preds.shape[1] if preds.ndim > 1 and (preds.is_floating_point() or task == "multilabel") else None
    return StepOutput(preds, _hard(preds, target, task), 2 if task == "binary" else shown)


def _hard(preds: Tensor, target: Tensor, task: Task) -> Tensor:
    if not target.is_floating_point():
        return target
    if task != "multiclass":
        # What is no probability stays as it is: `ignore_index`, or a mistake that the counts will name.
        inside = (target >= 0) & (target <= 1)
        return torch.where(inside, target > 0.5, target).long()
    if target.ndim != preds.ndim + (not preds.is_floating_point()):
        kind = str(target.dtype).removeprefix("torch.")
        msg = f"class indices must be integers, got {kind} targets. Convert them with `target.long()`."
        raise TypeError(msg)
    # Soft targets (mixup) have a recall only for the class that most of the sample is.
    return target.argmax(1)
