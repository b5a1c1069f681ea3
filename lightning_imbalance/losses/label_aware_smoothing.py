"""Label-aware smoothing as a module."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional.label_aware_smoothing import SmoothingShape, label_aware_smoothing_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import share


class LabelAwareSmoothingLoss(CountedLoss):
    """Cross-entropy, smoothed the more, the more samples the true class has.

    The formula, its source and how it differs from the paper are those of
    :func:`lightning_imbalance.functional.label_aware_smoothing`.

    Args:
        head: ε of the most frequent class, between 0 and 1.
        tail: ε of the rarest class, between 0 and ``head``.
        shape: How ε rises with the count between them: ``"concave"``, ``"linear"`` or ``"convex"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices or ``(N, C, ...)`` probabilities; weight ``(C,)``.

    Raises:
        ValueError: ``head`` or ``tail`` is out of range, or ``shape`` or ``reduction`` unknown.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> loss = LabelAwareSmoothingLoss().adapt(ClassDistribution([90, 10]))
        >>> loss(2 * torch.eye(2), torch.tensor([0, 1]))
        tensor(0.2769)
    """

    tasks = ("multiclass",)

    def __init__(
        self,
        head: float = 0.3,
        tail: float = 0.0,
        shape: SmoothingShape = "concave",
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.head = share("head", head)
        self.tail = share("tail", tail)
        if tail > head:
            msg = f"`tail` must be at most `head`, got tail={tail} and head={head}."
            raise ValueError(msg)
        if shape not in ("concave", "linear", "convex"):
            msg = f"`shape` must be 'concave', 'linear' or 'convex', got {shape!r}."
            raise ValueError(msg)
        self.shape: SmoothingShape = shape

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return label_aware_smoothing_terms(
            logits,
            target,
            self.class_counts,
            weight,
            head=self.head,
            tail=self.tail,
            shape=self.shape,
            ignore_index=self.ignore_index,
        )
