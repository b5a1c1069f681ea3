"""Asymmetric loss as a module."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.asymmetric import asymmetric_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.parameters import not_negative, share


class AsymmetricLoss(Loss):
    """Focal loss with a γ for each side; easy negatives cost nothing.

    The formula, its source and how it differs from the authors' code are those of
    :func:`lightning_imbalance.functional.asymmetric`.

    Args:
        gamma_neg: γ of the negatives, from 0 on.
        gamma_pos: γ of the positives, from 0 on; the paper recommends 0.
        clip: Probability below which a negative costs nothing, at least 0 and below 1; by default 0.05. Not for
            ``multiclass``, whose form has none.
        label_smoothing: ε in [0, 1] of the ``multiclass`` form, by default 0.1. Not for the other tasks.
        task: ``"multilabel"``, ``"binary"`` or ``"multiclass"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Shape:
        ``multilabel``: logits and target ``(N, C, ...)``, weight ``(C,)``. ``binary``: logits and target ``(N, ...)``
        or ``(N, 1, ...)``, weight ``(2,)``. ``multiclass``: logits ``(N, C, ...)``, target ``(N, ...)`` indices or
        ``(N, C, ...)`` probabilities, weight ``(C,)``.

    Raises:
        ValueError: A number is out of range, an argument does not fit the task, or ``task`` or ``reduction`` is
            unknown.

    Example:
        >>> import torch
        >>> loss = AsymmetricLoss()
        >>> loss(torch.tensor([[2.0, -4.0]]), torch.tensor([[1, 0]]))
        tensor(0.0076)
    """

    def __init__(
        self,
        gamma_neg: float = 4.0,
        gamma_pos: float = 1.0,
        clip: float | None = None,
        label_smoothing: float | None = None,
        *,
        task: Task = "multilabel",
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        unused, value = ("clip", clip) if task == "multiclass" else ("label_smoothing", label_smoothing)
        if value is not None:
            msg = f'`{unused}` must be left out with `task="{task}"`, where nothing depends on it, got {value!r}.'
            raise ValueError(msg)
        self.gamma_neg = not_negative("gamma_neg", gamma_neg)
        self.gamma_pos = not_negative("gamma_pos", gamma_pos)
        self.clip = None if task == "multiclass" else share("clip", 0.05 if clip is None else clip)
        if self.clip == 1:
            msg = f"`clip` must be below 1, got {clip!r}: no negative would cost anything."
            raise ValueError(msg)
        smoothing = 0.1 if label_smoothing is None else label_smoothing
        self.label_smoothing = share("label_smoothing", smoothing) if task == "multiclass" else None

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return asymmetric_terms(
            logits,
            target,
            weight,
            gamma_neg=self.gamma_neg,
            gamma_pos=self.gamma_pos,
            clip=self.clip or 0.0,
            label_smoothing=self.label_smoothing or 0.0,
            task=self.task,
            ignore_index=self.ignore_index,
        )
