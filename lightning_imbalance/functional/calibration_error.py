"""How far confidence and accuracy are apart."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.calibration_bins import calibration_bins, check_bins, check_probabilities
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
    check_bins(bins)
    values = probabilities.detach().to(widest_float(probabilities.device))
    check_probabilities(values)
    if task == "multiclass":
        confidence, predicted = values.max(1)
    else:
        confidence, predicted = torch.maximum(values, 1 - values), (values > 0.5).long()
    counted = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    confidence, right = confidence[counted], (predicted == target)[counted]
    binned = calibration_bins(confidence, right, bins)
    return (binned.hits - binned.probability).abs().sum() / confidence.numel()
