"""How far confidence and accuracy are apart."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.reduction import widest_float


def expected_calibration_error(
    probabilities: Tensor, target: Tensor, bins: int = 15, *, task: Task = "multiclass", ignore_index: int | None = None
) -> Tensor:
    r"""Return the expected calibration error (Guo et al. 2017, equation 3).

    "On Calibration of Modern Neural Networks". The n predictions are put into bins of equal width by their confidence,
    :math:`\sum_m \frac{|B_m|}{n} |\mathrm{acc}(B_m) - \mathrm{conf}(B_m)|`. Bin m is :math:`(\frac{m-1}{M},
    \frac{m}{M}]`; the first holds 0 too, which the authors' code leaves out. The confidence is the probability of the
    class that is predicted, for ``binary`` and ``multilabel`` that of the more probable answer, from 0.5 on.

    Args:
        probabilities: ``multiclass``: ``(N, C, ...)``. ``binary``: of the positive class ``(N, ...)``. ``multilabel``:
            ``(N, C, ...)``, each label a prediction.
        target: ``multiclass``: class indices ``(N, ...)``. Else 0 and 1 of the shape of the probabilities.
        bins: Number of bins M.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value are left out.

    Returns:
        Shape ``()``, float64 (float32 on mps), from 0 to 1; NaN where there is nothing to judge.

    Raises:
        ValueError: ``bins`` is below 1, or ``probabilities`` are not between 0 and 1.

    Example:
        >>> probabilities = torch.tensor([[0.875, 0.125], [0.875, 0.125], [0.75, 0.25], [0.5, 0.5]])
        >>> expected_calibration_error(probabilities, torch.tensor([0, 0, 0, 1]), bins=1)
        tensor(0., dtype=torch.float64)
        >>> expected_calibration_error(probabilities, torch.tensor([0, 0, 0, 1]), bins=15)
        tensor(0.2500, dtype=torch.float64)
    """
    if bins < 1:
        msg = f"`bins` must be at least 1, got {bins}."
        raise ValueError(msg)
    values = probabilities.detach().to(widest_float(probabilities.device))
    if not bool(((values >= 0) & (values <= 1)).all()):
        msg = (
            f"`probabilities` must be between 0 and 1, got values from {values.amin().item():.4g} to "
            f"{values.amax().item():.4g}. Pass softmax or sigmoid of the logits."
        )
        raise ValueError(msg)
    if task == "multiclass":
        confidence, predicted = values.max(1)
    else:
        confidence, predicted = torch.maximum(values, 1 - values), (values > 0.5).long()
    counted = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    confidence, right = confidence[counted], (predicted == target)[counted]
    index = calibration_bins(confidence, bins)
    gaps = torch.zeros(bins, dtype=confidence.dtype, device=confidence.device)
    gaps = gaps.index_add(0, index, right.to(confidence.dtype) - confidence)
    return gaps.abs().sum() / confidence.numel()


def calibration_bins(confidence: Tensor, bins: int = 15) -> Tensor:
    r"""Return the bin of each confidence, :math:`(\frac{m-1}{M}, \frac{m}{M}]` counted from 0.

    Args:
        confidence: From 0 to 1, any shape.
        bins: Number of bins M.

    Returns:
        Shape of ``confidence``, int64; 0 is in the first bin.

    Example:
        >>> calibration_bins(torch.tensor([0.0, 0.5, 0.51, 1.0]), bins=2)
        tensor([0, 0, 1, 1])
    """
    # The inner edges alone: what lies at 0 or above the last of them has its bin.
    edges = torch.arange(1, bins, dtype=confidence.dtype, device=confidence.device) / bins
    return torch.bucketize(confidence, edges)
