from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lightning_imbalance.data import long_tailed, long_tailed_counts

# The benchmarks: sizes and smallest classes as google-research's and BagofTricks' tables give them.
CIFAR10_COUNTS = {
    10: [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500],
    20: [5000, 3584, 2569, 1842, 1320, 946, 678, 486, 348, 250],
    50: [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100],
    100: [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50],
    200: [5000, 2775, 1540, 854, 474, 263, 146, 81, 45, 25],
}
CIFAR10_SIZES = {10: 20431, 20: 17023, 50: 13996, 100: 12406, 200: 11203}
# Size, smallest class, then how many classes have more than 100, 20 to 100, and fewer than 20 samples.
CIFAR100_SIZES = {
    10: (19573, 50, 69, 31, 0),
    20: (15907, 25, 53, 47, 0),
    50: (12608, 10, 41, 41, 18),
    100: (10847, 5, 35, 35, 30),
    200: (9502, 2, 30, 31, 39),
}
KINDS = st.sampled_from(["exponential", "step"])


def whole_number_profile(num_classes: int, largest: int, ratio: int) -> list[int]:
    """The exponential profile without floating point: the highest k with k^(C-1) * ratio^i <= largest^(C-1)."""
    power = num_classes - 1
    return [max(k for k in range(largest + 1) if k**power * ratio**i <= largest**power) for i in range(num_classes)]


@pytest.mark.parametrize("ratio", CIFAR10_COUNTS)
def test_cifar10_lt_has_the_counts_of_the_benchmark(ratio):
    counts = long_tailed_counts(10, 5000, ratio)

    assert counts.tolist() == CIFAR10_COUNTS[ratio]
    assert int(counts.sum()) == CIFAR10_SIZES[ratio]
    assert counts.dtype == torch.int64


@pytest.mark.parametrize("ratio", CIFAR100_SIZES)
def test_cifar100_lt_has_the_size_and_the_groups_of_the_benchmark(ratio):
    counts = long_tailed_counts(100, 500, ratio)

    many, few = int((counts > 100).sum()), int((counts < 20).sum())
    assert (int(counts.sum()), int(counts[-1]), many, 100 - many - few, few) == CIFAR100_SIZES[ratio]


@given(st.integers(2, 7), st.integers(1, 60), st.integers(1, 60))
def test_the_exponential_profile_is_the_one_computed_in_whole_numbers(num_classes, largest, ratio):
    assume(ratio <= largest)

    expected = whole_number_profile(num_classes, largest, ratio)
    assert long_tailed_counts(num_classes, largest, ratio).tolist() == expected


def test_a_rounding_error_takes_no_sample_away():
    # 1250 on paper.
    assert 5000 * 1024 ** (-2 / 10) < 1250

    counts = long_tailed_counts(11, 5000, 1024)

    assert counts.tolist() == [5000, 2500, 1250, 625, 312, 156, 78, 39, 19, 9, 4]


@given(st.integers(2, 30), st.integers(1, 10_000), st.floats(1, 10_000), KINDS)
def test_profiles_start_at_the_largest_never_rise_and_end_at_the_ratio(num_classes, largest, ratio, kind):
    assume(ratio <= largest)

    counts = long_tailed_counts(num_classes, largest, ratio, kind).tolist()

    assert len(counts) == num_classes
    assert counts[0] == largest
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] in {math.floor(largest / ratio), math.floor(largest / ratio) + 1}
    assert counts[-1] <= largest / ratio + 1e-6


@pytest.mark.parametrize(
    ("num_classes", "expected"),
    [(2, [50, 7]), (4, [50, 50, 7, 7]), (5, [50, 50, 7, 7, 7]), (3, [50, 7, 7])],
)
def test_a_step_keeps_every_class_and_gives_an_odd_one_to_the_tail(num_classes, expected):
    assert long_tailed_counts(num_classes, 50, 7, kind="step").tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((1, 50, 10), ValueError, "`num_classes` must be at least 2, got 1."),
        ((2.0, 50, 10), TypeError, "`num_classes` must be an integer, got 2.0."),
        ((3, 0, 10), ValueError, "`largest` must be at least 1, got 0."),
        ((3, True, 10), TypeError, "`largest` must be an integer, got True."),
        ((3, 50, "10"), TypeError, "`imbalance_ratio` must be a number, got '10'."),
        (
            (3, 50, 0.01),
            ValueError,
            (
                "`imbalance_ratio` must be a finite number of 1 or more, got 0.01. "
                "It is the largest count over the smallest."
            ),
        ),
        (
            (3, 50, math.nan),
            ValueError,
            (
                "`imbalance_ratio` must be a finite number of 1 or more, got nan. "
                "It is the largest count over the smallest."
            ),
        ),
        (
            (3, 50, math.inf),
            ValueError,
            (
                "`imbalance_ratio` must be a finite number of 1 or more, got inf. "
                "It is the largest count over the smallest."
            ),
        ),
        ((3, 50, 10, "linear"), ValueError, "`kind` must be 'exponential' or 'step', got 'linear'."),
        (
            (10, 50, 100.0),
            ValueError,
            "`imbalance_ratio` must be at most 50, got 100.0. With 50 samples of class 0, class 8 would get none.",
        ),
        (
            (4, 50, 51, "step"),
            ValueError,
            "`imbalance_ratio` must be at most 50, got 51. With 50 samples of class 0, class 2 would get none.",
        ),
    ],
)
def test_a_profile_that_cannot_be_is_refused(arguments, kind, message):
    with pytest.raises(kind) as error:
        long_tailed_counts(*arguments)

    assert str(error.value) == message


@pytest.mark.parametrize("ratio", CIFAR10_COUNTS)
def test_a_balanced_data_set_is_thinned_out_to_the_benchmark(ratio):
    labels = torch.arange(10).repeat_interleave(5000)

    indices = long_tailed(labels, ratio)

    assert torch.bincount(labels[indices]).tolist() == CIFAR10_COUNTS[ratio]


@st.composite
def labelled(draw):
    sizes = draw(st.lists(st.integers(1, 40), min_size=2, max_size=6))
    labels = [index for index, size in enumerate(sizes) for _ in range(size)]
    return draw(st.permutations(labels))


def largest_by_trial(sizes: list[int], ratio: float, kind: str) -> int | None:
    """Every size from the top down, until one gives each class a sample and no class more than it has."""
    for largest in range(sizes[0], 0, -1):
        try:
            counts = long_tailed_counts(len(sizes), largest, ratio, kind).tolist()
        except ValueError:
            continue
        if all(count <= size for count, size in zip(counts, sizes, strict=True)):
            return largest
    return None


@given(labelled(), st.integers(1, 50), KINDS, st.integers(0, 99))
def test_a_draw_has_the_profile_of_the_largest_class_that_fits_and_no_repeats(labels, ratio, kind, seed):
    sizes = torch.bincount(torch.tensor(labels)).tolist()
    largest = largest_by_trial(sizes, ratio, kind)
    assume(largest is not None)

    indices = long_tailed(labels, ratio, kind, seed=seed)

    assert indices.dtype == torch.int64
    assert indices.tolist() == sorted(set(indices.tolist()))
    drawn = torch.bincount(torch.tensor(labels)[indices]).tolist()
    assert drawn == long_tailed_counts(len(sizes), largest, ratio, kind).tolist()


@given(labelled(), st.integers(2, 200), KINDS)
def test_a_ratio_that_does_not_fit_is_refused_with_the_highest_that_does(labels, ratio, kind):
    sizes = torch.bincount(torch.tensor(labels)).tolist()
    assume(largest_by_trial(sizes, ratio, kind) is None)

    with pytest.raises(ValueError, match=r"^`imbalance_ratio` must be at most ") as error:
        long_tailed(labels, ratio, kind)

    possible = max(r for r in range(1, ratio) if largest_by_trial(sizes, r, kind) is not None)
    assert f"must be at most {possible} for these labels, got {ratio}. Class" in str(error.value)


@given(labelled(), st.integers(1, 10), st.integers(1, 10), st.integers(0, 99))
def test_with_one_seed_a_higher_ratio_draws_from_the_samples_of_a_lower_one(labels, low, high, seed):
    low, high = sorted((low, high))
    sizes = torch.bincount(torch.tensor(labels)).tolist()
    largest = largest_by_trial(sizes, low, "exponential")
    assume(largest is not None)
    assume(high <= largest)

    draws = [set(long_tailed(labels, ratio, seed=seed, largest=largest).tolist()) for ratio in (low, high)]

    assert draws[1] <= draws[0]


def test_a_draw_depends_on_its_seed_and_on_nothing_else():
    labels = torch.arange(3).repeat(50)

    torch.manual_seed(1)
    first = long_tailed(labels, 10, seed=5)
    state = torch.get_rng_state()
    again = long_tailed(labels, 10, seed=5)

    assert first.tolist() == again.tolist()
    assert torch.equal(torch.get_rng_state(), state)
    assert long_tailed(labels, 10, seed=6).tolist() != first.tolist()


def test_samples_of_a_class_are_drawn_from_all_over_it():
    labels = torch.tensor([0] * 100 + [1] * 100)

    tail = long_tailed(labels, 10)[100:]

    assert len(tail) == 10
    assert int(tail.max() - tail.min()) > 10


def test_a_smaller_largest_class_can_be_asked_for():
    labels = torch.arange(3).repeat(50)

    assert torch.bincount(labels[long_tailed(labels, 4, largest=20)]).tolist() == [20, 10, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"labels": [0, 1], "imbalance_ratio": 0.5},
            (
                "`imbalance_ratio` must be a finite number of 1 or more, got 0.5. "
                "It is the largest count over the smallest."
            ),
        ),
        ({"labels": [], "imbalance_ratio": 2}, "`labels` must hold at least one sample, got none."),
        ({"labels": [0, 0], "imbalance_ratio": 2}, "`labels` must be of at least 2 classes, got class 0 alone."),
        ({"labels": [0, -1], "imbalance_ratio": 2}, "`labels` must be 0 or more, got -1."),
        (
            {"labels": [0, 2, 2], "imbalance_ratio": 2},
            "`labels` must have samples of every class from 0 to 2, got none of class 1.",
        ),
        (
            {"labels": [0, 1], "imbalance_ratio": 1, "num_classes": 3},
            "`labels` must have samples of every class from 0 to 2, got none of class 2.",
        ),
        (
            {"labels": [0, 5], "imbalance_ratio": 1, "num_classes": 3},
            "`labels` must be below `num_classes`, 3, got 5.",
        ),
        ({"labels": [0, 1], "imbalance_ratio": 1, "num_classes": 1}, "`num_classes` must be at least 2, got 1."),
        (
            {"labels": [0] * 50 + [1] * 12, "imbalance_ratio": 2, "largest": 30},
            "`largest` must be at most 25, got 30. Class 1 has 12 samples and would need 15.",
        ),
        (
            {"labels": [0] * 50 + [1] * 50, "imbalance_ratio": 20, "largest": 10},
            "`imbalance_ratio` must be at most 10, got 20. With 10 samples of class 0, class 1 would get none.",
        ),
        (
            {"labels": [0] * 9 + [1] * 9 + [2] * 9, "imbalance_ratio": 20.0},
            "`imbalance_ratio` must be at most 9 for these labels, got 20.0. Class 2 would get no sample.",
        ),
    ],
)
def test_a_draw_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match="must") as error:
        long_tailed(**arguments)

    assert str(error.value) == message
