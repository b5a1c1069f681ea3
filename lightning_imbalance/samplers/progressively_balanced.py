"""From the data's own class shares to balanced ones, epoch by epoch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from typing_extensions import Unpack

from lightning_imbalance.functional.ramp import Ramp, check_ramp, ramped
from lightning_imbalance.prior import Prior
from lightning_imbalance.samplers.arguments import checked_integer
from lightning_imbalance.samplers.base import Options
from lightning_imbalance.samplers.class_balanced import ClassBalancedSampler


class ProgressivelyBalancedSampler(ClassBalancedSampler):
    r"""Draws as the data are at first, and balanced in the end.

    In epoch e the shares are :math:`(1 - t) π + t q`, with π the data's, q those of :class:`ClassBalancedSampler`, and
    t from 0 in epoch ``start`` to 1 in epoch ``end``. Kang et al., Decoupling Representation and Classifier, ICLR 2020,
    equation 2, where t is e / T; as in their code the last epoch is fully balanced, with ``end`` T - 1.

    With ``start`` equal to ``end`` the draw changes at once: deferred resampling.

    Args:
        labels_or_dataset: Labels, one a sample, or a data set that has them.
        end: First epoch that is drawn as ``power`` or ``target`` say; that of the fit's last epoch, as a rule.
        start: Last epoch that is drawn as the data are.
        ramp: In between, ``"linear"``, or ``"cosine"``: (1 - cos πt) / 2 in place of t.
        power: As for :class:`ClassBalancedSampler`, like the following.
        target: Shares of the classes instead of a power.
        replacement: Draw each sample anew.
        num_samples: Draws in an epoch, of all processes together; by default the number of samples.
        options: As for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``task``, ``drop_last``, ...

    Raises:
        TypeError: As for :class:`ClassBalancedSampler`.
        ValueError: As for :class:`ClassBalancedSampler`, or ``start`` is after ``end``.

    Example:
        >>> sampler = ProgressivelyBalancedSampler([0] * 90 + [1] * 10, end=4)
        >>> [round(sampler.expected_draws(epoch)[1].item()) for epoch in range(6)]
        [10, 20, 30, 40, 50, 50]
    """

    def __init__(
        self,
        labels_or_dataset: Any,
        end: int,
        start: int = 0,
        ramp: Ramp = "linear",
        power: float | None = None,
        target: Prior | None = None,
        *,
        replacement: bool = False,
        num_samples: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.end, self.start = checked_integer("end", end, 0), checked_integer("start", start, 0)
        self.ramp = check_ramp(ramp)
        if self.start > self.end:
            msg = f"`start` must not be after `end`, {end}, got {start}."
            raise ValueError(msg)
        super().__init__(labels_or_dataset, power, target, replacement=replacement, num_samples=num_samples, **options)

    @property
    def settled_epoch(self) -> int:
        """First epoch from which on the classes' shares stay the same."""
        return self.end

    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, shape of ``counts``, float64."""
        if epoch >= self.end:
            return super().expected_draws(epoch)
        passed = max(epoch - self.start, 0) / (self.end - self.start) if self.start < self.end else 0.0
        share = ramped(passed, self.ramp)
        natural = self.counts.double() / self.counts.sum()
        return ((1 - share) * natural + share * self._shares) * self._epoch_size
