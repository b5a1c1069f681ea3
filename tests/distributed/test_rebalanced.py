"""Our sampler under Lightning on real processes: it is used, and every rank gets a part of its own."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.samplers import ClassBalancedSampler

pytestmark = pytest.mark.xdist_group("processes")

COUNTS = [20, 7, 4]
LABELS = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))


def parts(epoch: int, ranks: int = 2) -> list[list[int]]:
    samplers = [ClassBalancedSampler(LABELS, seed=5, num_replicas=ranks, rank=rank) for rank in range(ranks)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    return [list(sampler) for sampler in samplers]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_rank_trains_on_its_part_of_one_draw(workers, crew):
    ranks = crew(2).run("balanced_draws", COUNTS, workers)

    assert [rank["sampler"] for rank in ranks] == ["ClassBalancedSampler"] * 2
    assert [rank["length"] for rank in ranks] == [16, 16]
    for epoch in range(3):
        assert [rank["epochs"][epoch] for rank in ranks] == parts(epoch)
    assert ranks[0]["weight"] == ranks[1]["weight"]
    assert ranks[0]["prior"] == ranks[1]["prior"] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_fit_draws_what_an_uninterrupted_one_draws(workers, crew, tmp_path):
    path = str(tmp_path / "two.ckpt")
    whole = crew(2).run("balanced_draws", COUNTS, workers)
    crew(2).run("balanced_draws", COUNTS, workers, path=path, stop=2)

    resumed = crew(2).run("balanced_draws", COUNTS, workers, path=path)

    assert [rank["epochs"] for rank in resumed] == [rank["epochs"][2:] for rank in whole]
    assert resumed[0]["weight"] == whole[0]["weight"]


def test_the_parts_of_two_processes_are_the_draw_of_one(crew):
    (alone,) = crew(1).run("balanced_draws", COUNTS, 0)
    ranks = crew(2).run("balanced_draws", COUNTS, 0)

    for epoch, draw in enumerate(alone["epochs"]):
        # 31 draws on two processes: the first one comes again at the end.
        assert [index for pair in zip(*(rank["epochs"][epoch] for rank in ranks), strict=True) for index in pair] == [
            *draw,
            draw[0],
        ]
