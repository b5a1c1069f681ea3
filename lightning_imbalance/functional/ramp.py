"""When something begins, and how it goes from 0 to 1."""

from __future__ import annotations

import math
from typing import Literal, get_args

Ramp = Literal["linear", "cosine"]


def ramped(passed: float, ramp: Ramp) -> float:
    """Return how far a ramp is up after a share of its way.

    Args:
        passed: t, from 0 to 1.
        ramp: ``"linear"`` is t, ``"cosine"`` (1 - cos πt) / 2.

    Returns:
        From 0 to 1.

    Example:
        >>> ramped(0.25, "linear"), round(ramped(0.25, "cosine"), 3)
        (0.25, 0.146)
    """
    return passed if ramp == "linear" else (1 - math.cos(math.pi * passed)) / 2


def epoch_at(share: float, max_epochs: int) -> int:
    """Return the epoch in which a share of all epochs is over.

    Args:
        share: From 0 to below 1.
        max_epochs: Number of epochs, 1 or more.

    Returns:
        From 0 to ``max_epochs`` - 1.

    Example:
        >>> epoch_at(0.8, 200), epoch_at(0.8, 7)
        (160, 5)
    """
    # 0.57 * 100 is 56.99999999999999.
    return math.floor(round(share * max_epochs, 9))


def check_ramp(ramp: Ramp) -> Ramp:
    """Return the name of a ramp after checking that it is one.

    Raises:
        ValueError: It is none.

    Example:
        >>> check_ramp("cosine")
        'cosine'
    """
    if ramp not in get_args(Ramp):
        msg = f"`ramp` must be 'linear' or 'cosine', got {ramp!r}."
        raise ValueError(msg)
    return ramp
