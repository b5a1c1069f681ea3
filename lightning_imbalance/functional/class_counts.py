"""Class counts as the losses need them: without a zero, so that no logarithm and no quotient is infinite.

A class without samples is taken for one as rare as the rarest class that has some, as
:func:`lightning_imbalance.class_weights` takes it. Its logit then gets a finite adjustment, and a target of that class,
which validation data may well have, a finite loss.
"""

from __future__ import annotations

import torch
from torch import Tensor


def without_zeros(values: Tensor) -> Tensor:
    """Replace each 0 by the smallest positive value; where all are 0, by 1.

    Args:
        values: Numbers from 0 on, one a class, shape ``(C,)``, floating point.

    Returns:
        Positive numbers, shape ``(C,)``.

    Example:
        >>> without_zeros(torch.tensor([60.0, 0.0, 10.0]))
        tensor([60., 10., 10.])
    """
    absent = values.logical_not()
    smallest = values.masked_fill(absent, torch.inf).amin().nan_to_num(posinf=1)
    return torch.where(absent, smallest, values)


def log_priors(class_counts: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the logarithm of each class's share, an absent class taken for one as rare as the rarest.

    Args:
        class_counts: Samples of each class, shape ``(C,)``, integers.
        dtype: Type of the result.

    Returns:
        Shape ``(C,)``, finite.

    Example:
        >>> log_priors(torch.tensor([60, 30, 10, 0])).exp()
        tensor([0.6000, 0.3000, 0.1000, 0.1000])
    """
    counts = class_counts.to(dtype)
    return (without_zeros(counts) / counts.sum()).log()
