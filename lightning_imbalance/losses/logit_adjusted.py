"""Logit-adjusted cross-entropy as a module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.class_counts import log_priors
from lightning_imbalance.functional.logit_adjusted import logit_adjusted_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import not_negative
from lightning_imbalance.prior.effective import training_log_prior


class LogitAdjustedLoss(CountedLoss):
    """Cross-entropy of logits shifted by τ·log π; the model is evaluated on its own logits.

    The formula and its source are those of :func:`lightning_imbalance.functional.logit_adjusted`. Together with a
    class-balanced sampler it corrects twice; :meth:`log_prior` shows what is left.

    Args:
        tau: τ, from 0 (cross-entropy) on.
        task: ``"multiclass"`` or ``"binary"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Shape:
        ``multiclass``: logits ``(N, C, ...)``, target ``(N, ...)`` indices or ``(N, C, ...)`` probabilities, weight
        ``(C,)``. ``binary``: logits and target ``(N, ...)`` or ``(N, 1, ...)``, weight ``(2,)``.

    Raises:
        ValueError: ``tau`` is negative or not finite, ``task`` another, or ``reduction`` unknown.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> loss = LogitAdjustedLoss().adapt(ClassDistribution([90, 10]))
        >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(1.2040)
        >>> loss.log_prior(ClassDistribution([90, 10])).exp()
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """

    tasks = ("multiclass", "binary")

    def __init__(
        self,
        tau: float = 1.0,
        *,
        task: Literal["multiclass", "binary"] = "multiclass",
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        self._exclusive_task: Literal["multiclass", "binary"] = task
        self.tau = not_negative("tau", tau)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return logit_adjusted_terms(
            logits,
            target,
            self.class_counts,
            weight,
            tau=self.tau,
            task=self._exclusive_task,
            ignore_index=self.ignore_index,
        )

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return log q + log w - τ·log π, normalised: q the shares in the batches, π those adapted to."""
        self._require_counts()
        adjustment = self.tau * log_priors(self.class_counts.cpu(), torch.float64)
        return training_log_prior(distribution, class_weights, sampling, adjustment)
