"""How much of a yes-or-no target speaks for each side, class weights included."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.true_class import along_classes

BinaryTask = Literal["binary", "multilabel"]


class Sides(NamedTuple):
    """Logits, and what their targets count for on each side; all three have the shape of the targets.

    Attributes:
        logits: In float32 or float64, 0 where the target is ignored.
        negative: :math:`w_0 (1 - y)`, 0 where the target is ignored.
        positive: :math:`w_1 y`, likewise.
    """

    logits: Tensor
    negative: Tensor
    positive: Tensor


def binary_sides(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    task: BinaryTask = "binary",
    ignore_index: int | None = None,
) -> Sides:
    """Split each target into what counts for the negative side and what counts for the positive one.

    Args:
        logits: ``binary``: any shape. ``multilabel``: ``(N, C)`` or ``(N, C, d1, ...)``.
        target: 0 and 1, or probabilities between them, shape of ``logits``.
        weight: ``binary``: two numbers, negative then positive. ``multilabel``: ``pos_weight``, shape ``(C,)``. By
            default all 1.
        task: ``"binary"`` or ``"multilabel"``: what ``weight`` means.
        ignore_index: Targets of this value count nothing.

    Returns:
        The sides. Their sum is the weight of the target in a mean.

    Raises:
        ValueError: ``target`` has another shape than ``logits``.

    Example:
        >>> import torch
        >>> sides = binary_sides(torch.zeros(3), torch.tensor([0, 1, -1]), torch.tensor([1.0, 3.0]), ignore_index=-1)
        >>> sides.negative, sides.positive
        (tensor([1., 0., 0.]), tensor([0., 3., 0.]))
    """
    if logits.shape != target.shape:
        msg = f"`target` must have the shape of the logits, {tuple(logits.shape)}, got {tuple(target.shape)}."
        raise ValueError(msg)
    logits = full_precision(logits)
    positive = target.to(logits.dtype)
    negative = 1 - positive
    if weight is not None:
        weight = weight.to(logits.dtype)
        if task == "binary":
            negative, positive = negative * weight[0], positive * weight[1]
        else:
            positive = positive * along_classes(weight, logits.ndim)
    if ignore_index is not None:
        ignored = target == ignore_index
        negative, positive = negative.masked_fill(ignored, 0), positive.masked_fill(ignored, 0)
        logits = logits.masked_fill(ignored, 0)  # 0 times an infinite logit is no number
    return Sides(logits, negative, positive)
