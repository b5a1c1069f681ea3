"""Vector-scaling loss as a module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.class_counts import log_priors
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.functional.vector_scaling import vector_scaling_terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import not_negative
from lightning_imbalance.prior.effective import training_log_prior


class VectorScalingLoss(CountedLoss):
    """Cross-entropy of logits that are scaled and shifted by class; the model is evaluated on its own logits.

    The formula and its source are those of :func:`lightning_imbalance.functional.vector_scaling`. ``tau=0`` is the loss
    of class-dependent temperatures, ``gamma=0`` that of logit adjustment.

    Args:
        gamma: γ, from 0 (no scaling) on.
        tau: τ, from 0 (no shift) on.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices or ``(N, C, ...)`` probabilities; weight ``(C,)``.

    Raises:
        ValueError: ``gamma`` or ``tau`` is negative or not finite, or ``reduction`` unknown.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> loss = VectorScalingLoss().adapt(ClassDistribution([90, 10]))
        >>> loss(torch.eye(2), torch.tensor([0, 1]))
        tensor(0.9455)
    """

    tasks = ("multiclass",)

    def __init__(
        self,
        gamma: float = 0.3,
        tau: float = 1.0,
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.gamma = not_negative("gamma", gamma)
        self.tau = not_negative("tau", tau)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return vector_scaling_terms(
            logits,
            target,
            self.class_counts,
            weight,
            gamma=self.gamma,
            tau=self.tau,
            ignore_index=self.ignore_index,
        )

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return the prior of the logit-adjusted loss where γ = 0; otherwise the logits are no posteriors."""
        if self.gamma:
            return super().log_prior(distribution, class_weights, sampling)
        self._require_counts()
        adjustment = self.tau * log_priors(self.class_counts.cpu(), torch.float64)
        return training_log_prior(distribution, class_weights, sampling, adjustment)
