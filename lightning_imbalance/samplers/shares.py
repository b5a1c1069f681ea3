"""From a power of the counts, or a target, to each class's share of the draws."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.prior import Prior, log_prior


def balanced_shares(
    distribution: ClassDistribution, counts: Tensor, power: float | None = None, target: Prior | None = None
) -> Tensor:
    """Return the share of each class in the draws.

    Args:
        distribution: The classes.
        counts: Samples of each class that is drawn by, shape ``(C,)``, int64; ``multilabel``: ``(C + 1,)``, the last
            of samples without a label.
        power: Of the counts, 0 where neither it nor a target is given.
        target: C probabilities, or a mapping from class name to probability, instead.

    Returns:
        Shape of ``counts``, float64, summing to 1; 0 for classes without samples.

    Raises:
        TypeError: ``power`` is no number.
        ValueError: Both are given, or one does not fit.

    Example:
        >>> balanced_shares(ClassDistribution([16, 4, 0]), torch.tensor([16, 4, 0]), power=0.5)
        tensor([0.6667, 0.3333, 0.0000], dtype=torch.float64)
    """
    if target is not None and power is not None:
        msg = f"`power` must be left out with `target`, got power={power!r} and target={target!r}."
        raise ValueError(msg)
    if target is not None:
        if distribution.task == "multilabel":
            msg = (
                '`target` must be left out with `task="multilabel"`, where a sample has several classes, '
                f"got {target!r}. Pass `power`."
            )
            raise ValueError(msg)
        return log_prior(target, distribution).exp()
    raised = counts.double() ** checked_power(0.0 if power is None else power)
    raised = torch.where(counts > 0, raised, 0.0)
    return raised / raised.sum()


def checked_power(power: object) -> float:
    """Return a power of the class counts after checking that it is a number from 0 to 1.

    Args:
        power: What was given.

    Returns:
        The number.

    Raises:
        TypeError: It is none.
        ValueError: It is outside [0, 1].

    Example:
        >>> checked_power(0.5)
        0.5
    """
    msg = f"`power` must be a number from 0 (all classes alike) to 1 (as the data have them), got {power!r}."
    if isinstance(power, bool) or not isinstance(power, Real):
        raise TypeError(msg)
    number = float(power)
    if not 0 <= number <= 1:
        raise ValueError(msg)
    return number
