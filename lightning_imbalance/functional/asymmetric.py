"""Asymmetric loss: negatives are focused harder than positives, and easy negatives are dropped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.binary_sides import binary_sides
from lightning_imbalance.functional.focal import focused
from lightning_imbalance.functional.focused_sides import Focus, focused_sides
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, index_weight, reduce
from lightning_imbalance.functional.true_class import at_true_class, class_terms


def as_negative(log_p: Tensor, gamma: float) -> Tensor:
    r"""Return :math:`-p^γ \log p`, what a class that is not the true one costs.

    Args:
        log_p: Logarithm of its probability, any shape.
        gamma: γ, not negative.

    Returns:
        Shape of ``log_p``.

    Example:
        >>> as_negative(torch.tensor([0.5, 0.1]).log(), gamma=1.0)
        tensor([0.3466, 0.2303])
    """
    # p^γ as an exponential: the derivative of a power is infinite where p is 0.
    return (gamma * log_p).exp() * -log_p


class _SumAsNegatives(torch.autograd.Function):
    """The sum of :func:`as_negative` over the classes, and the derivatives, which share the exponential with it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(log_p: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
        powers = (log_p * gamma).exp_()
        costs = powers * log_p
        return costs.sum(1).neg_(), powers.add_(costs, alpha=gamma)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        log_p, ctx.gamma = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(log_p, output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
        log_p, derivative = ctx.saved_tensors
        if torch.is_grad_enabled():  # a gradient of the gradient, which the derivative that was kept does not have
            powers = (log_p * ctx.gamma).exp()
            derivative = torch.addcmul(powers, log_p, powers, value=ctx.gamma)
        return derivative * -gradient.unsqueeze(1), None


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

        def without_the_others(log_p: Tensor) -> Tensor:
            return (1 - label_smoothing + share) * focused(log_p, gamma_pos) - share * as_negative(log_p, gamma_neg)

        if target.is_floating_point():
            values = without_the_others(log_p) + share * _SumAsNegatives.apply(log_p, gamma_neg)[0].unsqueeze(1)
            return class_terms(values, target, weight, ignore_index)
        weight = None if weight is None else weight.to(log_p.dtype)
        counted = index_weight(target, weight, ignore_index, log_p.dtype)
        value = without_the_others(at_true_class(log_p, target, ignore_index))
        # The negatives last, so that their gradient is the first: what it needs is gone before the other one is there.
        value = torch.add(value, _SumAsNegatives.apply(log_p, gamma_neg)[0], alpha=share)
        return Terms(counted * value, counted)
    sides = binary_sides(logits, target, weight, task=task, ignore_index=ignore_index)
    return focused_sides(sides, Focus(gamma_neg, gamma_pos, clip))


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
