"""Seesaw loss as a module."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.functional.seesaw import seesaw_terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import not_negative, positive, share


class SeesawLoss(CountedLoss):
    """Cross-entropy in which a frequent class pushes a rarer one less, unless the model mistakes one for the other.

    The formula, its source and how it differs from the authors' code are those of
    :func:`lightning_imbalance.functional.seesaw`.

    Args:
        p: Strength of the mitigation, from 0 (none) on.
        q: Strength of the compensation, from 0 (none) on.
        eps: Floor under the score of the true class, above 0 and at most 1.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices; weight ``(C,)``.

    Raises:
        ValueError: ``p``, ``q`` or ``eps`` is out of range, or ``reduction`` unknown; when called: the targets are
            class probabilities.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> loss = SeesawLoss().adapt(ClassDistribution([100, 1]))
        >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.3590)
    """

    tasks = ("multiclass",)
    soft_targets = False

    def __init__(
        self,
        p: float = 0.8,
        q: float = 2.0,
        eps: float = 1e-2,
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.p = not_negative("p", p)
        self.q = not_negative("q", q)
        self.eps = share("eps", positive("eps", eps))

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return seesaw_terms(
            logits,
            target,
            self.class_counts,
            weight,
            p=self.p,
            q=self.q,
            eps=self.eps,
            ignore_index=self.ignore_index,
        )
