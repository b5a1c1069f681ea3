"""The usual class weights, each a function of the class distribution.

A class without samples may get any value here, also infinity: :func:`lightning_imbalance.class_weights` replaces it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution


@runtime_checkable
class Scheme(Protocol):
    """Gives every class of a distribution a weight; a bigger weight means that the class counts for more.

    Classes without samples may get any value, also infinity: :func:`class_weights` replaces it.

    Example:
        >>> isinstance(EffectiveNumber(beta=0.999), Scheme)
        True
    """

    def __call__(self, distribution: ClassDistribution, /) -> Tensor:
        """Return the weights, shape ``(C,)``."""
        ...


def uniform(distribution: ClassDistribution, /) -> Tensor:
    """Every class counts the same: 1.

    Example:
        >>> uniform(ClassDistribution([60, 30, 10]))
        tensor([1., 1., 1.], dtype=torch.float64)
    """
    return torch.ones(distribution.num_classes, dtype=torch.float64)


def balanced(distribution: ClassDistribution, /) -> Tensor:
    """N / (K·n_c) with K the number of classes that have samples: :func:`sklearn.utils.compute_class_weight`'s.

    The weights average 1 over the training samples.

    Example:
        >>> balanced(ClassDistribution([60, 30, 10]))
        tensor([0.5556, 1.1111, 3.3333], dtype=torch.float64)
    """
    present = distribution.num_classes - len(distribution.absent)
    return distribution.num_samples / (present * distribution.counts.double())


def complement(distribution: ClassDistribution, /) -> Tensor:
    """1 - n_c/n. They sum to C - 1, and with many classes they hardly differ: at most n / (n - n_max) apart.

    Example:
        >>> complement(ClassDistribution([60, 30, 10]))
        tensor([0.4000, 0.7000, 0.9000], dtype=torch.float64)
    """
    return 1 - distribution.priors


def median_frequency(distribution: ClassDistribution, /) -> Tensor:
    """median(n) / n_c, the median taken over the classes that have samples (Eigen & Fergus 2015, section 4).

    With an even number of classes the median is the mean of the middle two. Eigen & Fergus divide by the pixels of
    the images that contain the class; for one label a sample that is n_c.

    Example:
        >>> median_frequency(ClassDistribution([60, 30, 20, 10]))
        tensor([0.4167, 0.8333, 1.2500, 2.5000], dtype=torch.float64)
    """
    counts = distribution.counts.double()
    # torch.median returns the lower of the two middle values.
    return torch.quantile(counts[counts > 0], 0.5) / counts


def log(distribution: ClassDistribution, /) -> Tensor:
    """1 / ln(1.02 + n_c/n), between 1.42 and 50.5 (Paszke et al. 2016, "ENet", section 5.2).

    Example:
        >>> log(ClassDistribution([60, 30, 10]))
        tensor([2.0729, 3.6019, 8.8239], dtype=torch.float64)
    """
    return 1 / torch.log(1.02 + distribution.priors)


@dataclass(frozen=True)
class Power:
    """n_c to the power of ``-exponent``: 0 is uniform, 0.5 ``inverse_sqrt``, 1 ``inverse``.

    Args:
        exponent: How strongly the weight falls with the count, from 0 on.

    Raises:
        ValueError: ``exponent`` is negative or not finite.

    Example:
        >>> Power(exponent=0.5)(ClassDistribution([4, 16]))
        tensor([0.5000, 0.2500], dtype=torch.float64)
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        """Refuse exponents that would favour the frequent classes."""
        if not (math.isfinite(self.exponent) and self.exponent >= 0):
            msg = f"`exponent` must be a finite number from 0 on, got {self.exponent}."
            raise ValueError(msg)

    def __call__(self, distribution: ClassDistribution, /) -> Tensor:
        """Return the weights, shape ``(C,)``, float64."""
        return distribution.counts.double().pow(-self.exponent)


@dataclass(frozen=True)
class EffectiveNumber:
    """(1 - β) / (1 - β^n_c), scaled to average 1 over the classes that have samples (Cui et al. 2019, eq. 2 and 4).

    β tends to 1: ``inverse``; β = 0: uniform. The paper uses 0.9, 0.99, 0.999 and 0.9999.

    Args:
        beta: β, from 0 to below 1.

    Raises:
        ValueError: ``beta`` is outside [0, 1).

    Example:
        >>> EffectiveNumber(beta=0.99)(ClassDistribution([60, 30, 10]))
        tensor([0.4013, 0.6981, 1.9006], dtype=torch.float64)
    """

    beta: float = 0.999

    def __post_init__(self) -> None:
        """Refuse β = 1, where the formula is 0/0: its limit is ``inverse``."""
        if not 0 <= self.beta < 1:
            msg = f"`beta` must be at least 0 and below 1, got {self.beta}. Its limit at 1 is the scheme 'inverse'."
            raise ValueError(msg)

    def __call__(self, distribution: ClassDistribution, /) -> Tensor:
        """Return the weights, shape ``(C,)``, float64."""
        counts = distribution.counts.double()
        if self.beta == 0:
            return torch.where(counts > 0, 1.0, torch.inf)
        # 1 - β^n loses its digits where β^n is near 1; expm1 keeps them.
        weights = (1 - self.beta) / -torch.expm1(counts * math.log(self.beta))
        present = counts > 0
        return weights * (present.sum() / weights[present].sum())


SCHEMES: dict[str, Scheme] = {
    "uniform": uniform,
    "balanced": balanced,
    "complement": complement,
    "inverse": Power(1.0),
    "inverse_sqrt": Power(0.5),
    "effective_number": EffectiveNumber(),
    "median_frequency": median_frequency,
    "log": log,
}
