"""Draws of samples, class by class."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional.stratified_bootstrap import stratified_draws


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 99))
def test_each_draw_has_as_many_samples_of_each_class_as_there_are(labels: list[int], seed: int) -> None:
    target = torch.tensor(labels)

    drawn = stratified_draws(target, 3, torch.Generator().manual_seed(seed))

    for label in target.unique():
        assert drawn[:, target == label].sum(1).tolist() == [int((target == label).sum())] * 3
    assert drawn.tolist() == drawn.round().abs().tolist()


def test_each_sample_comes_once_on_average_and_as_often_as_in_a_multinomial_draw() -> None:
    target = torch.tensor([1, 0, 1, 1, 1, 0])

    drawn = stratified_draws(target, 20_000, torch.Generator().manual_seed(0))

    torch.testing.assert_close(drawn.mean(0), torch.ones(6).double(), atol=0.03, rtol=0)
    expected = torch.where(target == 1, 3 / 4, 1 / 2).double()  # (n - 1) / n
    torch.testing.assert_close(drawn.var(0), expected, atol=0.03, rtol=0)
