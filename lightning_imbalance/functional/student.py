"""Quantiles of Student's t: how far a mean of few runs may be off."""

from __future__ import annotations

import math


def student_quantile(probability: float, freedom: int) -> float:
    """Return the value that Student's t stays below with a probability.

    The distribution function has a closed form for whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and
    26.7.4); it is inverted by bisection, to about 1e-12 of the value.

    Args:
        probability: Between 0 and 1.
        freedom: Degrees of freedom, from 1 on.

    Returns:
        The quantile.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> print(f"{student_quantile(0.975, 4):.3f}")
        2.776
    """
    if not 0 < probability < 1:
        msg = f"`probability` must be between 0 and 1, got {probability}."
        raise ValueError(msg)
    if freedom < 1:
        msg = f"`freedom` must be at least 1, got {freedom}."
        raise ValueError(msg)
    if probability < 0.5:
        return -student_quantile(1 - probability, freedom)
    # In the angle arctan(t / √freedom), which is bounded where t is not.
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        inside = _inside(middle, freedom)
        low, high = (middle, high) if inside < 2 * probability - 1 else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _inside(angle: float, freedom: int) -> float:
    """Return how probable it is that the size of t / √freedom is below the tangent of the angle."""
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * step / (step + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
