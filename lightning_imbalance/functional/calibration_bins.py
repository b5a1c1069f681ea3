"""Predictions put into bins by the probability that was given to them: what a reliability diagram shows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class CalibrationBins(NamedTuple):
    """What fell into each bin.

    Attributes:
        predictions: Their number, shape ``(M,)``, int64.
        probability: Sum of the probabilities that were given, shape ``(M,)``.
        hits: How many of them came true, shape ``(M,)``, int64.

    Example:
        >>> calibration_bins(torch.tensor([0.25, 0.75]), torch.tensor([False, True]), bins=2).hits
        tensor([0, 1])
    """

    predictions: Tensor
    probability: Tensor
    hits: Tensor


def calibration_bins(probability: Tensor, came_true: Tensor, bins: int) -> CalibrationBins:
    r"""Put predictions into bins of equal width; bin m of M is :math:`(\frac{m-1}{M}, \frac{m}{M}]`.

    The first holds 0 too.

    Args:
        probability: What was given to each prediction, from 0 to 1, shape ``(N,)``.
        came_true: Whether it did, shape ``(N,)``.
        bins: Number of bins M.

    Returns:
        Counts and sums of each bin.

    Raises:
        ValueError: ``bins`` is below 1, or ``probability`` is not between 0 and 1.

    Example:
        >>> calibration_bins(torch.tensor([0.25, 0.5, 0.75]), torch.tensor([0, 1, 1]), bins=2).predictions
        tensor([2, 1])
    """
    check_bins(bins)
    check_probabilities(probability)
    index = bin_of(probability, bins)
    hits = came_true.long()
    count = torch.zeros(bins, dtype=torch.int64, device=probability.device)
    return CalibrationBins(
        count.index_add(0, index, torch.ones_like(hits)),
        torch.zeros(bins, dtype=probability.dtype, device=probability.device).index_add(0, index, probability),
        count.index_add(0, index, hits),
    )


def bin_of(probability: Tensor, bins: int) -> Tensor:
    """Return the bin of each probability, counted from 0.

    Args:
        probability: From 0 to 1, any shape.
        bins: Number of bins M.

    Returns:
        Shape of ``probability``, int64.

    Example:
        >>> bin_of(torch.tensor([0.0, 0.5, 0.51, 1.0]), bins=2)
        tensor([0, 0, 1, 1])
    """
    # The inner edges alone: what lies at 0 or above the last of them has its bin.
    edges = torch.arange(1, bins, dtype=probability.dtype, device=probability.device) / bins
    return torch.bucketize(probability, edges)


def check_bins(bins: int) -> None:
    """Refuse fewer bins than one.

    Example:
        >>> check_bins(0)
        Traceback (most recent call last):
        ValueError: `bins` must be at least 1, got 0.
    """
    if bins < 1:
        msg = f"`bins` must be at least 1, got {bins}."
        raise ValueError(msg)


def check_probabilities(values: Tensor) -> None:
    """Refuse what is no probability.

    Example:
        >>> check_probabilities(torch.tensor([0.5, 2.0]))
        Traceback (most recent call last):
        ValueError: `probabilities` must be between 0 and 1, got values from 0.5 to 2. Pass softmax ...
    """
    if not bool(((values >= 0) & (values <= 1)).all()):
        msg = (
            f"`probabilities` must be between 0 and 1, got values from {values.amin().item():.4g} to "
            f"{values.amax().item():.4g}. Pass softmax or sigmoid of the logits."
        )
        raise ValueError(msg)
