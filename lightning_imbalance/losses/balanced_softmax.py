"""Balanced softmax as a module."""

from __future__ import annotations

from typing import Literal

from lightning_imbalance.functional.reduction import Reduction
from lightning_imbalance.losses.logit_adjusted import LogitAdjustedLoss


class BalancedSoftmaxLoss(LogitAdjustedLoss):
    """Cross-entropy of logits shifted by log n: :class:`LogitAdjustedLoss` with τ = 1.

    The formula and its source are those of :func:`lightning_imbalance.functional.logit_adjusted`.

    Args:
        task: ``"multiclass"`` or ``"binary"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Shape:
        As for :class:`LogitAdjustedLoss`.

    Raises:
        ValueError: ``task`` is another, or ``reduction`` unknown.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> loss = BalancedSoftmaxLoss().adapt(ClassDistribution([90, 10]))
        >>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(1.2040)
    """

    def __init__(
        self,
        *,
        task: Literal["multiclass", "binary"] = "multiclass",
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(tau=1.0, task=task, reduction=reduction, ignore_index=ignore_index)
