"""Each class as often as one says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typing_extensions import Unpack

from lightning_imbalance.functional.random_access import uniform
from lightning_imbalance.prior import Prior
from lightning_imbalance.samplers.arguments import checked_flag, checked_integer
from lightning_imbalance.samplers.base import ClassSampler, Options
from lightning_imbalance.samplers.shares import balanced_shares

_CLASS, _SAMPLE = 3, 4


class ClassBalancedSampler(ClassSampler):
    r"""Draws class c with a probability in proportion to :math:`n_c^{\text{power}}`, or to a target of one's own.

    Kang et al., Decoupling Representation and Classifier, ICLR 2020, equation 1, whose q is ``power``.

    Args:
        labels_or_dataset: Labels, one a sample, or a data set that has them.
        power: 1 draws the classes as the data have them, 0.5 by the square root of their counts, 0 all alike.
        target: Shares of the classes instead of a power: C probabilities, or a mapping from class name to probability.
        replacement: Draw each sample anew, as :class:`~torch.utils.data.WeightedRandomSampler` does. By default no
            sample comes twice before all others of its class have come, and the number of each class is exact.
        num_samples: Draws in an epoch, of all processes together; by default the number of samples.
        options: As for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``task``, ``drop_last``, ...

    Raises:
        TypeError: There are no labels to be had, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work, or the target names a class without samples.

    Example:
        >>> labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)
        >>> sampler = ClassBalancedSampler(labels, num_samples=60)
        >>> labels[list(sampler)].bincount()
        tensor([20, 20, 20])
    """

    def __init__(
        self,
        labels_or_dataset: Any,
        power: float | None = None,
        target: Prior | None = None,
        *,
        replacement: bool = False,
        num_samples: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(labels_or_dataset, **options)
        self.replacement = checked_flag("replacement", replacement)
        self._shares = balanced_shares(self.distribution, self.counts, power, target)
        drawable = int(self.counts.sum())
        self._epoch_size = drawable if num_samples is None else checked_integer("num_samples", num_samples)

    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, shape of ``counts``, float64."""
        del epoch
        return self._shares * self._epoch_size

    def draw(self, epoch: int, places: Tensor) -> Tensor:
        """Return the samples at some places of an epoch's draw, shape of ``places``, int64."""
        return self._anew(epoch, places) if self.replacement else super().draw(epoch, places)

    def _anew(self, epoch: int, places: Tensor) -> Tensor:
        ends = self.expected_draws(epoch).cumsum(0)
        ends = ends / ends[-1]
        # Past rounding, the last class that is drawn at all is the last.
        last = int((ends < 1).sum())
        classes = torch.searchsorted(ends, uniform(places, self._keys(_CLASS, epoch)), right=True).clamp_max(last)
        chosen = uniform(places, self._keys(_SAMPLE, epoch)) * self.counts[classes]
        return self._pick(classes, chosen.long())
