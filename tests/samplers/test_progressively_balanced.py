from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.samplers import ClassBalancedSampler, ProgressivelyBalancedSampler

COUNTS = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def labels_of(counts: list[int]) -> torch.Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def slowly(counts: list[int], epoch: int, epochs: int) -> list[float]:
    """Kang et al., equation 2, with t as their code has it: the last epoch is balanced."""
    share = epoch / (epochs - 1)
    return [(1 - share) * count / sum(counts) + share / len(counts) for count in counts]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(2, 12), st.data())
def test_the_shares_are_those_of_kang_et_al(counts, epochs, data):
    epoch = data.draw(st.integers(0, epochs - 1))
    sampler = ProgressivelyBalancedSampler(labels_of(counts), end=epochs - 1)

    expected = sampler.expected_draws(epoch)

    assert (expected / sum(counts)).tolist() == pytest.approx(slowly(counts, epoch, epochs))


@pytest.mark.parametrize("epoch", [0, 3, 9, 20])
def test_the_draw_has_the_shares_of_its_epoch(epoch):
    labels = labels_of(COUNTS)
    sampler = ProgressivelyBalancedSampler(labels, end=9)
    sampler.set_epoch(epoch)

    counts = labels[list(sampler)].bincount(minlength=10)

    expected = torch.tensor(slowly(COUNTS, min(epoch, 9), 10)) * sum(COUNTS)
    assert float((counts - expected).abs().max()) <= 1 + 1e-3


def test_from_the_end_on_it_draws_as_the_sampler_that_it_becomes():
    labels = labels_of([90, 10])
    for options in ({"power": 0.5}, {"target": [0.3, 0.7]}, {"replacement": True, "num_samples": 37}):
        progressive, settled = (
            ProgressivelyBalancedSampler(labels, 4, **options),
            ClassBalancedSampler(labels, **options),
        )
        for epoch in (4, 5, 11):
            progressive.set_epoch(epoch)
            settled.set_epoch(epoch)
            assert list(progressive) == list(settled)
        assert progressive.class_prior.tolist() == settled.class_prior.tolist()


def test_until_the_start_every_sample_comes_once():
    sampler = ProgressivelyBalancedSampler(labels_of([90, 10]), end=5, start=2)

    for epoch in range(3):
        sampler.set_epoch(epoch)
        assert sorted(sampler) == list(range(100))
    assert [round(sampler.expected_draws(epoch)[1].item(), 6) for epoch in (2, 3, 4, 5)] == [
        10,
        pytest.approx(10 + 40 / 3, abs=1e-5),
        pytest.approx(10 + 80 / 3, abs=1e-5),
        50,
    ]


def test_start_and_end_at_once_defer_the_resampling():
    sampler = ProgressivelyBalancedSampler(labels_of([90, 10]), end=3, start=3)

    assert [sampler.expected_draws(epoch)[1].item() for epoch in range(5)] == pytest.approx([10, 10, 10, 50, 50])


def test_an_end_of_0_is_balanced_from_the_first_epoch_on():
    assert ProgressivelyBalancedSampler(labels_of([90, 10]), end=0).expected_draws(0).tolist() == [50, 50]


def test_a_cosine_is_slower_at_both_ends():
    straight, curved = (
        ProgressivelyBalancedSampler(labels_of([90, 10]), 8, ramp=ramp) for ramp in ("linear", "cosine")
    )

    assert float(curved.expected_draws(1)[1]) < float(straight.expected_draws(1)[1])
    assert float(curved.expected_draws(4)[1]) == pytest.approx(float(straight.expected_draws(4)[1]))
    assert float(curved.expected_draws(7)[1]) > float(straight.expected_draws(7)[1])


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"end": -1}, ValueError, "`end` must be an integer from 0 on, got -1."),
        ({"end": 0.8}, TypeError, "`end` must be an integer from 0 on, got 0.8."),
        ({"end": 3, "start": 4}, ValueError, "`start` must not be after `end`, 3, got 4."),
        ({"end": 3, "ramp": "step"}, ValueError, "`ramp` must be 'linear' or 'cosine', got 'step'."),
    ],
)
def test_arguments_that_cannot_work_are_refused(options, kind, message):
    with pytest.raises(kind) as error:
        ProgressivelyBalancedSampler([0, 1], **options)

    assert str(error.value) == message
