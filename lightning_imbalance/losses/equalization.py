"""Softmax equalization loss as a module."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.equalization import equalization_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.functional.true_class import require_indices
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import share


class EqualizationLoss(CountedLoss):
    """Cross-entropy of a softmax from which a rare class is left out, at random, where another class is true.

    The formula, its source and how it differs from other code are those of
    :func:`lightning_imbalance.functional.equalization`. Like :class:`torch.nn.Dropout` it draws from torch's generator
    of the logits' device, so that a seeded training repeats itself, and in ``eval()`` it draws nothing: the
    cross-entropy.

    Args:
        probability: γ, how often a rare class is left out, between 0 (cross-entropy) and 1.
        threshold: λ: classes with a smaller share of the samples are rare; by default 1/(2C).
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices; weight ``(C,)``.

    Raises:
        ValueError: ``probability`` or ``threshold`` is out of range, or ``reduction`` unknown; when called: the targets
            are class probabilities.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> from lightning_imbalance import ClassDistribution
        >>> loss = EqualizationLoss(probability=1.0).adapt(ClassDistribution([90, 10]))
        >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.3466)
        >>> loss.eval()(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.6931)
    """

    tasks = ("multiclass",)
    soft_targets = False

    def __init__(
        self,
        probability: float = 0.9,
        threshold: float | None = None,
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.probability = share("probability", probability)
        self.threshold = None if threshold is None else share("threshold", threshold)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        require_indices(target, "equalization", "what is left out")
        if not self.training:
            return weighted_cross_entropy_terms(logits, target, weight, ignore_index=self.ignore_index)
        # In float32 whatever the logits are: half precision has no number between 0.9995 and 1.
        drawn = torch.rand(logits.shape, device=logits.device) < self.probability
        return equalization_terms(
            logits,
            target,
            self.class_counts,
            drawn,
            weight,
            threshold=self.threshold,
            ignore_index=self.ignore_index,
        )
