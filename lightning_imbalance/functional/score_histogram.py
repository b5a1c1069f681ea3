"""Ranking figures of each class from a histogram of its scores, in memory that does not grow with the samples.

Average precision and the area under the ROC curve depend on the order of the scores alone, so the bins may have any
width. They are even in log-odds: the scores of a rare class may all lie below 0.01, where bins that are even in
probability would put most of them into one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.reduction import widest_float

_FURTHEST = 16.0
"""The log-odds of the largest float32 below 1 are 16.6."""


def log_odds_thresholds(bins: int) -> Tensor:
    """Return thresholds of probability that are even in log-odds, from 0 on.

    Args:
        bins: Number of thresholds T, at least 2.

    Returns:
        Shape ``(T,)``, float32, not falling; the first is 0, so that every score reaches it.

    Example:
        >>> log_odds_thresholds(4)
        tensor([0.0000e+00, 1.1254e-07, 5.0000e-01, 1.0000e+00])
    """
    inner = torch.linspace(-_FURTHEST, _FURTHEST, bins - 1, dtype=torch.float64).sigmoid()
    return torch.cat([torch.zeros(1), inner.float()])


def score_histogram(scores: Tensor, positive: Tensor, counted: Tensor, thresholds: Tensor) -> Tensor:
    """Count the positive and the negative samples of each class by the highest threshold that their score reaches.

    Args:
        scores: Probability of each class, shape ``(N, C)``. NaN reaches the first threshold alone.
        positive: Whether the sample is of the class, ``(N, C)``, bool.
        counted: Whether it counts, ``(N, C)``, bool.
        thresholds: Not falling, shape ``(T,)``; every score reaches the first.

    Returns:
        Shape ``(2, C, T)``, int64: negatives, then positives.

    Example:
        >>> scores, positive = torch.tensor([[0.2], [0.7], [0.9]]), torch.tensor([[False], [False], [True]])
        >>> score_histogram(scores, positive, torch.ones_like(positive), torch.tensor([0.0, 0.5]))
        tensor([[[1, 1]],
        <BLANKLINE>
                [[0, 1]]])
    """
    classes, bins = scores.shape[1], len(thresholds)
    reached = torch.bucketize(scores.to(thresholds.dtype), thresholds, right=True) - 1
    reached = reached.clamp_min(0).masked_fill(scores.isnan(), 0)
    offsets = torch.arange(classes, device=scores.device) * bins
    index = reached + offsets + positive.long() * (classes * bins)
    counts = torch.zeros(2 * classes * bins, dtype=torch.int64, device=scores.device)
    counts.scatter_add_(0, index.flatten(), counted.long().flatten())
    return counts.view(2, classes, bins)


def binned_average_precision(histogram: Tensor) -> Tensor:
    r"""Return the average precision of each class, :math:`\sum_t (R_t - R_{t+1}) P_t` over the thresholds.

    Args:
        histogram: What :func:`score_histogram` counted, ``(2, C, T)``.

    Returns:
        Shape ``(C,)``, float64 (float32 on mps); NaN for a class without samples. Scores without information give the
        share of the class's samples.

    Example:
        >>> binned_average_precision(torch.tensor([[[1, 1]], [[0, 1]]]))
        tensor([0.5000], dtype=torch.float64)
    """
    negatives, positives = _reaching(histogram)
    recall = positives / positives[:, :1]
    precision = positives / (positives + negatives).clamp_min(1)
    steps = recall - torch.cat([recall[:, 1:], torch.zeros_like(recall[:, :1])], 1)
    return (steps * precision).sum(1)


def binned_auroc(histogram: Tensor) -> Tensor:
    """Return the area under the ROC curve of each class: how often a positive has a higher score than a negative.

    Two scores in one bin count one half.

    Args:
        histogram: What :func:`score_histogram` counted, ``(2, C, T)``.

    Returns:
        Shape ``(C,)``, float64 (float32 on mps); NaN for a class without positive or without negative samples.

    Example:
        >>> binned_auroc(torch.tensor([[[1, 1]], [[0, 1]]]))
        tensor([0.7500], dtype=torch.float64)
    """
    negatives, positives = histogram.to(widest_float(histogram.device)).unbind()
    higher = negatives.cumsum(1) - negatives / 2
    return (positives * higher).sum(1) / (positives.sum(1) * negatives.sum(1))


def _reaching(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many negatives and positives reach each threshold."""
    negatives, positives = histogram.to(widest_float(histogram.device)).flip(2).cumsum(2).flip(2).unbind()
    return negatives, positives
