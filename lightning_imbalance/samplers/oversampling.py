"""As many of each class as the most frequent has."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from typing_extensions import Unpack

from lightning_imbalance.samplers.base import ClassSampler, Options
from lightning_imbalance.samplers.shares import checked_power


class OversamplingSampler(ClassSampler):
    r"""Draws every sample at least once in an epoch, and those of the rarer classes again until there are as many.

    Classes of 100, 50 and 20 samples give 300 draws, 100 of each. With a power in between,
    :math:`n_{\max}^{1 - p} n_c^p` of class c.

    Args:
        labels_or_dataset: Labels, one a sample, or a data set that has them.
        power: p: 0 draws all classes alike, 1 every sample once.
        options: As for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``task``, ``drop_last``, ...

    Raises:
        TypeError: There are no labels to be had, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work.

    Example:
        >>> import torch
        >>> labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)
        >>> sampler = OversamplingSampler(labels)
        >>> len(sampler), labels[list(sampler)].bincount()
        (300, tensor([100, 100, 100]))
    """

    def __init__(self, labels_or_dataset: Any, power: float = 0.0, **options: Unpack[Options]) -> None:
        super().__init__(labels_or_dataset, **options)
        self.power = checked_power(power)

    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, shape of ``counts``, float64."""
        del epoch
        counts = self.counts.double()
        return (counts.max() ** (1 - self.power) * counts**self.power * (counts > 0)).round()
