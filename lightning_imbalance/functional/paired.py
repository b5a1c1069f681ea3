"""How far two models' balanced accuracies on the same samples are apart, and how sure that is."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import torch
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
    moments = change_of_balanced_accuracy((change if runs else change[None])[None], target)
    difference, centre = moments.per_run.mean().item(), moments.centre.item()
    variance = moments.covariance.mean().item()
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    if runs:
        between = moments.per_run.var().item() / len(change)
        freedom = (variance + between) ** 2 / (variance**2 / len(target) + between**2 / (len(change) - 1))
        quantile = student_quantile((1 + confidence) / 2, math.floor(freedom))
        variance += between
    half = quantile * math.sqrt(variance)
    low, high = centre - half, centre + half
    return PairedDifference(difference, max(min(low, difference), -1.0), min(max(high, difference), 1.0))


class ChangeMoments(NamedTuple):
    """What K models with R runs each changed against another one, and how sure the samples make that.

    Attributes:
        per_run: The change of the figure in each run, shape ``(K, R)``.
        centre: Where the interval of each mean over the runs is centred, shape ``(K,)``.
        covariance: Of ``per_run`` over other samples, shape ``(K, R, K, R)``.

    Example:
        >>> change = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])  # one model, two runs, two samples
        >>> change_of_balanced_accuracy(change, torch.tensor([0, 0])).per_run
        tensor([[0.5000, 0.0000]], dtype=torch.float64)
    """

    per_run: Tensor
    centre: Tensor
    covariance: Tensor


def change_of_balanced_accuracy(change: Tensor, target: Tensor) -> ChangeMoments:
    """Return how much K models change the balanced accuracy in each run, and what the choice of samples leaves open.

    Each class is a paired proportion with half a pair added to each cell (Agresti & Min 2005, section 3), and the
    classes are independent, so that their covariances add.

    Args:
        change: 1 where a model is right and the one it is compared with is wrong, -1 where it is the other way round,
            else 0; shape ``(K, R, N)`` for K models, R runs and N samples.
        target: The classes, shape ``(N,)``, N above 0.

    Returns:
        The moments over the classes that have samples, float64.

    Example:
        >>> moments = change_of_balanced_accuracy(torch.tensor([[[1, 0, 0, 0]]]), torch.tensor([0, 0, 1, 1]))
        >>> moments.centre, moments.covariance.flatten()
        (tensor([0.1250], dtype=torch.float64), tensor([0.0430], dtype=torch.float64))
    """
    models, runs = change.shape[:2]
    flat = change.double().flatten(0, 1)
    per_run, centre = flat.new_zeros(models * runs), flat.new_zeros(models)
    covariance = flat.new_zeros(models * runs, models * runs)
    # The added pairs are the same in all runs of a model, and say nothing of another one.
    added = torch.eye(models, dtype=torch.float64).repeat_interleave(runs, 0).repeat_interleave(runs, 1)
    classes = sorted(set(target.tolist()))
    for label in classes:
        of_class = flat[:, target == label]
        n, gained = of_class.shape[1], of_class.sum(1)
        per_run += gained / n
        centre += gained.view(models, runs).mean(1) / (n + 2)
        covariance += (of_class @ of_class.T + added - gained.outer(gained) / (n + 2)) / (n + 2) ** 2
    number = len(classes)
    shape = (models, runs, models, runs)
    return ChangeMoments(per_run.view(models, runs) / number, centre / number, covariance.view(shape) / number**2)
