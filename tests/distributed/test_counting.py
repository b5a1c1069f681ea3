"""Counting on several processes: one answer, and the work of a scan shared."""

from __future__ import annotations

import pytest

from lightning_imbalance import ClassDistribution, class_weights

pytestmark = pytest.mark.xdist_group("processes")

SAME = [0, 0, 0, 1, 1, 2, 0, 1]


def test_processes_with_the_same_data_say_nothing(crew):
    for result in crew(2).run("count", [SAME, SAME]):
        assert result["warned"] == []
        assert result["counts"] == [4, 3, 1]


def test_processes_with_other_splits_are_told_so_and_take_those_of_rank_0(crew):
    first, second = crew(2).run("count", [[0, 0, 1, 2], [0, 1, 1, 2]])

    expected = (
        "every process must count the same training data, got 4 samples ('0' 2, '1' 1, '2' 1) on rank 0 and 4 samples "
        "('0' 1, '1' 2, '2' 1) on rank 1. Rank 0's are taken. Split with a seed, for example `random_split(..., "
        "generator=torch.Generator().manual_seed(0))`, or processes train on each other's validation samples."
    )
    assert first["warned"] == [expected]
    assert second["warned"] == []
    for result in (first, second):
        assert result["counts"] == result["buffer"] == [2, 1, 1]
        assert result["weights"] == class_weights(ClassDistribution([2, 1, 1])).tolist()


def test_of_three_processes_the_one_that_differs_is_named(crew):
    (first, *_) = crew(3).run("count", [[0, 0, 1, 2], [0, 0, 1, 2], [0, 2, 1, 2]])

    assert "on rank 0 and 4 samples ('0' 1, '1' 1, '2' 2) on rank 2." in first["warned"][0]


@pytest.mark.parametrize("size", [2, 3])
def test_a_scan_is_shared_and_summed(size, crew):
    results = crew(size).run("count", [SAME] * size, scan=True)

    opened = sorted(index for result in results for index in result["opened"])
    assert opened == list(range(len(SAME)))
    for result in results:
        assert result["counts"] == [4, 3, 1]
        assert result["warned"] == []
