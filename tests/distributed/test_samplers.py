"""Samplers on real processes: each has its own part of one draw, whoever makes the dataloader."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.samplers import ClassBalancedSampler, MPerClassSampler

pytestmark = pytest.mark.xdist_group("processes")

LABELS = torch.tensor([0] * 17 + [1] * 9 + [2] * 6)


def parts_of(sampler, epoch: int) -> list:
    sampler.set_epoch(epoch)
    whole = list(sampler)
    assert len(whole) % 2 == 0
    return [whole[rank::2] for rank in range(2)]


@pytest.mark.parametrize(("workers", "in_hook"), [(0, False), (2, True)])
def test_lightning_leaves_the_sampler_and_each_process_has_its_part(workers, in_hook, crew):
    results = crew(2).run("samplers", LABELS, workers, kind="samples", in_hook=in_hook)

    for epoch in range(2):
        parts = parts_of(ClassBalancedSampler(LABELS), epoch)
        for result, part in zip(results, parts, strict=True):
            assert [index for batch in result["epochs"][epoch] for index in batch] == part
    assert [result["sampler"] for result in results] == ["ClassBalancedSampler"] * 2


@pytest.mark.parametrize(("workers", "in_hook"), [(0, False), (0, True), (2, False)])
def test_lightning_keeps_the_batch_sampler_and_each_process_has_its_batches(workers, in_hook, crew):
    results = crew(2).run("samplers", LABELS, workers, kind="batches", in_hook=in_hook)

    for epoch in range(2):
        parts = parts_of(MPerClassSampler(LABELS, 2, batch_size=4), epoch)
        assert [result["epochs"][epoch] for result in results] == parts
    assert [(result["sampler"], result["steps"]) for result in results] == [("MPerClassSampler", 8)] * 2


def test_on_one_process_lightning_takes_it_too(crew):
    (result,) = crew(1).run("samplers", LABELS, 0, kind="batches", in_hook=False)

    sampler = MPerClassSampler(LABELS, 2, batch_size=4)
    assert result["epochs"][0] == list(sampler)
    sampler.set_epoch(1)
    assert result["epochs"][1] == list(sampler)


@pytest.mark.parametrize("size", [2, 3])
def test_a_sampler_asks_for_the_processes_when_it_draws(size, crew):
    labels = [0] * 8 + [1] * 4

    results = crew(size).run("sampler_before_the_group", labels)

    whole = list(ClassBalancedSampler(labels))
    for rank, result in enumerate(results):
        assert result["alone"] == (12, 0, 1, whole)
        assert result["together"] == (12 // size, rank, size, whole[rank::size])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_balanced_stream_is_another_on_each_process(workers, crew):
    labels = [0, 0, 0, 1] * 100

    first, second = crew(2).run("balanced_stream", labels, workers)

    for epoch in range(2):
        one, other = (({index for batch in epochs[epoch] for index in batch}) for epochs in (first, second))
        assert len(one) == len(other) == 8
        assert not one & other
    assert first[0] != first[1]
