"""Vector-scaling loss: logits scaled and shifted by class; without the shift class-dependent temperatures."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import log_priors, without_zeros
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import along_classes
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def vector_scales(class_counts: Tensor, gamma: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the factor of each class's logit, (n_c / n_max)^γ.

    Args:
        class_counts: Samples of each class, shape ``(C,)``.
        gamma: γ, from 0 on.
        dtype: Type of the result.

    Returns:
        Between 0 and 1, shape ``(C,)``.

    Example:
        >>> vector_scales(torch.tensor([1000, 1]), gamma=0.3)
        tensor([1.0000, 0.1259])
    """
    counts = without_zeros(class_counts.to(dtype))
    return (counts / counts.amax()).pow(gamma)


def vector_scaling_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 0.3,
    tau: float = 1.0,
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`vector_scaling`.

    Example:
        >>> vector_scaling_terms(torch.eye(2), torch.tensor([0, 1]), torch.tensor([90, 10])).loss
        tensor([0.0401, 1.8509])
    """
    logits = full_precision(logits)
    scale = along_classes(vector_scales(class_counts, gamma, logits.dtype), logits.ndim)
    shift = along_classes(tau * log_priors(class_counts, logits.dtype), logits.ndim)
    return weighted_cross_entropy_terms(torch.addcmul(shift, scale, logits), target, weight, ignore_index=ignore_index)


def vector_scaling(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 0.3,
    tau: float = 1.0,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the vector-scaling loss (Kini et al. 2021, "Label-Imbalanced and Group-Sensitive Classification").

    It is the cross-entropy of :math:`Δ_c z_c + \iota_c` with :math:`Δ_c = (n_c / n_{max})^γ` and
    :math:`\iota_c = τ \log π_c`. A model trained so is evaluated on its own logits z.

    γ = 0 is the logit-adjusted loss. τ = 0 is that of class-dependent temperatures (Ye et al. 2020, "Identifying and
    Compensating for Feature Deviation in Imbalanced Deep Learning"), which divides by :math:`(n_{max} / n_c)^γ`. The
    authors' code computes the same, and multiplies the binary logit by 30, which is left out here.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64; or class probabilities of the logits' shape.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        weight: Class weights, shape ``(C,)``; by default all 1.
        gamma: γ, from 0 on.
        tau: τ, from 0 on.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> vector_scaling(torch.eye(2), torch.tensor([0, 1]), torch.tensor([90, 10]))
        tensor(0.9455)
    """
    terms = vector_scaling_terms(logits, target, class_counts, weight, gamma=gamma, tau=tau, ignore_index=ignore_index)
    return reduce(terms, reduction)
