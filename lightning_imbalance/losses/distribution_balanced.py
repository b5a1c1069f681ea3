"""Distribution-balanced loss as a module."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.distribution_balanced import distribution_balanced_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import not_negative, positive

if TYPE_CHECKING:
    from typing_extensions import Self


class DistributionBalancedLoss(CountedLoss):
    """Binary cross-entropy of several labels, re-balanced for their co-occurrence and tolerant of negatives.

    The formula, its source and how it differs from the authors' code are those of
    :func:`lightning_imbalance.functional.distribution_balanced`. The task is ``multilabel``.

    Args:
        alpha: α, the floor of the weight of each label, from 0 on.
        beta: β, how steeply the weight rises, above 0.
        mu: μ, where it rises; 0.2 for MS COCO, 0.3 for Pascal VOC.
        neg_scale: λ, by which negatives are tolerated, above 0; 2 for MS COCO, 5 for Pascal VOC.
        bias: κ, the strength of the shift by class, from 0 on.
        gamma: γ of the focal factor, from 0 on.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Attributes:
        num_samples: Buffer, shape ``()``, int64: the number of training samples.

    Shape:
        logits and target ``(N, C, ...)``; weight ``(C,)``.

    Raises:
        ValueError: A number is out of range, or ``reduction`` unknown.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> distribution = ClassDistribution([80, 20], task="multilabel", num_samples=100)
        >>> loss = DistributionBalancedLoss().adapt(distribution)
        >>> loss(torch.zeros(1, 2), torch.tensor([[1, 0]]))
        tensor(0.1320)
    """

    num_samples: Tensor
    tasks = ("multilabel",)

    def __init__(
        self,
        alpha: float = 0.1,
        beta: float = 10.0,
        mu: float = 0.2,
        neg_scale: float = 2.0,
        bias: float = 0.05,
        gamma: float = 2.0,
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task="multilabel", reduction=reduction, ignore_index=ignore_index)
        self.alpha = not_negative("alpha", alpha)
        self.beta = positive("beta", beta)
        if not math.isfinite(mu):
            msg = f"`mu` must be a finite number, got {mu!r}."
            raise ValueError(msg)
        self.mu = mu
        self.neg_scale = positive("neg_scale", neg_scale)
        self.bias = not_negative("bias", bias)
        self.gamma = not_negative("gamma", gamma)
        self.register_buffer("num_samples", torch.zeros((), dtype=torch.int64))

    def adapt(self, distribution: ClassDistribution) -> Self:
        """Take the positives of each label and the number of samples, and return the loss itself.

        Args:
            distribution: The training data's labels.

        Returns:
            The loss itself.

        Raises:
            ValueError: The distribution is not ``multilabel``.
        """
        super().adapt(distribution)
        self.num_samples = torch.tensor(distribution.num_samples, device=self.num_samples.device)
        return self

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return distribution_balanced_terms(
            logits,
            target,
            self.class_counts,
            self.num_samples,
            weight,
            alpha=self.alpha,
            beta=self.beta,
            mu=self.mu,
            neg_scale=self.neg_scale,
            bias=self.bias,
            gamma=self.gamma,
            ignore_index=self.ignore_index,
        )
