"""Binary cross-entropy as a module."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.binary_sides import BinaryTask
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.functional.weighted_bce import weighted_bce_terms
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.prior.effective import training_log_prior


class WeightedBCE(Loss):
    """Binary cross-entropy, positives and negatives counted by their weights.

    The formula is that of :func:`lightning_imbalance.functional.weighted_bce`.

    Args:
        task: ``"binary"`` (weight: negative, positive) or ``"multilabel"`` (weight: ``pos_weight`` of each label).
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Shape:
        ``binary``: logits and target ``(N, ...)`` or ``(N, 1, ...)``, weight ``(2,)``. ``multilabel``: logits and
        target ``(N, C, ...)``, weight ``(C,)``.

    Raises:
        ValueError: ``task`` is ``"multiclass"``, or ``reduction`` unknown.

    Example:
        >>> import torch
        >>> WeightedBCE()(torch.tensor([[2.0], [0.0]]), torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0]))
        tensor(1.0516)
    """

    tasks = ("binary", "multilabel")

    def __init__(
        self, *, task: BinaryTask = "binary", reduction: Reduction = "mean", ignore_index: int | None = None
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        self._binary_task: BinaryTask = task

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted binary cross-entropy and weight of each target."""
        return weighted_bce_terms(logits, target, weight, task=self._binary_task, ignore_index=self.ignore_index)

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return log π + log w, normalised, or with the shares of ``sampling`` in place of π."""
        return training_log_prior(distribution, class_weights, sampling)
