"""Focal loss as a module."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.focal import focal_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.parameters import not_negative
from lightning_imbalance.prior.effective import training_log_prior


class FocalLoss(Loss):
    """Focal loss: what the model already recognises counts little.

    The formula, its source and how it differs from other code are those of
    :func:`lightning_imbalance.functional.focal`.

    Args:
        gamma: γ, from 0 (cross-entropy) on.
        task: ``"multiclass"`` (softmax), ``"binary"`` or ``"multilabel"`` (sigmoid).
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Shape:
        ``multiclass``: logits ``(N, C, ...)``, target ``(N, ...)`` indices or ``(N, C, ...)`` probabilities, weight
        ``(C,)``. ``binary``: logits and target ``(N, ...)`` or ``(N, 1, ...)``, weight ``(2,)``. ``multilabel``: logits
        and target ``(N, C, ...)``, weight ``(C,)``.

    Raises:
        ValueError: ``gamma`` is negative or not finite, or ``task`` or ``reduction`` unknown.

    Example:
        >>> import torch
        >>> loss = FocalLoss(gamma=1.0)
        >>> loss(torch.eye(2), torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0]))
        tensor(0.0842)
    """

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        task: Task = "multiclass",
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        self.gamma = not_negative("gamma", gamma)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted focal loss and weight of each target."""
        return focal_terms(logits, target, weight, gamma=self.gamma, task=self.task, ignore_index=self.ignore_index)

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return the prior of the cross-entropy where γ = 0; otherwise the logits are no posteriors."""
        if self.gamma:
            return super().log_prior(distribution, class_weights, sampling)
        return training_log_prior(distribution, class_weights, sampling)
