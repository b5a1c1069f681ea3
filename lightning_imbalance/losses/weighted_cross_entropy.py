"""Softmax cross-entropy as a module."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.parameters import share
from lightning_imbalance.prior.effective import training_log_prior


class WeightedCrossEntropy(Loss):
    """Cross-entropy, each class counted by its weight.

    The formula is that of :func:`lightning_imbalance.functional.weighted_cross_entropy`; with class indices the value
    is :class:`torch.nn.CrossEntropyLoss`'s.

    Args:
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.
        label_smoothing: ε in [0, 1]: the target becomes (1-ε)·p + ε/C.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices or ``(N, C, ...)`` probabilities; weight ``(C,)``.

    Raises:
        ValueError: ``label_smoothing`` is outside [0, 1], or ``reduction`` unknown.

    Example:
        >>> import torch
        >>> loss = WeightedCrossEntropy(label_smoothing=0.1)
        >>> loss(torch.eye(2), torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0]))
        tensor(0.3633)
    """

    tasks = ("multiclass",)

    def __init__(
        self, *, reduction: Reduction = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.label_smoothing = share("label_smoothing", label_smoothing)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted cross-entropy and weight of each target."""
        return weighted_cross_entropy_terms(
            logits, target, weight, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing
        )

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return log π + log w, normalised, or with the shares of ``sampling`` in place of π."""
        if self.label_smoothing:
            return super().log_prior(distribution, class_weights, sampling)
        return training_log_prior(distribution, class_weights, sampling)
