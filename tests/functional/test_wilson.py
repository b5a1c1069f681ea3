from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import wilson_interval

# Successes, trials and the interval at 95 %: Newcombe 1998, "Two-sided confidence intervals for the single proportion",
# table I, method 3.
PUBLISHED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), PUBLISHED)
def test_intervals_are_the_published_ones(successes, trials, low, high):
    interval = wilson_interval(torch.tensor(successes), torch.tensor(trials))

    assert [round(bound.item(), 4) for bound in interval] == [low, high]


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0.01, 0.999))
def test_the_bounds_solve_the_score_equation(successes, trials, confidence):
    successes = min(successes, trials)
    share, z = successes / trials, NormalDist().inv_cdf((1 + confidence) / 2)

    low, high = (bound.item() for bound in wilson_interval(torch.tensor(successes), torch.tensor(trials), confidence))

    assert 0 <= low <= share <= high <= 1
    for bound in (low, high):
        # |share - bound| is z standard errors at the bound.
        assert (share - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / trials, rel=1e-5, abs=1e-14)


@given(st.integers(0, 500), st.integers(1, 500))
def test_successes_and_failures_mirror_each_other(successes, trials):
    successes = min(successes, trials)
    low, high = wilson_interval(torch.tensor(successes), torch.tensor(trials))
    mirrored = wilson_interval(torch.tensor(trials - successes), torch.tensor(trials))

    assert low.item() == pytest.approx(1 - mirrored[1].item(), abs=1e-14)
    assert high.item() == pytest.approx(1 - mirrored[0].item(), abs=1e-14)


def test_none_and_all_have_bounds_of_exactly_zero_and_one():
    trials = torch.arange(1, 2000)

    assert wilson_interval(torch.zeros_like(trials), trials)[0].unique().tolist() == [0]
    assert wilson_interval(trials, trials)[1].unique().tolist() == [1]


def test_without_trials_there_is_no_interval():
    low, high = wilson_interval(torch.tensor([0, 1]), torch.tensor([0, 2]))

    assert [math.isnan(bound) for bound in (*low.tolist(), *high.tolist())] == [True, False, True, False]


def test_any_shape_comes_back_in_float64():
    low, high = wilson_interval(torch.ones(2, 3, dtype=torch.int64), torch.full((2, 3), 5))

    assert low.shape == high.shape == (2, 3)
    assert low.dtype == high.dtype == torch.float64


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, math.nan])
def test_a_confidence_that_is_no_share_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence") as error:
        wilson_interval(torch.tensor([1]), torch.tensor([2]), confidence)

    assert str(error.value) == f"`confidence` must be between 0 and 1, got {confidence}."
