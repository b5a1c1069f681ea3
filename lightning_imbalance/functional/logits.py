"""What the logits of each task look like, and what they say.

========== ========================= ======================== =================
task       logits                    target                   also accepted
========== ========================= ======================== =================
multiclass ``(N, C, ...)``           ``(N, ...)`` indices     ``(N, C, ...)`` probabilities
binary     ``(N, ...)``              ``(N, ...)`` 0 or 1      ``(N, 1, ...)`` for either
multilabel ``(N, C, ...)``           ``(N, C, ...)`` 0 or 1
========== ========================= ======================== =================
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task

UNDECIDED = -1
"""The prediction of a sample whose logits are NaN."""


def align(logits: Tensor, target: Tensor, task: Task, num_classes: int | None = None) -> tuple[Tensor, Tensor]:
    """Check that logits and targets fit each other, and bring ``(N, 1)`` and small integer types into one form.

    Only shapes and types are looked at, so that nothing waits for a device.

    Args:
        logits: A model's output.
        target: What it should have been.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        num_classes: Number of classes, where known.

    Returns:
        Logits ``(N, C, ...)`` (``binary``: ``(N, ...)``); targets as in the table above, indices as int64.

    Raises:
        TypeError: Class indices are not integers, or one of both is no tensor.
        ValueError: A shape does not fit; the message has both.

    Example:
        >>> logits, target = align(torch.zeros(4, 1), torch.zeros(4), "binary")
        >>> logits.shape, target.shape
        (torch.Size([4]), torch.Size([4]))
    """
    for name, value in (("logits", logits), ("target", target)):
        if not isinstance(value, Tensor):
            way_out = (
                "Return class indices from the dataset, or override `unpack_batch`."
                if name == "target"
                else "Return the logits alone from the model or from `forward`."
            )
            msg = f"`{name}` must be a tensor, got {type(value).__name__}. {way_out}"
            raise TypeError(msg)
    if task == "multiclass":
        return logits, _align_multiclass(logits, target, num_classes)
    if task == "binary":
        return _align_binary(logits, target)
    _check_width(logits, num_classes)
    if logits.shape != target.shape:
        msg = (
            f"multilabel targets must have the shape of the logits, {tuple(logits.shape)}, a 0 or 1 for each label, "
            f"got {tuple(target.shape)}."
        )
        raise ValueError(msg)
    return logits, target


def check_target_range(target: Tensor, task: Task, num_classes: int, ignore_index: int | None = None) -> None:
    """Refuse targets outside the classes. Reads values, so on an accelerator the host waits for the device.

    Args:
        target: As :func:`align` returns it.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        num_classes: Number of classes.
        ignore_index: Targets of this value are left out.

    Raises:
        ValueError: A target is outside; the message names it.

    Example:
        >>> check_target_range(torch.tensor([0, 2]), "multiclass", num_classes=2)
        Traceback (most recent call last):
        ValueError: targets must be class indices from 0 to 1, got 2. Pass a larger `num_classes` if it is ...
    """
    if target.numel() == 0:
        return
    indices = task == "multiclass" and not target.is_floating_point()
    top = num_classes - 1 if indices else 1
    judged = target if ignore_index is None else target.masked_fill(target == ignore_index, 0)
    low, high = (bound.item() for bound in torch.aminmax(judged))
    if not (low >= 0 and high <= top):  # in this form for NaN
        what = f"class indices from 0 to {top}" if indices else "between 0 and 1"
        got = high if low >= 0 else low
        larger = "Pass a larger `num_classes` if it is a class, or " if got > 0 else "Pass "
        way_out = f" {larger}`ignore_index={got}` to leave such targets out." if indices else ""
        hint = way_out if ignore_index is None else ""
        msg = f"targets must be {what}, got {got}.{hint}"
        raise ValueError(msg)


def predicted_classes(logits: Tensor, task: Task) -> Tensor:
    """Return the decision: the largest logit, or for ``binary`` and ``multilabel`` a logit above 0 (probability 0.5).

    Args:
        logits: As :func:`align` returns them.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        ``multiclass``: class indices ``(N, ...)``. Else 0 and 1 of the logits' shape. int64. -1 where a logit is NaN.

    Example:
        >>> predicted_classes(torch.tensor([[0.1, 2.0], [3.0, -1.0], [torch.nan, 1.0]]), "multiclass")
        tensor([ 1,  0, -1])
    """
    if task != "multiclass":
        return (logits > 0).long().masked_fill(logits.isnan(), UNDECIDED)
    largest, predicted = _largest(logits)
    return predicted.masked_fill(largest.isnan(), UNDECIDED)


def _largest(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest logit of each row and its index; a NaN is larger than any number."""
    in_memory = (
        type(logits) is Tensor and logits.device.type == "cpu" and logits.dtype in {torch.float32, torch.float64}
    )
    if not in_memory or torch.compiler.is_compiling():
        largest, index = logits.max(1)
        return largest, index
    # torch looks for an index one number at a time on the CPU, numpy with vector instructions: a tenth of the time for
    # 1,000 classes.
    index = torch.from_numpy(logits.detach().numpy().argmax(1))
    return logits.gather(1, index.unsqueeze(1)).squeeze(1), index


def probabilities(logits: Tensor, task: Task) -> Tensor:
    """Return softmax over the classes, or for ``binary`` and ``multilabel`` the sigmoid of each logit.

    Args:
        logits: As :func:`align` returns them. Half precision is computed in float32.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        Probabilities of the logits' shape.

    Example:
        >>> probabilities(torch.tensor([0.0, 2.0]), "binary")
        tensor([0.5000, 0.8808])
    """
    logits = full_precision(logits)
    return logits.softmax(1) if task == "multiclass" else logits.sigmoid()


def full_precision(logits: Tensor) -> Tensor:
    """Return logits that a loss can be computed from: float32 in place of half precision.

    Args:
        logits: Any shape.

    Returns:
        The logits themselves where they are float32 or float64.

    Example:
        >>> full_precision(torch.zeros(2, dtype=torch.float16)).dtype
        torch.float32
    """
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def squeeze_binary(logits: Tensor) -> Tensor:
    """Return the one logit of a yes-or-no question without its class axis: ``(N, 1, ...)`` becomes ``(N, ...)``.

    Args:
        logits: Shape ``(N,)``, ``(N, 1)`` or ``(N, 1, d1, ...)``.

    Returns:
        Shape ``(N,)`` or ``(N, d1, ...)``.

    Example:
        >>> squeeze_binary(torch.zeros(4, 1)).shape
        torch.Size([4])
    """
    return logits.squeeze(1) if logits.ndim > 1 and logits.shape[1] == 1 else logits


def _align_multiclass(logits: Tensor, target: Tensor, num_classes: int | None) -> Tensor:
    _check_width(logits, num_classes)
    if target.is_floating_point():
        if target.shape != logits.shape:
            if target.shape == _without_classes(logits):
                kind = str(target.dtype).removeprefix("torch.")
                msg = f"class indices must be integers, got {kind} targets. Convert them with `target.long()`."
                raise TypeError(msg)
            msg = (
                f"class probabilities must have the shape of the logits, {tuple(logits.shape)}, "
                f"got {tuple(target.shape)}."
            )
            raise ValueError(msg)
        return target
    if target.shape != _without_classes(logits):
        hint = " Use `target.squeeze(1)`." if target.shape[1:2] == (1,) else ""
        msg = (
            f"class indices must have shape {tuple(_without_classes(logits))} for logits of shape "
            f"{tuple(logits.shape)}, got {tuple(target.shape)}.{hint}"
        )
        raise ValueError(msg)
    return target.long()


def _align_binary(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    if logits.ndim > 1 and logits.shape[1] != 1 and logits.shape != target.shape:
        msg = (
            f"binary logits must have one column, shape (N,) or (N, 1), got {tuple(logits.shape)} for targets of shape "
            f'{tuple(target.shape)}. For a model with two outputs use `task="multiclass"`.'
        )
        raise ValueError(msg)
    squeezed = squeeze_binary(logits)
    if target.shape not in (squeezed.shape, logits.shape):
        msg = (
            f"binary targets must have shape {tuple(squeezed.shape)} for logits of shape {tuple(logits.shape)}, "
            f"got {tuple(target.shape)}."
        )
        raise ValueError(msg)
    return squeezed, target.reshape(squeezed.shape)


def _check_width(logits: Tensor, num_classes: int | None) -> None:
    if logits.ndim < 2:
        msg = f"logits must have shape (N, C, ...), one column a class, got {tuple(logits.shape)}."
        raise ValueError(msg)
    if num_classes is not None and logits.shape[1] != num_classes:
        wider = f", or pass `num_classes={logits.shape[1]}` if there are classes without samples"
        msg = (
            f"the model must give one logit for each of the {num_classes} classes, got {logits.shape[1]} "
            f"(logits of shape {tuple(logits.shape)}). Change the model's last layer to {num_classes} outputs"
            f"{wider if logits.shape[1] > num_classes else ''}."
        )
        raise ValueError(msg)


def _without_classes(logits: Tensor) -> torch.Size:
    return logits.shape[:1] + logits.shape[2:]
