"""Batches in which each class that occurs has the same number of samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from typing_extensions import Unpack

from lightning_imbalance.functional.allotment import members_drawn
from lightning_imbalance.functional.random_access import permuted
from lightning_imbalance.samplers.arguments import checked_integer
from lightning_imbalance.samplers.base import ClassSampler, Options

_CLASSES, _MEMBERS = 5, 6


class _Again(NamedTuple):
    """Stands for the labels where Lightning makes a sampler anew of one that is there."""

    sampler: MPerClassSampler


class MPerClassSampler(ClassSampler):
    """Draws batches of ``batch_size / m`` classes with ``m`` samples each, as losses of pairs and triplets need them.

    Pass it as ``batch_sampler`` to a :class:`~torch.utils.data.DataLoader`. The classes come in turn: a pass over all
    of them, shuffled, is cut into batches, and those too few for one wait for another pass. Within a class no sample
    comes twice before all others have come, except those too few for a draw of ``m``; a class with fewer than ``m``
    samples gives some of them twice. Process r of R takes every R-th batch, from r on. Lightning keeps it under DDP.

    Args:
        labels_or_dataset: Labels, one a sample, or a data set that has them.
        m: Samples of each class in a batch.
        batch_size: Samples in a batch on each process: a multiple of ``m``, for at most as many classes as there are.
        num_batches: Batches in an epoch, of all processes together; by default as many as the samples fill, and 1 where
            they fill none.
        sampler: Left out. Lightning gives one under DDP to every batch sampler; this one has no use for it.
        options: As for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``num_classes``, ``drop_last``,
            ... A ``task`` of ``"multilabel"`` is refused: there a sample has several classes.

    Attributes:
        m: As given, like ``batch_size``.

    Raises:
        TypeError: There are no labels to be had, or an argument has the wrong type.
        ValueError: ``m`` does not divide ``batch_size``, there are too few classes, or another argument has a value
            that cannot work.

    Example:
        >>> labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)
        >>> sampler = MPerClassSampler(labels, m=4, batch_size=8)
        >>> len(sampler), [labels[batch].unique(return_counts=True)[1].tolist() for batch in sampler][:2]
        (21, [[4, 4], [4, 4]])
    """

    _drawn_at_once = "batch"

    def __init__(
        self,
        labels_or_dataset: Any,
        m: int,
        batch_size: int,
        *,
        num_batches: int | None = None,
        sampler: object = None,
        **options: Unpack[Options],
    ) -> None:
        if isinstance(labels_or_dataset, _Again):
            vars(self).update(vars(labels_or_dataset.sampler))
            return
        if sampler is not None:
            msg = (
                "`sampler` must be left out, since the batches are drawn from the labels, "
                f"got {type(sampler).__name__}."
            )
            raise ValueError(msg)
        if options.get("task") == "multilabel":
            msg = '`task` must be "multiclass" or "binary", got "multilabel", where a sample has several classes.'
            raise ValueError(msg)
        self.m, self.batch_size = checked_integer("m", m), checked_integer("batch_size", batch_size)
        super().__init__(labels_or_dataset, **options)
        self._present = self.counts.nonzero().squeeze(1)
        self._classes = self._classes_a_batch()
        drawable = int(self.counts.sum())
        given = None if num_batches is None else checked_integer("num_batches", num_batches)
        self._num_batches = max(drawable // self.batch_size, 1) if given is None else given
        self._chunk = max(self._chunk // self.batch_size, 1)

    @property
    def epoch_size(self) -> int:
        """Batches in an epoch, of all processes together, before they are cut into equal parts."""
        return self._num_batches

    @property
    def sampler(self) -> MPerClassSampler:
        """Itself: Lightning tells the epoch to the sampler of a batch sampler."""
        return self

    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, shape of ``counts``, float64."""
        del epoch
        share = self._num_batches * self.batch_size / len(self._present)
        return (self.counts > 0).double() * share

    def __iter__(self) -> Iterator[list[int]]:  # type: ignore[override]  # torch's batch samplers are samplers of lists
        return super().__iter__()  # type: ignore[return-value]

    def draw(self, epoch: int, places: Tensor) -> Tensor:
        """Return the batches at some places of an epoch's draw.

        Args:
            epoch: From 0 on.
            places: From 0 to :attr:`epoch_size` - 1, shape ``(M,)``, int64.

        Returns:
            Indices of samples, shape ``(M, batch_size)``, int64.
        """
        a_pass = len(self._present) // self._classes
        # Passes are counted over the epochs, so that the members of a class go on.
        number = epoch * -(-self._num_batches // a_pass) + places // a_pass
        turns = (places % a_pass).unsqueeze(1) * self._classes + torch.arange(self._classes)
        names = number.repeat_interleave(self._classes)
        chosen = permuted(turns.flatten(), torch.tensor(len(self._present)), self._keys(_CLASSES), names & 0xFFFFFFFF)
        classes = self._present[chosen].repeat_interleave(self.m)
        draws = torch.arange(self.m).repeat(len(chosen))
        each = torch.full(self.counts.shape, self.m, dtype=torch.float64)
        uses = names.repeat_interleave(self.m)
        members = members_drawn(draws, classes, each, self.counts, uses, self._keys(_MEMBERS))
        return self._pick(classes, members).view(len(places), self.batch_size)

    def _classes_a_batch(self) -> int:
        if self.batch_size % self.m:
            msg = f"`batch_size` must be a multiple of `m`, {self.m}, got {self.batch_size}."
            raise ValueError(msg)
        if self.batch_size > self.m * len(self._present):
            msg = (
                f"`batch_size` must be at most `m` times the number of classes with samples, {self.m} * "
                f"{len(self._present)} = {self.m * len(self._present)}, got {self.batch_size}. "
                "Pass a larger `m`, or a smaller batch."
            )
            raise ValueError(msg)
        return self.batch_size // self.m


# Under DDP Lightning makes every batch sampler anew, from the arguments that it finds under these names. They are set
# from outside: within the class Python would rename them.
_SAVED = {
    "args": lambda sampler: (_Again(sampler), 1, 1),
    "kwargs": lambda _: {},
    "default_kwargs": lambda _: {"sampler": None},
    "arg_names": lambda _: ("labels_or_dataset", "m", "batch_size"),
}
for _name, _found in _SAVED.items():
    setattr(MPerClassSampler, f"__pl_saved_{_name}", property(_found))
