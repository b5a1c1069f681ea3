"""A mean over everything seen, instead of a mean of the batches' means."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imbalance.functional.reduction import weighted_mean


class WeightedMean(Metric):
    """Σ numerators / Σ denominators over batches and processes.

    A mean of batch means counts a sample of a small or lightly weighted batch for more than one of another.

    Args:
        dtype: Type of the sums; float64 keeps every digit of an epoch.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = WeightedMean()
        >>> metric.update(torch.tensor(7.0), torch.tensor(4.0))
        >>> metric.update(torch.tensor(1.0), torch.tensor(0.0))
        >>> metric.compute()
        tensor(2., dtype=torch.float64)
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False

    numerator: Tensor
    denominator: Tensor

    def __init__(self, dtype: torch.dtype = torch.float64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("numerator", "denominator"):
            self.add_state(name, torch.zeros((), dtype=dtype), dist_reduce_fx="sum")

    def update(self, numerator: Tensor, denominator: Tensor) -> None:
        """Add a batch.

        Args:
            numerator: Σ w·ℓ of the batch, shape ``()``.
            denominator: Σ w of the batch, shape ``()``.
        """
        self.numerator = self.numerator + numerator
        self.denominator = self.denominator + denominator

    def compute(self) -> Tensor:
        """Return the mean, shape ``()``; 0 where nothing was counted."""
        return weighted_mean(self.numerator, self.denominator)
