"""A dataloader that remembers where it stands, and the samplers under it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from lightning_imbalance.samplers import ClassBalancedSampler, MPerClassSampler

LABELS = torch.tensor([0] * 17 + [1] * 9 + [2] * 4)
DATASET = TensorDataset(torch.arange(30), LABELS)


def loader_of(kind: str, workers: int, batch_size: int = 4) -> tuple[StatefulDataLoader, ClassBalancedSampler]:
    if kind == "batches":
        sampler = MPerClassSampler(LABELS, m=2, batch_size=4)
        return StatefulDataLoader(DATASET, batch_sampler=sampler, num_workers=workers), sampler
    sampler = ClassBalancedSampler(LABELS)
    return StatefulDataLoader(DATASET, batch_size, sampler=sampler, num_workers=workers), sampler


def batches(loader) -> Iterator[list[int]]:
    return (inputs.tolist() for inputs, _ in loader)


TAKEN = [0, 1, 3, "all but the end", "all"]
CASES = [
    (kind, 0, taken, set_first) for kind in ("samples", "batches") for taken in TAKEN for set_first in (False, True)
]
# Starting workers takes a second, so that they are tried where they matter: they look ahead.
CASES += [("samples", 2, 3, False), ("samples", 2, "all", False), ("samples", 2, "all", True)]
CASES += [("batches", 2, 1, True), ("batches", 2, "all but the end", False), ("batches", 2, "all", True)]


@pytest.mark.parametrize(("kind", "workers", "taken", "set_first"), CASES)
def test_a_resumed_loader_gives_what_an_uninterrupted_one_would(kind, workers, taken, set_first):
    uninterrupted, sampler = loader_of(kind, workers)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append(list(batches(uninterrupted)))

    first, sampler = loader_of(kind, workers)
    list(batches(first))
    sampler.set_epoch(1)
    iterator = batches(first)
    steps = len(epochs[1]) if isinstance(taken, str) else taken
    begun = [next(iterator) for _ in range(steps)]
    if taken == "all":
        assert list(iterator) == []
    state = first.state_dict()

    second, sampler = loader_of(kind, workers)
    if set_first:
        sampler.set_epoch(2 if taken == "all" else 1)
    second.load_state_dict(state)
    if taken == "all":
        # Only who sets the epoch before or after it, before the loader looks ahead, gets the next one.
        sampler.set_epoch(2)
        if set_first or workers == 0:
            assert list(batches(second)) == epochs[2]
        else:
            assert len(list(batches(second))) == len(epochs[1])
        return
    assert begun + list(batches(second)) == epochs[1]
    sampler.set_epoch(2)
    assert list(batches(second)) == epochs[2]


@pytest.mark.parametrize("workers", [0, 2])
def test_without_epochs_a_loader_resumed_at_the_end_begins_again(workers):
    first, _ = loader_of("samples", workers)
    whole = list(batches(first))

    second, _ = loader_of("samples", workers)
    second.load_state_dict(first.state_dict())

    assert list(batches(second)) == whole
