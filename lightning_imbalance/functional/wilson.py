"""How far a share that was measured on a few samples can be trusted."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor


def wilson_interval(successes: Tensor, trials: Tensor, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
    """Return the Wilson score interval of a share (Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4).

    Unlike p ± 1.96·s it stays inside [0, 1] and does not shrink to nothing at 0 of n or n of n.

    Args:
        successes: Number of successes, any shape.
        trials: Number of trials, same shape.
        confidence: Coverage, between 0 and 1.

    Returns:
        Lower and upper bounds, float64, NaN where there were no trials.

    Raises:
        ValueError: ``confidence`` is not between 0 and 1.

    Example:
        >>> low, high = wilson_interval(torch.tensor([0, 5]), torch.tensor([5, 5]))
        >>> low, high
        (tensor([0.0000, 0.5655], dtype=torch.float64), tensor([0.4345, 1.0000], dtype=torch.float64))
    """
    if not 0 < confidence < 1:
        msg = f"`confidence` must be between 0 and 1, got {confidence}."
        raise ValueError(msg)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n, k = trials.double(), successes.double()
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * torch.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = centre - half, centre + half
    # At 0 of n and n of n the bound is exactly 0 and 1; rounding must not say -1e-17.
    return torch.where(k == 0, low.abs() * 0, low), torch.where(k == n, high * 0 + 1, high)
