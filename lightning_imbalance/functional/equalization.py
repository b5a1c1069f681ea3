"""Equalization loss: a rare class is left out, at random, of the softmax of samples of other classes."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import along_classes, require_indices
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def tail_classes(class_counts: Tensor, threshold: float | None = None) -> Tensor:
    """Return which classes have a smaller share of the samples than ``threshold``.

    Args:
        class_counts: Samples of each class, shape ``(C,)``.
        threshold: A share; by default 1/(2C), half of what each class would have if all were equal.

    Returns:
        Shape ``(C,)``, bool.

    Example:
        >>> tail_classes(torch.tensor([60, 30, 10]))
        tensor([False, False,  True])
    """
    counts = class_counts.to(torch.float32)
    return without_zeros(counts) / counts.sum() < (1 / (2 * len(counts)) if threshold is None else threshold)


def equalization_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    drawn: Tensor,
    weight: Tensor | None = None,
    *,
    threshold: float | None = None,
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`equalization`.

    Example:
        >>> drawn = torch.ones(2, 2, dtype=torch.bool)
        >>> equalization_terms(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([90, 10]), drawn).loss
        tensor([-0.0000, 0.6931])
    """
    require_indices(target, "equalization", "what is left out")
    logits = full_precision(logits)
    tail = along_classes(tail_classes(class_counts, threshold), logits.ndim)
    indices = target if ignore_index is None else target.masked_fill(target == ignore_index, 0)
    left_out = (drawn & tail).scatter(1, indices.unsqueeze(1), False)
    # The exponential of the lowest number is 0, and so is its gradient. To fill the places instead takes six times as
    # long, since a processor cannot guess them, and once more on the way back.
    kept = torch.add(logits, left_out, alpha=torch.finfo(logits.dtype).min)
    return weighted_cross_entropy_terms(kept, target, weight, ignore_index=ignore_index)


def equalization(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    drawn: Tensor,
    weight: Tensor | None = None,
    *,
    threshold: float | None = None,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the cross-entropy of a softmax from which rare classes are left out at random.

    This is the softmax equalization loss of Tan et al. 2020, "Equalization Loss for Long-Tailed Object Recognition". It
    is the cross-entropy of :math:`z_c + \log (1 - β_c [f_c < λ] [c \ne y])`: a class c whose share f of the
    training samples is below λ is left out of the softmax where it is not the true one and β, drawn for each sample
    and class, is 1. Samples of frequent classes then push the rare ones less.

    The paper multiplies the exponentials by 0 or 1, and code that does so overflows; this is the same in logarithms.
    Its λ was chosen for each data set; the default here, 1/(2C), is what published settings come to: 0.005 for 100
    classes and 0.05 for 10.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        drawn: β, shape of ``logits``, bool.
        weight: Class weights, shape ``(C,)``; by default all 1.
        threshold: λ, a share of the samples; by default 1/(2C).
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Raises:
        ValueError: ``target`` holds class probabilities.

    Example:
        >>> counts, drawn = torch.tensor([90, 10]), torch.tensor([[True, True], [False, False]])
        >>> equalization(torch.zeros(2, 2), torch.tensor([0, 0]), counts, drawn, reduction="none")
        tensor([-0.0000, 0.6931])
    """
    terms = equalization_terms(
        logits, target, class_counts, drawn, weight, threshold=threshold, ignore_index=ignore_index
    )
    return reduce(terms, reduction)
