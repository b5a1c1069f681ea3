"""Asymmetric loss: negatives are focused harder than positives, and easy negatives are dropped."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.binary_sides import binary_sides
from lightning_imbalance.functional.focal import focused
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import class_terms


def asymmetric_terms(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma_neg: float = 4.0,
    gamma_pos: float = 1.0,
    clip: float = 0.05,
    label_smoothing: float = 0.1,
    task: Task = "multilabel",
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`asymmetric`.

    Example:
        >>> import torch
        >>> asymmetric_terms(torch.zeros(1, 2), torch.tensor([[0, 1]])).loss
        tensor([[0.0245, 0.3466]])
    """
    if task == "multiclass":
        log_p = full_precision(logits).log_softmax(1)
        share = label_smoothing / log_p.shape[1]
        # p^γ as an exponential: the derivative of a power is infinite where p is 0.
        as_negative = share * (gamma_neg * log_p).exp() * -log_p
        as_positive = (1 - label_smoothing + share) * focused(log_p, gamma_pos)
        values = as_positive + as_negative.sum(1, keepdim=True) - as_negative
        return class_terms(values, target, weight, ignore_index)
    logits, negative, positive = binary_sides(logits, target, weight, task=task, ignore_index=ignore_index)
    # log(1 - p) of the shifted probability max(p - clip, 0).
    log_rejected = ((-logits).sigmoid() + clip).clamp_max(1).log() if clip else F.logsigmoid(-logits)
    value = negative * focused(log_rejected, gamma_neg) + positive * focused(F.logsigmoid(logits), gamma_pos)
    return Terms(value, negative + positive)


def asymmetric(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma_neg: float = 4.0,
    gamma_pos: float = 1.0,
    clip: float = 0.05,
    label_smoothing: float = 0.1,
    task: Task = "multilabel",
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the asymmetric loss (Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification").

    With p the sigmoid of a logit, a positive costs :math:`-(1 - p)^{γ_+} \log p` and a negative
    :math:`-p_m^{γ_-} \log (1 - p_m)` with :math:`p_m = \max(p - m, 0)`: below the clip m a negative costs nothing.

    ``multiclass`` is the single-label form of the authors' code, which the paper does not have: p is the softmax, the
    true class costs as a positive, and every other class :math:`-p^{γ_-} \log p`, both in the shares of a smoothed
    target, :math:`1 - ε + ε/C` and :math:`ε/C`. It has no clip, and with ε = 0 no part for the negatives.

    The defaults are those of the code's constructor for several labels; its training script and the paper prefer
    :math:`γ_+ = 0`. The code sums over the batch, here the mean divides by the sum of the weights. The gradient flows
    through the focusing factors, and nothing depends on, or changes, whether gradients are switched on.

    Args:
        logits: ``multilabel`` and ``multiclass``: ``(N, C)`` or ``(N, C, d1, ...)``. ``binary``: any shape. Half
            precision is computed in float32.
        target: ``multiclass``: class indices ``(N,)`` or ``(N, d1, ...)``, int64, or class probabilities of the logits'
            shape. Otherwise 0 and 1, or probabilities between them, shape of ``logits``.
        weight: ``multilabel``: ``pos_weight``, shape ``(C,)``. ``binary``: two numbers, negative then positive.
            ``multiclass``: class weights, shape ``(C,)``. By default all 1.
        gamma_neg: :math:`γ_-`, from 0 on.
        gamma_pos: :math:`γ_+`, from 0 on.
        clip: m, at least 0 and below 1. Not used for ``multiclass``.
        label_smoothing: ε. Used for ``multiclass`` alone.
        task: ``"multilabel"``, ``"binary"`` or ``"multiclass"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> import torch
        >>> asymmetric(torch.tensor([[2.0, -4.0]]), torch.tensor([[1, 0]]))
        tensor(0.0076)
    """
    terms = asymmetric_terms(
        logits,
        target,
        weight,
        gamma_neg=gamma_neg,
        gamma_pos=gamma_pos,
        clip=clip,
        label_smoothing=label_smoothing,
        task=task,
        ignore_index=ignore_index,
    )
    return reduce(terms, reduction)
