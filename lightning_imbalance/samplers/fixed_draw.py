"""One draw for all epochs."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import DistributedSampler, SequentialSampler

from lightning_imbalance.samplers.base import ClassSampler
from lightning_imbalance.samplers.m_per_class import MPerClassSampler


class FixedDraw(SequentialSampler, DistributedSampler[int]):
    """Draws in every epoch what a sampler draws in the first.

    For ``Trainer(overfit_batches=...)``, which wants the same batches each time: it takes every sampler away that is no
    :class:`~torch.utils.data.SequentialSampler`.

    Args:
        sampler: Whose first epoch it is.

    Raises:
        TypeError: It draws batches.

    Example:
        >>> from lightning_imbalance.samplers import UndersamplingSampler
        >>> fixed = FixedDraw(UndersamplingSampler([0] * 9 + [1]))
        >>> fixed.set_epoch(1)
        >>> list(fixed) == list(UndersamplingSampler([0] * 9 + [1]))
        True
    """

    def __init__(self, sampler: ClassSampler) -> None:
        if isinstance(sampler, MPerClassSampler):
            msg = (
                "`overfit_batches` must be 0 for a sampler of batches, which Lightning would take away, got a "
                f"{type(sampler).__name__}. Overfit with another sampler."
            )
            raise TypeError(msg)
        self.sampler = sampler

    def __iter__(self) -> Iterator[int]:
        self.sampler.set_epoch(0)
        return iter(self.sampler)

    def __len__(self) -> int:
        return len(self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """Stay with the first epoch."""
