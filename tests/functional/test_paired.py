"""The difference of two balanced accuracies, against counting by hand and against simulation."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor

from lightning_imbalance.functional import (
    PairedDifference,
    balanced_accuracy_difference,
    change_of_balanced_accuracy,
)


@st.composite
def two_models(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    rows = draw(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60))
    first, second, target = torch.tensor(rows).unbind(1)
    return first, second, target


@given(two_models())
def test_the_difference_is_that_of_scikit_learns_balanced_accuracies(models: tuple[Tensor, Tensor, Tensor]) -> None:
    first, second, target = models
    classes = sorted(set(target.tolist()))
    by_hand = [
        sum((second[i] == c).item() - (first[i] == c).item() for i in range(len(target)) if target[i] == c)
        / (target == c).sum().item()
        for c in classes
    ]

    result = balanced_accuracy_difference(first, second, target)

    assert result.difference == pytest.approx(sum(by_hand) / len(classes))
    assert result.low <= result.difference <= result.high
    assert -1 <= result.low <= result.high <= 1


def test_it_equals_scikit_learn_on_a_large_sample() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second, target = torch.randint(0, 5, (3, 2000), generator=generator)
    expected = balanced_accuracy_score(target, second) - balanced_accuracy_score(target, first)

    assert balanced_accuracy_difference(first, second, target).difference == pytest.approx(expected)


@given(two_models())
def test_exchanging_the_models_mirrors_the_interval(models: tuple[Tensor, Tensor, Tensor]) -> None:
    first, second, target = models
    there, back = (
        balanced_accuracy_difference(first, second, target),
        balanced_accuracy_difference(second, first, target),
    )

    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert back.shown == there.shown


def test_the_interval_of_one_class_is_agresti_and_mins() -> None:
    # 100 pairs, 15 gained, 5 lost: around 10 / 102, variance (20 + 1 - 10² / 102) / 102², by hand.
    target = torch.zeros(100, dtype=torch.int64)
    first, second = torch.ones_like(target), torch.ones_like(target)
    second[:15] = 0
    first[15:20] = 0
    half = 1.959963984540054 * math.sqrt((21 - 100 / 102) / 102**2)

    result = balanced_accuracy_difference(first, second, target)

    assert result == pytest.approx((0.1, 10 / 102 - half, 10 / 102 + half))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Two models that are each right 80 % of the time, apart from each other: the true difference is 0.
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([0] * 60 + [1] * 40 + [2] * 20)
    covered = 0
    for _ in range(500):
        right = torch.rand(2, len(target), generator=generator) < 0.8
        first, second = (torch.where(hit, target, target + 1) for hit in right)
        result = balanced_accuracy_difference(first, second, target)
        covered += result.low <= 0 <= result.high

    assert 0.915 <= covered / 500 <= 0.985  # 0.95, and four standard deviations of 500 trials on either side


def test_equal_models_show_no_difference() -> None:
    target = torch.tensor([0, 0, 1])

    assert not balanced_accuracy_difference(target, target, target).shown


def test_an_interval_on_one_side_of_zero_shows_a_difference() -> None:
    assert PairedDifference(-0.2, -0.3, -0.1).shown
    assert not PairedDifference(-0.2, -0.5, 0.1).shown


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError) as error:
        balanced_accuracy_difference(torch.zeros(3), torch.zeros(2), torch.zeros(3))

    assert str(error.value) == (
        "both predictions and the target must have shape (N,) with N above 0, or the predictions (R, N) with R runs, 2 or more, got (3,), (2,), (3,)."
    )


def test_a_confidence_outside_0_and_1_is_refused() -> None:
    one = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError) as error:
        balanced_accuracy_difference(one, one, one, confidence=95)

    assert str(error.value) == "`confidence` must be between 0 and 1, got 95."


# --- several runs ------------------------------------------------------------------------------------------------


def test_runs_that_do_not_differ_have_the_difference_of_one():
    first, second, target = torch.randint(0, 3, (3, 50), generator=torch.Generator().manual_seed(1))

    one = balanced_accuracy_difference(first, second, target)
    five = balanced_accuracy_difference(first.expand(5, -1), second.expand(5, -1), target)

    assert five.difference == pytest.approx(one.difference)
    # Nothing varies between the runs: what is left is Student's quantile with the freedom of the samples.
    assert five.low == pytest.approx(one.low, abs=0.01)
    assert five.low < one.low


def test_the_interval_of_runs_is_that_of_plain_python() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([0] * 30 + [1] * 10)
    first, second = (torch.where(torch.rand(4, 40, generator=generator) < p, target, 2) for p in (0.6, 0.9))
    difference, variance, per_run = 0.0, 0.0, [0.0] * 4
    centre = 0.0
    for label in (0, 1):
        members = [i for i in range(40) if target[i] == label]
        changes = [[(second[r, i] == label).item() - (first[r, i] == label).item() for r in range(4)] for i in members]
        means = [sum(change) / 4 for change in changes]
        n = len(members)
        difference += sum(means) / n / 2
        centre += sum(means) / (n + 2) / 2
        variance += (sum(mean**2 for mean in means) + 1 - sum(means) ** 2 / (n + 2)) / (n + 2) ** 2 / 4
        per_run = [total + sum(change[r] for change in changes) / n / 2 for r, total in enumerate(per_run)]
    mean_run = sum(per_run) / 4
    between = sum((value - mean_run) ** 2 for value in per_run) / 3 / 4
    freedom = math.floor((variance + between) ** 2 / (variance**2 / 40 + between**2 / 3))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(variance + between)

    result = balanced_accuracy_difference(first, second, target)

    assert result == pytest.approx((difference, centre - half, centre + half))


def test_the_interval_of_runs_covers_the_truth_at_least_as_often_as_it_says() -> None:
    # Samples that are hard for everyone, and seeds that are bad for everything: the true difference is 0.
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([0] * 60 + [1] * 40 + [2] * 20)
    covered = 0
    for _ in range(300):
        hard = torch.randn(1, 120, generator=generator)
        runs = [
            torch.where(
                hard + torch.randn(5, 1, generator=generator) / 4 + torch.randn(5, 120, generator=generator) < 1,
                target,
                3,
            )
            for _ in range(2)
        ]
        result = balanced_accuracy_difference(*runs, target)
        covered += result.low <= 0 <= result.high

    assert covered / 300 >= 0.9


def test_one_run_in_two_dimensions_is_refused() -> None:
    one = torch.zeros(1, 3)
    with pytest.raises(ValueError) as error:
        balanced_accuracy_difference(one, one, torch.zeros(3))

    assert str(error.value) == (
        "both predictions and the target must have shape (N,) with N above 0, or the predictions (R, N) with R runs, 2 or more, got (1, 3), (1, 3), (3,)."
    )


def test_the_moments_are_those_of_each_class_by_hand() -> None:
    generator = torch.Generator().manual_seed(3)
    target = torch.tensor([0] * 7 + [2] * 4 + [1] * 2)
    change = torch.randint(-1, 2, (2, 3, 13), generator=generator)

    moments = change_of_balanced_accuracy(change, target)

    for k in range(2):
        rows = [[change[k, r][target == c].tolist() for r in range(3)] for c in range(3)]
        sizes = [7, 2, 4]
        per_run = [sum(sum(rows[c][r]) / sizes[c] for c in range(3)) / 3 for r in range(3)]
        centre = sum(sum(map(sum, rows[c])) / 3 / (sizes[c] + 2) for c in range(3)) / 3
        assert moments.per_run[k].tolist() == pytest.approx(per_run)
        assert moments.centre[k].item() == pytest.approx(centre)
        for j in range(2):
            for r, s in ((0, 0), (0, 2)):
                expected = 0.0
                for c, n in enumerate(sizes):
                    mine, theirs = rows[c][r], change[j, s][target == c].tolist()
                    products = sum(a * b for a, b in zip(mine, theirs, strict=True)) + (k == j)
                    expected += (products - sum(mine) * sum(theirs) / (n + 2)) / (n + 2) ** 2 / 9
                assert moments.covariance[k, r, j, s].item() == pytest.approx(expected)
