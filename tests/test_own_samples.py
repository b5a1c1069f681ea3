"""Which samples are a process's own; whole evaluations are in tests/distributed/test_evaluation.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler

from lightning_imbalance.own_samples import own_entries, own_part, own_samples


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 9))
def test_what_counts_on_all_processes_together_is_every_sample_once(samples, processes, batch_size):
    counted = []
    for rank in range(processes):
        sampler = DistributedSampler(range(samples), num_replicas=processes, rank=rank, shuffle=False)
        for index, batch in enumerate(BatchSampler(sampler, batch_size, drop_last=False)):
            counted += batch[: own_entries(len(batch), own_part(sampler, index, batch_size))]

    assert sorted(counted) == list(range(samples))


def test_where_the_samples_divide_by_the_processes_nothing_is_left_out():
    sampler = DistributedSampler(range(20), num_replicas=2, rank=1)

    assert [own_part(sampler, index, 8) for index in range(2)] == [None, None]


def test_a_sampler_that_drops_the_rest_repeats_nothing():
    sampler = DistributedSampler(range(21), num_replicas=2, rank=1, drop_last=True)

    assert [own_part(sampler, index, 8) for index in range(2)] == [None, None]


@pytest.mark.parametrize(
    ("values", "part", "kept"),
    [(8, None, 8), (4, (3, 4), 3), (4, (0, 4), 0), (20, (3, 4), 15), (7, (3, 4), 7), (0, (1, 2), 0)],
)
def test_entries_that_fit_no_number_of_samples_all_count(values, part, kept):
    assert own_entries(values, part) == kept


class Sorted(BatchSampler):
    """Batches in an order of their own: the repeat of a process need not be in the last one."""

    def __iter__(self):
        yield from sorted(super().__iter__())


@pytest.mark.parametrize("kind", [BatchSampler, Sorted])
def test_batches_that_somebody_else_makes_are_believed_to_repeat_nothing(kind):
    sampler = DistributedSampler(range(21), num_replicas=2, rank=1, shuffle=False)
    loader = DataLoader(range(21), batch_sampler=kind(sampler, 4, drop_last=False))
    loop = SimpleNamespace(_combined_loader=SimpleNamespace(flattened=[loader]))
    trainer = SimpleNamespace(world_size=2, testing=True, training=False, test_loop=loop)

    assert own_samples(trainer, batch_idx=2) == ((2, 3) if kind is BatchSampler else None)
