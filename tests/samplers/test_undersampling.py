from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.samplers import UndersamplingSampler

LABELS = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)


def test_100_50_and_20_give_20_each_without_repeats_and_others_in_the_next_epoch():
    sampler = UndersamplingSampler(LABELS)
    seen = []
    for epoch in range(5):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler) == len(set(drawn)) == 60
        assert LABELS[drawn].bincount().tolist() == [20, 20, 20]
        seen.append(set(drawn))

    # Class 0 has five times as many as are drawn, class 1 two and a half times.
    assert len({index for drawn in seen for index in drawn if LABELS[index] == 0}) == 100
    assert len({index for drawn in seen[:2] for index in drawn if LABELS[index] == 1}) == 40


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(any), st.floats(0, 1), st.integers(0, 9))
def test_no_sample_comes_twice_and_each_class_as_often_as_the_formula_says(sizes, power, epoch):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    sampler = UndersamplingSampler(labels, power, num_classes=len(sizes))
    sampler.set_epoch(epoch)

    drawn = list(sampler)

    fewest = min(size for size in sizes if size)
    assert len(set(drawn)) == len(drawn)
    assert labels[drawn].bincount(minlength=len(sizes)).tolist() == [
        round(fewest ** (1 - power) * size**power) if size else 0 for size in sizes
    ]


def test_a_power_of_1_draws_every_sample_once():
    assert sorted(UndersamplingSampler(LABELS, power=1)) == list(range(170))


def test_another_power_is_refused():
    with pytest.raises(ValueError) as error:
        UndersamplingSampler(LABELS, power=2)

    assert str(error.value) == (
        "`power` must be a number from 0 (all classes alike) to 1 (as the data have them), got 2."
    )
