"""Samples drawn again, class by class: what a figure would have been on other samples."""

from __future__ import annotations

import torch
from torch import Tensor


def stratified_draws(target: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """Return how often each sample comes in each of many draws with replacement (Efron & Tibshirani 1993, section 6).

    Each class is drawn from its own samples, as many as it has. A draw from all samples could leave a rare class
    without any, and then it would have no recall.

    Args:
        target: The class of each sample, shape ``(N,)``.
        draws: Number of draws B.
        generator: Draws them.

    Returns:
        Shape ``(B, N)``, float64, whole numbers.

    Example:
        >>> drawn = stratified_draws(torch.tensor([0, 1, 0, 0]), 2, torch.Generator().manual_seed(0))
        >>> drawn.shape, drawn[:, 1], drawn.sum(1)
        (torch.Size([2, 4]), tensor([1., 1.], dtype=torch.float64), tensor([4., 4.], dtype=torch.float64))
    """
    order = target.argsort(stable=True)
    counts = torch.bincount(target)
    counts = counts[counts > 0]
    size = counts.repeat_interleave(counts)
    first = (counts.cumsum(0) - counts).repeat_interleave(counts)
    places = torch.rand(draws, len(target), generator=generator, dtype=torch.float64)
    # Rounding must not reach the next class: u below 1 times n may give n.
    places = first + torch.minimum((places * size).long(), size - 1)
    drawn = torch.zeros(draws, len(target), dtype=torch.float64)
    return drawn.scatter_add_(1, order[places], torch.ones_like(drawn))
