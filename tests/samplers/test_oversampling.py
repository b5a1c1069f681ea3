from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.samplers import OversamplingSampler

LABELS = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(any), st.floats(0, 1), st.integers(0, 9))
def test_every_sample_comes_and_each_class_as_often_as_the_formula_says(sizes, power, epoch):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    sampler = OversamplingSampler(labels, power, num_classes=len(sizes))
    sampler.set_epoch(epoch)

    drawn = list(sampler)

    assert set(drawn) == set(range(len(labels)))
    assert labels[drawn].bincount(minlength=len(sizes)).tolist() == [
        round(max(sizes) ** (1 - power) * size**power) if size else 0 for size in sizes
    ]


def test_100_50_and_20_give_300():
    assert len(OversamplingSampler(LABELS)) == 300
    assert sorted(OversamplingSampler(LABELS, power=1)) == list(range(170))


def test_another_power_is_refused():
    with pytest.raises(TypeError) as error:
        OversamplingSampler(LABELS, power=None)

    assert str(error.value) == (
        "`power` must be a number from 0 (all classes alike) to 1 (as the data have them), got None."
    )
