"""Distribution-balanced loss: several labels a sample, re-balanced for their co-occurrence."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional.binary_sides import binary_sides
from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.focused_sides import Focus, focused_sides
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import along_classes


def distribution_balanced_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    num_samples: Tensor | int,
    weight: Tensor | None = None,
    *,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    neg_scale: float = 2.0,
    bias: float = 0.05,
    gamma: float = 2.0,
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`distribution_balanced`.

    Example:
        >>> import torch
        >>> distribution_balanced_terms(torch.zeros(1, 2), torch.tensor([[1, 0]]), torch.tensor([80, 20]), 100).loss
        tensor([[0.1795, 0.0845]])
    """
    sides = binary_sides(logits, target, weight, task="multilabel", ignore_index=ignore_index)
    ndim, dtype = sides.logits.ndim, sides.logits.dtype
    counts = along_classes(without_zeros(class_counts.to(dtype)), ndim)
    # 1/0 for a sample without labels: its sigmoid is 1.
    rebalanced = beta / counts / (sides.target / counts).sum(1, keepdim=True)
    rebalanced = rebalanced.sub_(beta * mu).sigmoid_().add_(alpha)
    # A label that every sample has would have an infinite bias: one sample is taken for a negative.
    shift = bias / neg_scale * ((num_samples - counts).clamp_min(1) / counts).log()
    return focused_sides(sides, Focus(gamma, gamma, neg_scale=neg_scale), shift=shift, factor=rebalanced)


def distribution_balanced(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    num_samples: Tensor | int,
    weight: Tensor | None = None,
    *,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    neg_scale: float = 2.0,
    bias: float = 0.05,
    gamma: float = 2.0,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the distribution-balanced loss: weights against co-occurrence, negatives that tolerate.

    Wu et al. 2020, "Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed Datasets". Each label k of
    a sample is weighted by :math:`\hat r_k = α + σ(β (r_k - μ))`, where :math:`r_k = \frac{1}{n_k} / \sum_{i \in y}
    \frac{1}{n_i}` corrects for how often the sample would be drawn for its other labels. With :math:`z' = z - \nu_k`,
    :math:`\nu_k = \frac{κ}{λ} \log(N/n_k - 1)`, a positive costs :math:`\hat r_k (1 - p)^γ (-\log p)`, :math:`p =
    σ(z')`, and a negative the same with :math:`p = σ(-λ z')`, divided by λ, so that negatives that are far away push
    less.

    The defaults are the authors' for MS COCO; for Pascal VOC they take μ = 0.3 and λ = 5. Their code shifts the logits
    in place, so that a metric computed afterwards reads shifted ones; here the logits stay as they are. Its factor 2
    for the whole loss is left out. A sample without labels divides by 0 there as here: the weight is α + 1. The mean
    divides by the sum of ``weight``, in which :math:`\hat r` has no part.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: 0 and 1, or probabilities between them, shape of ``logits``.
        class_counts: Positives of each label, shape ``(C,)``. A label without positives is taken for one as rare as
            the rarest that has some.
        num_samples: N, the number of training samples.
        weight: ``pos_weight``, shape ``(C,)``; by default all 1.
        alpha: α, the floor of the weight.
        beta: β, how steeply the weight rises; above 0.
        mu: μ, where it rises.
        neg_scale: λ, above 0.
        bias: κ, from 0 (no shift) on.
        gamma: γ of the focal factor, from 0 (none) on.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing, and are no labels of the sample.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> import torch
        >>> distribution_balanced(torch.zeros(1, 2), torch.tensor([[1, 0]]), torch.tensor([80, 20]), 100)
        tensor(0.1320)
    """
    terms = distribution_balanced_terms(
        logits,
        target,
        class_counts,
        num_samples,
        weight,
        alpha=alpha,
        beta=beta,
        mu=mu,
        neg_scale=neg_scale,
        bias=bias,
        gamma=gamma,
        ignore_index=ignore_index,
    )
    return reduce(terms, reduction)
