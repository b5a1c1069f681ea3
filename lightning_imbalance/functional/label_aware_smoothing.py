"""Label-aware smoothing: the more samples a class has, the less its targets insist."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, index_weight, reduce
from lightning_imbalance.functional.true_class import along_classes, at_true_class, class_terms

SmoothingShape = Literal["concave", "linear", "convex"]


def label_smoothings(
    class_counts: Tensor,
    head: float = 0.3,
    tail: float = 0.0,
    shape: SmoothingShape = "concave",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the smoothing of each class, from ``tail`` for the rarest to ``head`` for the most frequent.

    Args:
        class_counts: Samples of each class, shape ``(C,)``.
        head: Smoothing of the most frequent class; of every class where all have the same count.
        tail: Smoothing of the rarest class.
        shape: How it rises with the count between them: ``"concave"``, ``"linear"`` or ``"convex"``.
        dtype: Type of the result.

    Returns:
        Shape ``(C,)``.

    Example:
        >>> label_smoothings(torch.tensor([100, 55, 10]), shape="linear")
        tensor([0.3000, 0.1500, 0.0000])
    """
    counts = without_zeros(class_counts.to(dtype))
    rarest = counts.amin()
    spread = counts.amax() - rarest
    position = torch.where(spread == 0, 1, (counts - rarest) / spread)
    if shape == "concave":
        position = (position * math.pi / 2).sin()
    elif shape == "convex":
        position = 1 - (position * math.pi / 2).cos()
    return tail + (head - tail) * position


def label_aware_smoothing_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    head: float = 0.3,
    tail: float = 0.0,
    shape: SmoothingShape = "concave",
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`label_aware_smoothing`.

    Example:
        >>> label_aware_smoothing_terms(2 * torch.eye(2), torch.tensor([0, 1]), torch.tensor([90, 10])).loss
        tensor([0.4269, 0.1269])
    """
    log_p = full_precision(logits).log_softmax(1)
    smoothings = label_smoothings(class_counts, head, tail, shape, log_p.dtype)
    if not target.is_floating_point():
        weight = None if weight is None else weight.to(log_p.dtype)
        counted = index_weight(target, weight, ignore_index, log_p.dtype)
        smoothed = index_weight(target, smoothings, ignore_index, log_p.dtype)
        # The sum first: what torch then adds to its gradient is dense already, and no third tensor is made.
        everywhere = log_p.sum(1) * (smoothed / log_p.shape[1])
        return Terms(counted * ((smoothed - 1) * at_true_class(log_p, target, ignore_index) - everywhere), counted)
    smoothings = along_classes(smoothings, log_p.ndim)
    values = (smoothings - 1) * log_p - smoothings * log_p.mean(1, keepdim=True)
    return class_terms(values, target, weight, ignore_index)


def label_aware_smoothing(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    head: float = 0.3,
    tail: float = 0.0,
    shape: SmoothingShape = "concave",
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the cross-entropy, smoothed the more, the more samples the true class has.

    Zhong et al. 2021, "Improving Calibration for Long-Tailed Recognition" (MiSLAS). A target y costs :math:`-w_y [(1 -
    ε_y) \log p_y + ε_y \frac{1}{C} \sum_c \log p_c]`: it is smoothed as :func:`torch.nn.functional.cross_entropy`
    smooths, by an ε of its class. The concave ε, with :math:`t = (n_y - n_{min}) / (n_{max} - n_{min})`, is
    :math:`ε_{tail} + (ε_{head} - ε_{tail}) \sin(π t / 2)`.

    This is the authors' code, in which the true class keeps :math:`1 - ε + ε/C`; the paper leaves it
    :math:`1 - ε` and gives :math:`ε / (C - 1)` to each other class. Where all counts are equal, the code's t is 0/0;
    here every class is then smoothed by ``head``. The class weight multiplies the smoothed part too, by the weight of
    the true class, where torch takes that of each class.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64; or class probabilities of the logits' shape.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        weight: Class weights, shape ``(C,)``; by default all 1.
        head: ε of the most frequent class.
        tail: ε of the rarest class.
        shape: ``"concave"``, ``"linear"`` or ``"convex"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> label_aware_smoothing(2 * torch.eye(2), torch.tensor([0, 1]), torch.tensor([90, 10]))
        tensor(0.2769)
    """
    terms = label_aware_smoothing_terms(
        logits, target, class_counts, weight, head=head, tail=tail, shape=shape, ignore_index=ignore_index
    )
    return reduce(terms, reduction)
