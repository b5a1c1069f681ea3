"""A stream in which the classes come as often as one says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, Literal, get_args

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.random_access import round_keys, uniform
from lightning_imbalance.labels.batch import target_of
from lightning_imbalance.prior import Prior
from lightning_imbalance.samplers.arguments import checked_integer, checked_seed
from lightning_imbalance.samplers.class_of import ClassOf
from lightning_imbalance.samplers.shares import balanced_shares

Method = Literal["rejection", "buffer"]

# Random numbers that are made at once.
_BLOCK = 1024
_BUFFER_SIZE = 100
# More than one machine has; those beyond share the counters of others, which only makes their epochs go faster.
_WORKERS = 4096


class IterableBalancer(IterableDataset[Any]):
    r"""Passes a stream on in which the classes have the shares that one wants.

    ``"rejection"`` passes a sample of class c on with probability
    :math:`a_c = \frac{q_c}{π_c} / \max_k \frac{q_k}{π_k}`, with q the wanted shares and π those of the stream, and
    drops the others (von Neumann, Various Techniques Used in Connection with Random Digits, 1951). No sample comes
    twice, nothing is held, and the stream becomes shorter: :attr:`acceptance` says by how much.

    ``"buffer"`` passes on one sample for each that arrives: it draws a class, and then one of the ``buffer_size``
    samples of it that are held, first those that were not passed on yet. Samples of rare classes come several times,
    some of frequent ones never. At the start, a class that has not come yet leaves its share to the others; at the
    end, nothing more is drawn from what is held.

    Each process and each worker balances the part of the stream that it reads. The random numbers follow from seed,
    epoch, process and worker. Lightning tells the epoch to samplers only: without :meth:`set_epoch` each pass over the
    stream is the next epoch, in workers too.

    Args:
        dataset: The stream: an iterable data set, or anything else that can be iterated more than once.
        distribution: How many samples of each class the stream has, all of it or a part that is like it:
            ``ClassDistribution.from_dataset(dataset, max_samples=10_000)``, for one.
        power: Of the counts, for the wanted shares: 1 leaves the stream as it is, 0 (the default) gives all classes the
            same share.
        target: The wanted shares instead: C probabilities, or a mapping from class name to probability.
        method: ``"rejection"`` or ``"buffer"``.
        buffer_size: Samples of each class that are held with ``"buffer"``, by default 100.
        label_of: From a sample to its class, as index or name; by default the target of an ``(inputs, target)`` pair or
            of a mapping with a usual target key.
        seed: Of the random numbers.

    Attributes:
        distribution: As given.

    Raises:
        TypeError: The data set is no stream, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work, or no effect. While iterating: a sample's class is none of
            the distribution's.

    Example:
        >>> class Photos(IterableDataset):
        ...     def __iter__(self):
        ...         return iter([("photo", 0), ("photo", 0), ("photo", 0), ("photo", 1)] * 1000)
        >>> balancer = IterableBalancer(Photos(), ClassDistribution([3, 1]))
        >>> balancer.acceptance
        0.5
        >>> labels = torch.tensor([label for _, label in balancer])
        >>> labels.double().mean().round(decimals=1)
        tensor(0.5000, dtype=torch.float64)
    """

    def __init__(
        self,
        dataset: Iterable[Any],
        distribution: ClassDistribution,
        power: float | None = None,
        target: Prior | None = None,
        *,
        method: Method = "rejection",
        buffer_size: int | None = None,
        label_of: Callable[[Any], Any] = target_of,
        seed: int = 0,
    ) -> None:
        self.dataset = _checked_stream(dataset)
        self.distribution = distribution
        self._class_of = ClassOf(distribution, label_of)
        self._shares = balanced_shares(distribution, distribution.counts, power, target)
        self.method = _checked_method(method)
        if buffer_size is not None and method != "buffer":
            msg = f'`buffer_size` must be left out with `method="rejection"`, which holds nothing, got {buffer_size!r}.'
            raise ValueError(msg)
        self.buffer_size = checked_integer("buffer_size", _BUFFER_SIZE if buffer_size is None else buffer_size)
        self.seed = checked_seed(seed)
        # The epoch, and the passes of each worker since it was set: in memory that workers share, so that those that
        # live on learn of a new epoch.
        self._clock = torch.zeros(1 + _WORKERS, dtype=torch.int64)
        self._clock.share_memory_()  # type: ignore[no-untyped-call]  # torch's has no types
        self._rank: int | None = None

    @property
    def class_prior(self) -> Tensor:
        """Share of each class in what is passed on, shape ``(C,)``, float64."""
        return self._shares.clone()

    @property
    def acceptance(self) -> float:
        """How many samples are passed on for each that arrives, on average: Σ π_c a_c, and 1 for ``"buffer"``."""
        return float((self.distribution.priors * self._kept()).sum()) if self.method == "rejection" else 1.0

    @property
    def epoch(self) -> int:
        """The epoch that was set last, 0 before."""
        return int(self._clock[0])

    def set_epoch(self, epoch: int) -> None:
        """Take the random numbers of another epoch for the next pass.

        Args:
            epoch: From 0 on.

        Raises:
            TypeError: It is no integer.
            ValueError: It is below 0.
        """
        self._clock[1:] = 0
        self._clock[0] = checked_integer("epoch", epoch, least=0)

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        worker = 0 if info is None else info.id
        passed = int(self._clock[1 + worker % _WORKERS])
        self._clock[1 + worker % _WORKERS] += 1
        numbers = _numbers(round_keys(self.seed, self.epoch + passed, self._process(), worker))
        return self._accepted(numbers) if self.method == "rejection" else self._drawn(numbers)

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is started afresh has no process group to ask.
        return vars(self) | {"_rank": self._process()}

    def _accepted(self, numbers: Iterator[float]) -> Iterator[Any]:
        kept = self._kept().tolist()
        for sample in self.dataset:
            if next(numbers) < kept[self._class_of(sample)]:
                yield sample

    def _drawn(self, numbers: Iterator[float]) -> Iterator[Any]:
        held = [_Held(self.buffer_size) for _ in range(self.distribution.num_classes)]
        ends: Tensor | None = None
        for sample in self.dataset:
            label = self._class_of(sample)
            if self._shares[label] > 0:
                first = held[label].empty
                held[label].add(sample, next(numbers))
                if first:
                    come = torch.tensor([not each.empty for each in held])
                    ends = (self._shares * come).cumsum(0)
            if ends is None:
                continue
            place = torch.tensor(next(numbers), dtype=torch.float64) * ends[-1]
            yield held[int(torch.searchsorted(ends, place, right=True))].take(next(numbers))

    def _kept(self) -> Tensor:
        wanted = torch.where(self._shares > 0, self._shares / self.distribution.priors, 0.0)
        return wanted / wanted.max()

    def _process(self) -> int:
        if self._rank is not None:
            return self._rank
        return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


class _Held:
    """A few samples of one class: those not passed on yet, and those that were."""

    def __init__(self, size: int) -> None:
        self.size, self.fresh, self.used = size, [], []  # type: ignore[var-annotated]

    @property
    def empty(self) -> bool:
        return not self.fresh and not self.used

    def add(self, sample: Any, number: float) -> None:
        if len(self.fresh) + len(self.used) == self.size:
            _taken(self.used or self.fresh, number)
        self.fresh.append(sample)

    def take(self, number: float) -> Any:
        if not self.fresh:
            return self.used[int(number * len(self.used))]
        self.used.append(_taken(self.fresh, number))
        return self.used[-1]


def _taken(samples: list[Any], number: float) -> Any:
    index = int(number * len(samples))
    samples[index], samples[-1] = samples[-1], samples[index]
    return samples.pop()


def _numbers(keys: Tensor) -> Iterator[float]:
    for block in count():
        yield from uniform(torch.arange(block * _BLOCK, (block + 1) * _BLOCK), keys).tolist()


def _checked_stream(dataset: Any) -> Any:
    if isinstance(dataset, DataLoader):
        msg = "`dataset` must be a stream of samples, got DataLoader, which gives batches. Pass its `.dataset`."
        raise TypeError(msg)
    if hasattr(type(dataset), "__getitem__") and not isinstance(dataset, IterableDataset):
        msg = (
            f"`dataset` must be a stream, got {type(dataset).__name__}, whose samples have indices. "
            "Use `ClassBalancedSampler`, which opens no sample in vain."
        )
        raise TypeError(msg)
    if isinstance(dataset, Iterator) or not isinstance(dataset, Iterable):
        msg = (
            f"`dataset` must be iterable more than once, once an epoch, got {type(dataset).__name__}. "
            "Pass an `IterableDataset`."
        )
        raise TypeError(msg)
    return dataset


def _checked_method(method: Method) -> Method:
    if method not in get_args(Method):
        msg = f"`method` must be 'rejection' or 'buffer', got {method!r}."
        raise ValueError(msg)
    return method
