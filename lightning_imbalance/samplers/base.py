"""What every sampler of this package does: draw a class, then one of its samples, the same on all processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from operator import length_hint
from typing import Any

import torch
from torch import Tensor, distributed
from torch.utils.data import DistributedSampler
from typing_extensions import TypedDict

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.allotment import allotted, members_drawn
from lightning_imbalance.functional.random_access import permuted, round_keys, uniform
from lightning_imbalance.samplers.arguments import checked_flag, checked_integer, checked_seed
from lightning_imbalance.samplers.source import read_classes

# Indices drawn at once: few at first, so that the first comes at once, and then so many that each costs little.
_FIRST_CHUNK, _CHUNK = 2**10, 2**15

# Names of the sequences that are drawn for one seed; what one of them gives says nothing about the others.
_ORDER, _OFFSET, _MEMBER = range(3)


class Options(TypedDict, total=False):
    """Arguments that all samplers take, see :class:`ClassSampler`."""

    task: Task
    num_classes: int | None
    class_names: Sequence[str] | None
    ignore_index: int | None
    seed: int
    drop_last: bool
    num_replicas: int | None
    rank: int | None


class ClassSampler(DistributedSampler[int], ABC):
    """Draws the samples of an epoch by their class; subclasses say how often each class comes.

    One draw serves all processes: it follows from ``(seed, epoch)`` alone, and process r of R takes every R-th of it,
    from r on. Every place of it can be had without those before, so that nothing of an epoch is kept in memory, and one
    that is resumed in its middle goes on at once. Being a :class:`~torch.utils.data.DistributedSampler`, it is left in
    its place by Lightning.

    How often a class comes is a number that the epoch has, not one that is drawn: rounded up or down so that it is met
    on average. Within a class no sample comes twice before all others have come, and the next epoch goes on with those
    that the last one left.

    Args:
        labels_or_dataset: Labels, one a sample (a tensor, array, list or column), or a data set whose labels are read
            as :meth:`ClassDistribution.from_dataset` reads them.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``. In ``multilabel`` a sample counts for the rarest of
            its labels, and those without any are one class more.
        num_classes: As in :meth:`ClassDistribution.from_dataset`, like the next two.
        class_names: One name a class.
        ignore_index: Samples with this label are never drawn.
        seed: Of the draw; the same on every process.
        drop_last: Leave out the last draws that are too few for all processes, instead of filling up with the first.
        num_replicas: Number of processes R; by default that of the process group, asked when it is needed, and 1
            without one.
        rank: r, likewise.

    Attributes:
        distribution: The classes that are drawn from.
        num_labels: Number of samples in the data set that the indices are for.

    Raises:
        TypeError: There are no labels to be had, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work.

    Example:
        A sampler of one's own, which draws no class more often than 50 times an epoch:

        >>> class AtMostFifty(ClassSampler):
        ...     def expected_draws(self, epoch):
        ...         return self.counts.double().clamp_max(50)
        >>> len(AtMostFifty([0] * 900 + [1] * 30))
        80
    """

    _drawn_at_once = "sample"

    def __init__(
        self,
        labels_or_dataset: Any,
        *,
        task: Task = "multiclass",
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        ignore_index: int | None = None,
        seed: int = 0,
        drop_last: bool = False,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        # Not torch's __init__, which wants the number of processes at once: a sampler may be made before they are.
        self.seed = checked_seed(seed)
        self.drop_last, self.shuffle = checked_flag("drop_last", drop_last), True
        self._replicas = None if num_replicas is None else checked_integer("num_replicas", num_replicas)
        self._rank = None if rank is None else checked_integer("rank", rank, least=0)
        if (self._replicas is None) != (self._rank is None):
            msg = f"`num_replicas` and `rank` must be given together, got {num_replicas!r} and {rank!r}."
            raise ValueError(msg)
        if self._replicas is not None and self._rank is not None and self._rank >= self._replicas:
            msg = f"`rank` must be below `num_replicas`, {num_replicas}, got {rank}."
            raise ValueError(msg)
        self.distribution: ClassDistribution
        self.distribution, self._members, self.num_labels = read_classes(
            labels_or_dataset, task=task, num_classes=num_classes, class_names=class_names, ignore_index=ignore_index
        )
        self.epoch = 0
        self._chunk = _CHUNK
        self._resumed: int
        self._drawn_with_pending: int
        self._pending: Iterator[Any]
        self._stand_at(0)

    @property
    def counts(self) -> Tensor:
        """Samples of each class that is drawn by, shape ``(C,)``, int64; ``multilabel``: ``(C + 1,)``."""
        return self._members.counts

    @abstractmethod
    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, of all processes together.

        Args:
            epoch: From 0 on.

        Returns:
            Shape of :attr:`counts`, float64; their sum is an integer, the same for every epoch.
        """

    @property
    def class_prior(self) -> Tensor | None:
        """Share of each class in the draws once nothing changes any more, shape ``(C,)``, float64.

        ``None`` for ``multilabel``, where a sample has several classes.
        """
        if self.distribution.task == "multilabel":
            return None
        expected = self.expected_draws(self.settled_epoch)
        return expected / expected.sum()

    @property
    def settled_epoch(self) -> int:
        """First epoch from which on the classes' shares stay the same."""
        return 0

    @property
    def epoch_size(self) -> int:
        """Draws in an epoch, of all processes together, before they are cut into equal parts."""
        return round(float(self.expected_draws(0).sum()))

    @property
    def num_replicas(self) -> int:  # type: ignore[override]  # torch's is an attribute, and fixed
        """Number of processes that share the draw."""
        return self._process()[1]

    @property
    def rank(self) -> int:  # type: ignore[override]  # torch's is an attribute, and fixed
        """This process among them."""
        return self._process()[0]

    @property
    def num_samples(self) -> int:  # type: ignore[override]  # torch's is an attribute, and fixed
        """Draws in an epoch on this process, as on every other."""
        return self._each_of(self.num_replicas)

    @property
    def total_size(self) -> int:  # type: ignore[override]  # torch's is an attribute, and fixed
        """Draws in an epoch, of all processes together, each with the same number."""
        return self.num_samples * self.num_replicas

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        start = self._resumed
        # Only this iteration goes on where another one stood; one that follows begins at the beginning.
        self._resumed, self._drawn_with_pending = 0, start
        return self._from(start, self.epoch)

    def _from(self, start: int, epoch: int) -> Iterator[int]:
        # A generator runs from its first `next` on. Where the epoch was set in between, its beginning is what is due.
        start, epoch = start if epoch == self.epoch else 0, self.epoch
        length, (rank, replicas), chunk = self.num_samples, self._process(), min(_FIRST_CHUNK, self._chunk)
        while start < length:
            end, chunk = min(start + chunk, length), min(2 * chunk, self._chunk)
            places = torch.arange(start, end) * replicas + rank
            # How much of it is left says how far the iteration is, at no cost for each index.
            self._drawn_with_pending = end
            self._pending = iter(self.draw(epoch, places % self.epoch_size).tolist())
            yield from self._pending
            start = end

    def draw(self, epoch: int, places: Tensor) -> Tensor:
        """Return the samples at some places of an epoch's draw.

        Args:
            epoch: From 0 on.
            places: From 0 to :attr:`epoch_size` - 1, shape ``(M,)``, int64.

        Returns:
            Indices of samples, shape ``(M,)``, int64.
        """
        expected = self.expected_draws(epoch)
        draws = allotted(expected, float(uniform(torch.tensor(epoch), self._keys(_OFFSET))))
        ends = draws.cumsum(0)
        order = permuted(places, torch.tensor(self.epoch_size), self._keys(_ORDER, epoch))
        classes = torch.searchsorted(ends, order, right=True)
        within = order - (ends - draws)[classes]
        return self._pick(classes, members_drawn(within, classes, expected, self.counts, epoch, self._keys(_MEMBER)))

    def check_fits(self, dataset: Any) -> None:
        """Refuse a data set of another length than that of the labels.

        Args:
            dataset: What the indices are for.

        Raises:
            ValueError: The lengths differ.
        """
        if len(dataset) != self.num_labels:
            msg = (
                f"the sampler must have a label for each of the {len(dataset)} samples of the data set, got "
                f"{self.num_labels} labels. Make it of the data set that the loader is given."
            )
            raise ValueError(msg)

    def set_epoch(self, epoch: int) -> None:
        """Take the draw of another epoch; Lightning calls this before each.

        Args:
            epoch: From 0 on.

        Raises:
            TypeError: It is no integer.
            ValueError: It is below 0.
        """
        epoch = checked_integer("epoch", epoch, least=0)
        if epoch != self.epoch:
            self.epoch = epoch
            self._stand_at(0)

    def state_dict(self) -> dict[str, int]:
        """Return where in which epoch the iteration stands, for a stateful dataloader."""
        drawn = self._drawn_with_pending - length_hint(self._pending)
        return {"epoch": self.epoch, "drawn": drawn, "replicas": self.num_replicas}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Have the next iteration go on where another one stood.

        Of an epoch that is at its end nothing is left, and the iteration after that one is another whole epoch: by then
        of the epoch that was set last, before or after this call. On another number of processes the iteration goes on
        where all of them together stood, or before that by the few draws that are no equal part for each.

        Args:
            state_dict: What :meth:`state_dict` returned, of a sampler with the same data and arguments.

        Raises:
            ValueError: The state says that more was drawn than an epoch of this sampler has.
        """
        epoch, drawn, replicas = state_dict["epoch"], state_dict["drawn"], state_dict["replicas"]
        length = self._each_of(replicas)
        if not 0 <= drawn <= length:
            msg = (
                f"the state must be that of a sampler with an epoch of {length} on each process, got {drawn} drawn. "
                "Resume with the same data and arguments."
            )
            raise ValueError(msg)
        self.epoch = max(epoch, self.epoch) if drawn == length else epoch
        self._stand_at(self.num_samples if drawn == length else drawn * replicas // self.num_replicas)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.distribution.summary()}, epoch_size={self.epoch_size})"

    def _each_of(self, replicas: int) -> int:
        whole, rest = divmod(self.epoch_size, replicas)
        if whole == 0:
            msg = (
                f"an epoch must have a {self._drawn_at_once} for each process, got {self.epoch_size} for "
                f"{replicas}. Draw more, or use fewer processes."
            )
            raise ValueError(msg)
        return whole if self.drop_last or rest == 0 else whole + 1

    def _stand_at(self, drawn: int) -> None:
        self._resumed = self._drawn_with_pending = drawn
        self._pending = iter(())

    def _pick(self, classes: Tensor, members: Tensor) -> Tensor:
        return self._members.indices[self._members.starts[classes] + members].long()

    def _keys(self, *names: int) -> Tensor:
        return round_keys(self.seed, *names)

    def _process(self) -> tuple[int, int]:
        if self._replicas is not None and self._rank is not None:
            return self._rank, self._replicas
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
