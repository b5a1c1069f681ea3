"""Label-distribution-aware margins: the rarer the class, the further its samples must lie from the others."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import only_at_true_class, require_indices
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def ldam_margins(class_counts: Tensor, max_margin: float = 0.5, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the margin of each class, in proportion to n_c^(-1/4), the rarest class's being ``max_margin``.

    Args:
        class_counts: Samples of each class, shape ``(C,)``.
        max_margin: The largest margin, as a difference of cosines.
        dtype: Type of the result.

    Returns:
        Shape ``(C,)``.

    Example:
        >>> ldam_margins(torch.tensor([160_000, 10_000, 10]))
        tensor([0.0445, 0.0889, 0.5000])
    """
    counts = without_zeros(class_counts.to(dtype))
    return max_margin * (counts.amin() / counts).pow(0.25)


def ldam_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    max_margin: float = 0.5,
    scale: float = 30.0,
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`ldam`.

    Example:
        >>> ldam_terms(torch.eye(2), torch.tensor([0, 1]), torch.tensor([160, 10]), scale=1.0).loss
        tensor([0.3869, 0.4741])
    """
    require_indices(target, "ldam", "the margin")
    logits = full_precision(logits)
    margins = -scale * ldam_margins(class_counts, max_margin, logits.dtype)
    moved = logits + only_at_true_class(margins, target, logits, ignore_index)
    return weighted_cross_entropy_terms(moved, target, weight, ignore_index=ignore_index)


def ldam(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    max_margin: float = 0.5,
    scale: float = 30.0,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the label-distribution-aware margin loss (Cao et al. 2019).

    "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss". It is the cross-entropy of :math:`z_c - s
    m_y [c = y]` with margins :math:`m_c \propto n_c^{-1/4}`, the largest of them ``max_margin``. The logits are s times
    the cosine between features and class vectors, as :func:`cosine_logits` gives them: a margin is then a difference of
    cosines.

    In the authors' code the model gives cosines and the loss multiplies them by s, so that the softmax of the model's
    own output is nearly uniform. Here the model gives :math:`s \cos`: its outputs are logits, for probabilities and
    metrics too, and the loss uses s for the margins alone. The loss is the same. The paper divides the weighted sum by
    the number of samples, its code, as here, by the sum of the weights.

    Args:
        logits: s times cosines, shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        weight: Class weights, shape ``(C,)``; by default all 1.
        max_margin: Margin of the rarest class, as a difference of cosines.
        scale: s, the one that the logits were multiplied by.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Raises:
        ValueError: ``target`` holds class probabilities.

    Example:
        >>> logits = 10 * torch.tensor([[0.9, 0.1], [0.2, 0.6]])
        >>> ldam(logits, torch.tensor([0, 1]), torch.tensor([160, 10]), scale=10.0)
        tensor(0.6587)
    """
    terms = ldam_terms(
        logits, target, class_counts, weight, max_margin=max_margin, scale=scale, ignore_index=ignore_index
    )
    return reduce(terms, reduction)
