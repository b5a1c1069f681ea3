"""Predictions and targets out of whatever a step returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import align
from lightning_imbalance.labels.batch import TARGET_KEYS, described, keys_among, target_of
from lightning_imbalance.network_call import logits_of


class StepOutput(NamedTuple):
    """What a step said about a batch.

    Attributes:
        given: Logits as :func:`~lightning_imbalance.functional.align` returns them; or predictions, class indices or
            probabilities as :class:`~lightning_imbalance.metrics.ClassCounts` takes them.
        target: Class indices, or 0 and 1.
        num_classes: Number of classes that the predictions show, ``None`` where they are indices.
        are_logits: Whether logits are given, from which predictions are still to be decided.

    Example:
        >>> import torch
        >>> StepOutput(torch.tensor([1]), torch.tensor([1]), num_classes=None).are_logits
        False
    """

    given: Tensor
    target: Tensor
    num_classes: int | None
    are_logits: bool = False


def read_step_output(
    outputs: Any, batch: Any, task: Task, logits_key: str, preds_key: str, target_key: str
) -> StepOutput:
    """Return predictions and targets of a step's mapping, or of an object with the attribute ``logits``.

    Args:
        outputs: What ``training_step``, ``validation_step`` or ``test_step`` returned.
        batch: What the step was given. Targets that it did not return are looked for there, under the usual names.
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
        >>> read_step_output(outputs, None, "multiclass", "logits", "preds", "target").are_logits
        True
    """
    wanted = f"{logits_key!r} (or {preds_key!r}) and {target_key!r}"
    way_out = (
        "Return them from the step, name other keys, or name the submodule whose output are the logits: "
        'ImbalanceMonitor(logits_from="model"). For anything else there is `extract=`.'
    )
    if not isinstance(outputs, (Mapping, Tensor, tuple)) and hasattr(outputs, "logits"):
        outputs = {logits_key: logits_of(outputs)}
    if not isinstance(outputs, Mapping):
        msg = f"the step must return a mapping with {wanted}, got {type(outputs).__name__}. {way_out}"
        raise TypeError(msg)
    found = logits_key in outputs or preds_key in outputs
    if found and target_key not in outputs and _has_target(batch, target_key):
        outputs = {**outputs, target_key: target_in_batch(batch, target_key)}
    if not found or target_key not in outputs:
        keys = ", ".join(map(repr, outputs)) or "none"
        msg = f"the step must return a mapping with {wanted}, got the keys {keys}. {way_out}"
        raise ValueError(msg)
    if logits_key not in outputs:
        return as_step_output(outputs[preds_key], outputs[target_key], task)
    logits, target = align(outputs[logits_key], outputs[target_key], task)
    width = 2 if task == "binary" else logits.shape[1]
    return StepOutput(logits, _hard(logits, target, task), width, are_logits=True)


def target_in_batch(batch: Any, target_key: str) -> Any:
    """Return the targets that a step was given.

    Args:
        batch: A pair, or a mapping.
        target_key: Key of the targets in a mapping; ``"target"`` stands for any usual one, such as ``label``.

    Returns:
        The targets.

    Raises:
        TypeError: There are none, or several could be meant.

    Example:
        >>> target_in_batch({"image": "picture", "label": 3}, "target")
        3
    """
    if isinstance(batch, Mapping) and target_key in batch:
        return batch[target_key]
    if _has_target(batch, target_key):
        return target_of(batch)
    wanted = "one usual target key (label, target, y, ...)" if target_key == "target" else repr(target_key)
    msg = (
        f"the batch must be an (inputs, target) pair or a mapping with {wanted}, got {described(batch)}. Name the key "
        "of the targets: ImbalanceMonitor(target_key=...)."
    )
    raise TypeError(msg)


def _has_target(batch: Any, target_key: str) -> bool:
    if isinstance(batch, Mapping):
        return target_key in batch or (target_key == "target" and len(keys_among(batch, TARGET_KEYS)) == 1)
    return isinstance(batch, (tuple, list)) and len(batch) == 2


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
