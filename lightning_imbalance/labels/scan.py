"""Labels by opening every sample, where nothing else tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate, default_convert

from lightning_imbalance.labels.arrays import as_labels, select
from lightning_imbalance.labels.batch import target_of
from lightning_imbalance.labels.progress import report
from lightning_imbalance.labels.reading import size_of

Chunk = Tensor | Sequence[str]

_BATCH = 64


def scan(
    dataset: Any,
    *,
    indices: Tensor | None = None,
    loader: DataLoader[Any] | None = None,
    max_samples: int | None = None,
    clock: Callable[[], float] = monotonic,
) -> Iterator[Chunk]:
    """Open the samples of a dataset and keep their targets.

    Images are dropped where they are opened: in the workers, if the loader has some. Nothing is opened before the
    first chunk is asked for. A scan of more than a second shows a progress bar and warns how to avoid it.

    Args:
        dataset: A map-style dataset (``__getitem__`` and ``__len__``), or an iterable of samples.
        indices: The samples of a map-style dataset, shape ``(M,)``, int64; by default all of them.
        loader: The dataloader of the dataset: gives workers and batch size, and the batches of an iterable dataset.
        max_samples: Stop after this many samples.
        clock: Gives the time in seconds.

    Returns:
        The labels in chunks, as :func:`as_labels` gives them; masks of different sizes come one by one.

    Raises:
        TypeError: A sample has no target that can be read as a label.
        ValueError: The dataset has no length and ``max_samples`` is not given.

    Example:
        >>> list(scan([("first", 0), ("second", 2)]))
        [tensor([0, 2])]
    """
    name = type(dataset).__name__
    size = size_of(dataset) if indices is None else len(indices)
    if size is None and max_samples is None:
        msg = (
            f"`max_samples` must be given to scan a {name}, which has no length and may be endless, got None. "
            "Give the dataset a `class_labels()` method or a `__len__`, say how many samples are enough, or override a "
            "model's `class_distribution()`."
        )
        raise ValueError(msg)
    total = size if max_samples is None or size is None else min(size, max_samples)
    keep = _KeepTargets(name, _own_collate(loader))
    by_index = hasattr(type(dataset), "__getitem__") and not isinstance(dataset, IterableDataset)
    if by_index and size is not None:
        order: Sequence[int] = range(size) if indices is None else _checked(dataset, indices).tolist()
        chunks = _of_map(dataset, order[:total], loader, keep)
    elif loader is not None:
        chunks = _first(_of_batches(loader, keep), max_samples)
    else:
        chunks = _of_iterable(islice(dataset, max_samples), keep)
    advice = (
        f"reading the labels of {name} opens every sample. To make it instant, give the dataset a `class_labels()` "
        f"method that returns one label a sample, or register a reader: "
        f"`lightning_imbalance.labels.register({name}, reader)`."
    )
    total = max_samples if total is None else total
    return report(chunks, description=f"Reading the labels of {name}", total=total, advice=advice, clock=clock)


@dataclass(frozen=True)
class _KeepTargets:
    """Collates a batch to chunks of labels; an error travels as a value, so that a worker does not wrap it."""

    name: str
    collate: Callable[[list[Any]], Any] | None

    def __call__(self, samples: list[Any]) -> list[Chunk] | TypeError:
        try:
            return _chunks([target_of(sample) for sample in samples])
        except TypeError as error:
            return self._through_collate(samples, error)

    def batch(self, batch: Any) -> list[Chunk] | TypeError:
        """Keep the target of a batch, or of a single sample where the loader makes no batches."""
        try:
            target = target_of(batch)
            single = isinstance(target, (str, int, float)) or getattr(target, "ndim", 1) == 0
            return _chunks([target]) if single else [as_labels(target)]
        except TypeError as error:
            return TypeError(self._with_advice(error))

    def _through_collate(self, samples: list[Any], error: TypeError) -> list[Chunk] | TypeError:
        """Let the loader's own collate function make a pair of samples that are none."""
        return TypeError(self._with_advice(error)) if self.collate is None else self.batch(self.collate(samples))

    def _with_advice(self, error: TypeError) -> str:
        return (
            f"{error} They come from {self.name}: give it a `class_labels()` method that returns one label a sample, "
            f"register a reader: `lightning_imbalance.labels.register({self.name}, reader)`, or override a model's "
            "`class_distribution()`. Its `unpack_batch` is not asked for labels."
        )


def _of_map(dataset: Any, order: Sequence[int], loader: DataLoader[Any] | None, keep: _KeepTargets) -> Iterator[Chunk]:
    options: dict[str, Any] = {"batch_size": _BATCH}
    if loader is not None:
        options = {
            "batch_size": loader.batch_size or _BATCH,
            "num_workers": loader.num_workers,
            "multiprocessing_context": loader.multiprocessing_context,
            "worker_init_fn": loader.worker_init_fn,
            "timeout": loader.timeout,
        }
    # A generator of its own: counting must not change the random numbers that training will draw.
    batches = DataLoader(dataset, sampler=order, collate_fn=keep, generator=torch.Generator(), **options)
    for chunks in batches:
        yield from _unless_error(chunks)


def _of_batches(loader: DataLoader[Any], keep: _KeepTargets) -> Iterator[Chunk]:
    for batch in loader:
        yield from _unless_error(keep.batch(batch))


def _of_iterable(samples: Iterator[Any], keep: _KeepTargets) -> Iterator[Chunk]:
    while group := list(islice(samples, _BATCH)):
        yield from _unless_error(keep(group))


def _first(chunks: Iterable[Chunk], max_samples: int | None) -> Iterator[Chunk]:
    """Pass on chunks until there are enough samples, without asking for one chunk too many."""
    if max_samples is None:
        yield from chunks
        return
    left = max_samples
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def _unless_error(chunks: list[Chunk] | TypeError) -> list[Chunk]:
    if isinstance(chunks, TypeError):
        raise chunks
    return chunks


def _chunks(targets: list[Any]) -> list[Chunk]:
    try:
        return [as_labels(targets)]
    except TypeError:
        return [as_labels([target]) for target in targets]


def _own_collate(loader: DataLoader[Any] | None) -> Callable[[list[Any]], Any] | None:
    collate = None if loader is None else loader.collate_fn
    return None if collate in (default_collate, default_convert) else collate


def _checked(dataset: Any, indices: Tensor) -> Tensor:
    """Refuse an index outside the dataset in the same words as labels at hand do."""
    size = size_of(dataset)
    if size is not None:
        select(range(size), indices)
    return indices
