"""How far two models' balanced accuracies on the same samples are apart, and how sure that is."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from torch import Tensor

from lightning_imbalance.functional.student import student_quantile


class PairedDifference(NamedTuple):
    """A difference with its confidence interval.

    Attributes:
        difference: Balanced accuracy of the second model minus that of the first.
        low: Lower end of the interval.
        high: Upper end of the interval.

    Example:
        >>> PairedDifference(0.10, 0.04, 0.16).shown
        True
    """

    difference: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def balanced_accuracy_difference(
    first: Tensor, second: Tensor, target: Tensor, confidence: float = 0.95
) -> PairedDifference:
    """Return how much higher the second model's balanced accuracy is, on the same samples.

    Each class's difference of recalls comes from the samples that only one of the models got right. Its interval is
    that of Agresti & Min 2005 (section 3: half a pair is added to each cell of the 2 × 2 table), which has a width
    also where no sample differs, and covers as often as it says with 20 samples a class. The classes are independent,
    so that variances add.

    With R runs of each way of training, on the same samples and paired by seed, the difference is the mean over the
    runs. A sample then gains the share of the runs that gained it. The variance over the runs, divided by R, is added:
    the interval speaks of other samples and of other seeds. Its quantile is Student's, with the degrees of freedom of
    Welch 1947 (eq. 28), rounded down.

    Args:
        first: Predicted classes of one model, shape ``(N,)``; or of R runs, shape ``(R, N)`` with R from 2 on.
        second: Predicted classes of the other, same samples and as many runs.
        target: The classes, shape ``(N,)``.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        Difference and interval over the classes that have samples.

    Raises:
        ValueError: The shapes differ, there is no sample or one run, or ``confidence`` is not between 0 and 1.

    Example:
        >>> import torch
        >>> target = torch.tensor([0] * 50 + [1] * 50)
        >>> first, second = torch.zeros_like(target), target
        >>> result = balanced_accuracy_difference(first, second, target)
        >>> print(f"{result.difference:.2f} [{result.low:.2f}, {result.high:.2f}]")
        0.50 [0.44, 0.52]
    """
    runs = first.ndim == 2
    fits = first.shape == second.shape and first.shape[-1:] == target.shape and (not runs or len(first) > 1)
    if not fits or target.ndim != 1 or first.ndim > 2 or len(target) == 0:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (first, second, target))
        msg = (
            "both predictions and the target must have shape (N,) with N above 0, or the predictions (R, N) with R "
            f"runs, 2 or more, got {shapes}."
        )
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"`confidence` must be between 0 and 1, got {confidence}."
        raise ValueError(msg)
    change = (second == target).double() - (first == target).double()
    change = change if runs else change[None]
    mean_change = change.mean(0)
    difference, centre, variance = 0.0, 0.0, 0.0
    per_run = change.new_zeros(len(change))
    classes = sorted(set(target.tolist()))
    for label in classes:
        of_class = target == label
        n, gained = int(of_class.sum()), mean_change[of_class].sum().item()
        differing = mean_change[of_class].square().sum().item()
        difference += gained / n
        centre += gained / (n + 2)
        variance += (differing + 1 - gained**2 / (n + 2)) / (n + 2) ** 2
        per_run += change[:, of_class].mean(1)
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    if runs:
        between = per_run.var().item() / len(change)
        freedom = (variance + between) ** 2 / (variance**2 / len(target) + between**2 / (len(change) - 1))
        quantile = student_quantile((1 + confidence) / 2, math.floor(freedom))
        variance += between
    half = quantile * math.sqrt(variance)
    low, high = (bound / len(classes) for bound in (centre - half, centre + half))
    difference /= len(classes)
    return PairedDifference(difference, max(min(low, difference), -1.0), min(max(high, difference), 1.0))
