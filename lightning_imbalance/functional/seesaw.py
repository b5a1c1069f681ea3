"""Seesaw loss: a frequent class pushes a rarer one less, unless the rarer one is mistaken for it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, index_weight, reduce
from lightning_imbalance.functional.true_class import along_classes, at_true_class, require_indices
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def seesaw_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    p: float = 0.8,
    q: float = 2.0,
    eps: float = 1e-2,
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`seesaw`.

    Example:
        >>> import torch
        >>> seesaw_terms(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([100, 1])).loss
        tensor([0.0248, 0.6931])
    """
    require_indices(target, "seesaw", "the factor of each other class")
    logits = full_precision(logits)
    powers = p * without_zeros(class_counts.to(logits.dtype)).log()
    true_powers = index_weight(target, powers, ignore_index, logits.dtype).unsqueeze(1)
    scores = logits.detach().log_softmax(1)
    true_scores = at_true_class(scores, target, ignore_index).unsqueeze(1)
    # Each is log M or log C and a number that all classes of a target share, which the softmax drops. No class is taken
    # out: for the true class both come to that number, since its score is not above the floored one.
    compensation = torch.maximum(scores, true_scores.clamp_min(math.log(eps)))
    del scores  # as large as the logits, as what comes after
    adjusted = logits + torch.minimum(along_classes(powers, logits.ndim), true_powers)
    adjusted = torch.add(adjusted, compensation, alpha=q)
    return weighted_cross_entropy_terms(adjusted, target, weight, ignore_index=ignore_index)


def seesaw(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    p: float = 0.8,
    q: float = 2.0,
    eps: float = 1e-2,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the seesaw loss (Wang et al. 2021, "Seesaw Loss for Long-Tailed Instance Segmentation").

    It is the cross-entropy of :math:`z_j + \log (M_{yj} C_{yj})`. The mitigation
    :math:`M_{yj} = \min(1, n_j / n_y)^p` lets a sample of a frequent class y push a rarer class j less; the
    compensation :math:`C_{yj} = \max(1, σ_j / \max(σ_y, ε))^q` undoes that where the model prefers j, with σ the
    softmax of the logits, through which no gradient flows. A model trained so is evaluated on its own logits.

    The counts are the training data's. The authors' code counts the targets that its forward has seen, in validation
    too and in each process apart; here a call changes nothing. Of its two parts, classes and objectness, this is the
    first.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        weight: Class weights, shape ``(C,)``; by default all 1.
        p: Strength of the mitigation, from 0 (none) on.
        q: Strength of the compensation, from 0 (none) on.
        eps: ε, the floor under the score of the true class.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Raises:
        ValueError: ``target`` holds class probabilities.

    Example:
        >>> import torch
        >>> seesaw(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([100, 1]))
        tensor(0.3590)
    """
    terms = seesaw_terms(logits, target, class_counts, weight, p=p, q=q, eps=eps, ignore_index=ignore_index)
    return reduce(terms, reduction)
