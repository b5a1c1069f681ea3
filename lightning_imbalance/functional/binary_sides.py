"""How much of a yes-or-no target speaks for each side, class weights included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.true_class import along_classes

BinaryTask = Literal["binary", "multilabel"]


class Sides:
    """Logits, and what their targets count for on each side; as a tuple logits, negative, positive.

    Args:
        logits: In float32 or float64, 0 where the target is ignored.
        target: In the type of the logits, likewise.
        negative_weight: What a negative counts for, as it broadcasts to the logits; ``None`` for 1.
        positive_weight: What a positive counts for, likewise.
        kept: 1, and 0 where the target is ignored; ``None`` where none is.

    Attributes:
        negative: :math:`w_0 (1 - y)`, 0 where the target is ignored; shape of the logits.
        positive: :math:`w_1 y`, likewise.
    """

    def __init__(
        self,
        logits: Tensor,
        target: Tensor,
        negative_weight: Tensor | None,
        positive_weight: Tensor | None,
        kept: Tensor | None,
    ) -> None:
        self.logits, self.target, self.kept = logits, target, kept
        self.negative_weight, self.positive_weight = negative_weight, positive_weight

    @property
    def negative(self) -> Tensor:
        """Return what each target counts for on the negative side."""
        return times(times(1 - self.target, self.negative_weight), self.kept)

    @property
    def positive(self) -> Tensor:
        """Return what each target counts for on the positive side."""
        return times(times(self.target, self.positive_weight), self.kept)

    def __iter__(self) -> Iterator[Tensor]:
        yield self.logits
        yield self.negative
        yield self.positive

    def counted(self) -> Tensor:
        """Return the weight of each target in a mean: the sum of both sides."""
        if self.positive_weight is None:
            return torch.ones_like(self.target) if self.kept is None else self.kept
        negative = self.target.new_ones(()) if self.negative_weight is None else self.negative_weight
        return times(torch.lerp(negative, self.positive_weight, self.target), self.kept)

    def total(self) -> Tensor:
        """Return the sum of the weights."""
        if self.positive_weight is None and self.kept is None:
            return self.target.new_full((), self.target.numel())
        return self.counted().sum()


def times(value: Tensor, factor: Tensor | None) -> Tensor:
    """Return the product, and the value itself where there is no factor.

    Args:
        value: Any shape.
        factor: As it broadcasts to the value.

    Returns:
        Shape of ``value``.

    Example:
        >>> times(torch.tensor([1.0, 2.0]), None)
        tensor([1., 2.])
    """
    return value if factor is None else value * factor


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
    negative = positive = kept = None
    if weight is not None:
        weight = weight.to(logits.dtype)
        negative, positive = weight if task == "binary" else (None, along_classes(weight, logits.ndim))
    if ignore_index is not None:
        ignored = target == ignore_index
        kept = (~ignored).to(logits.dtype)
        target = target.masked_fill(ignored, 0)
        logits = logits.masked_fill(ignored, 0)  # 0 times an infinite logit is no number
    return Sides(logits, target.to(logits.dtype), negative, positive, kept)
