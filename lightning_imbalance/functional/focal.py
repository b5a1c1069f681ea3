"""Focal loss: what is recognised already counts little."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.binary_sides import binary_sides
from lightning_imbalance.functional.focused_sides import Focus, focused_sides
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, index_weight, reduce
from lightning_imbalance.functional.true_class import class_terms
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def focused(log_p: Tensor, gamma: float) -> Tensor:
    r"""Return :math:`-(1 - p)^γ \log p`, with a gradient that is finite for every γ from 0 on.

    Args:
        log_p: Logarithm of the probability that the model gives to the truth, any shape.
        gamma: γ, not negative.

    Returns:
        Shape of ``log_p``.

    Example:
        >>> focused(torch.tensor([0.5, 0.9]).log(), gamma=2.0)
        tensor([0.1733, 0.0011])
    """
    # The derivative of x^γ at 0 is infinite for γ < 1, and infinity times the 0 of log p is no number.
    missed = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
    return missed.pow(gamma) * -log_p


def focal_terms(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted focal loss and weight of each target; see :func:`focal`.

    Example:
        >>> terms = focal_terms(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
        >>> terms.loss, terms.weight
        (tensor([0.1733, 0.5199]), tensor([1., 3.]))
    """
    if task != "multiclass":
        sides = binary_sides(logits, target, weight, task=task, ignore_index=ignore_index)
        return focused_sides(sides, Focus(negative=gamma, positive=gamma))
    if target.is_floating_point():
        return class_terms(focused(full_precision(logits).log_softmax(1), gamma), target, weight, ignore_index)
    plain = weighted_cross_entropy_terms(logits, target, ignore_index=ignore_index).loss
    weight = None if weight is None else weight.to(plain.dtype)
    counted = index_weight(target, weight, ignore_index, plain.dtype)
    return Terms(counted * focused(-plain, gamma), counted)


def focal(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    task: Task = "multiclass",
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the focal loss (Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 4 and 5).

    A target y costs :math:`-w_y (1 - p_y)^γ \log p_y`, where p is the softmax of the logits for ``multiclass`` and the
    sigmoid of each logit otherwise. A target that is a distribution over the classes costs the mean of that under it.
    γ = 0 is the cross-entropy.

    The probability in the factor :math:`(1 - p_y)^γ` is the model's own, not that of the weighted loss, and the
    gradient flows through it, as in the paper. Many implementations take it from the weighted cross-entropy
    (:math:`p_y^{w_y}`) or cut its gradient. The paper divides the sum by the number of positives; here it is divided by
    the sum of the weights.

    Args:
        logits: ``multiclass``: ``(N, C)`` or ``(N, C, d1, ...)``. ``binary``: any shape. ``multilabel``: ``(N, C)`` or
            ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: ``multiclass``: class indices ``(N,)`` or ``(N, d1, ...)``, int64, or class probabilities of the logits'
            shape. Otherwise 0 and 1, or probabilities between them, shape of ``logits``.
        weight: ``multiclass``: class weights, shape ``(C,)``. ``binary``: two numbers, negative then positive.
            ``multilabel``: ``pos_weight``, shape ``(C,)``. By default all 1.
        gamma: γ, from 0 on.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> focal(logits, torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
        tensor(0.1304)
    """
    terms = focal_terms(logits, target, weight, gamma=gamma, task=task, ignore_index=ignore_index)
    return reduce(terms, reduction)
