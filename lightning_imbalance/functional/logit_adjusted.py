"""Cross-entropy of logits adjusted by the class prior: logit adjustment, and with τ = 1 balanced softmax."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lightning_imbalance.functional.class_counts import log_priors
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, Terms, reduce
from lightning_imbalance.functional.true_class import along_classes
from lightning_imbalance.functional.weighted_bce import weighted_bce_terms
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms


def logit_adjusted_terms(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    tau: float = 1.0,
    task: Literal["multiclass", "binary"] = "multiclass",
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted loss and weight of each target; see :func:`logit_adjusted`.

    Example:
        >>> import torch
        >>> logit_adjusted_terms(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([90, 10])).loss
        tensor([0.1054, 2.3026])
    """
    logits = full_precision(logits)
    adjustment = tau * log_priors(class_counts, logits.dtype)
    if task == "binary":
        adjusted = logits + (adjustment[1] - adjustment[0])
        return weighted_bce_terms(adjusted, target, weight, ignore_index=ignore_index)
    adjusted = logits + along_classes(adjustment, logits.ndim)
    return weighted_cross_entropy_terms(adjusted, target, weight, ignore_index=ignore_index)


def logit_adjusted(
    logits: Tensor,
    target: Tensor,
    class_counts: Tensor,
    weight: Tensor | None = None,
    *,
    tau: float = 1.0,
    task: Literal["multiclass", "binary"] = "multiclass",
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the logit-adjusted cross-entropy (Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 10).

    It is the cross-entropy of :math:`z_c + τ \log π_c` with π the share of class c in the training data. A model
    trained so is evaluated on its own logits z, without the adjustment; where nothing else changes the balance, they
    are posteriors under a class prior proportional to :math:`π^{1 - τ}`.

    τ = 1 is balanced softmax (Ren et al. 2020, "Balanced Meta-Softmax"): it adds :math:`\log n_c`, and the
    softmax drops what all classes share. For ``binary`` the one logit is the difference of two, and
    :math:`τ \log (π_1 / π_0)` is added to it. The authors' code guards :math:`\log 0` by a constant or not at all; here
    a class without samples has the prior of the rarest that has some.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``; ``binary``: any shape. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64, or class probabilities of the logits' shape;
            ``binary``: 0 and 1, or probabilities between them, shape of ``logits``.
        class_counts: Training samples of each class, shape ``(C,)``. A class without samples is taken for one as rare
            as the rarest that has some.
        weight: Class weights, shape ``(C,)``; by default all 1.
        tau: τ, from 0 (cross-entropy) on.
        task: ``"multiclass"`` or ``"binary"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> import torch
        >>> logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
        >>> logit_adjusted(logits, target, torch.tensor([90, 10]))
        tensor(1.2040)
        >>> logit_adjusted(logits, target, torch.tensor([90, 10]), tau=0.0)
        tensor(0.6931)
    """
    terms = logit_adjusted_terms(logits, target, class_counts, weight, tau=tau, task=task, ignore_index=ignore_index)
    return reduce(terms, reduction)
