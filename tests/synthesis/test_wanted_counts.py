from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import wanted_counts

NAMES = ["nevus", "keratosis", "melanoma"]
DISTRIBUTION = ClassDistribution([60, 30, 10], NAMES)
COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(lambda counts: len({*counts} - {0}) > 1)


@given(COUNTS)
def test_balance_makes_every_class_that_has_samples_as_large_as_the_largest(counts):
    added = wanted_counts(ClassDistribution(counts)).tolist()

    assert [there + more for there, more in zip(counts, added, strict=True)] == [
        max(counts) if n else 0 for n in counts
    ]


@given(COUNTS, st.integers(1, 20))
def test_a_share_is_of_the_largest_class_and_takes_nothing_away(counts, twentieths):
    goal = math.ceil(Fraction(twentieths, 20) * max(counts))
    expected = [max(0, goal - count) if count else 0 for count in counts]
    if not any(expected):
        return

    assert wanted_counts(ClassDistribution(counts), twentieths / 20).tolist() == expected


@pytest.mark.parametrize(
    "counts",
    [
        {"melanoma": 25, "keratosis": 5},
        {2: 25, 1: 5},
        [0, 5, 25],
        (0, 5, 25),
        torch.tensor([0, 5, 25]),
        torch.tensor([0, 5, 25]).numpy(),
    ],
    ids=["names", "indices", "list", "tuple", "tensor", "array"],
)
def test_numbers_are_added_as_they_are(counts):
    added = wanted_counts(DISTRIBUTION, counts)

    assert added.tolist() == [0, 5, 25]
    assert added.dtype == torch.int64


def test_a_class_without_samples_may_be_asked_for_by_name():
    assert wanted_counts(ClassDistribution([3, 0]), {1: 4}).tolist() == [0, 4]


def test_the_classes_of_a_yes_or_no_question_have_names():
    assert wanted_counts(ClassDistribution([9, 2], task="binary"), {"positive": 3}).tolist() == [0, 3]


@pytest.mark.parametrize(
    ("counts", "kind", "message"),
    [
        ("balanced", ValueError, "`counts` must be 'balance', a share, or numbers by class, got 'balanced'."),
        (1.5, ValueError, "`counts` must be a share of the largest class, above 0 and at most 1, got 1.5."),
        (math.nan, ValueError, "`counts` must be a share of the largest class, above 0 and at most 1, got nan."),
        (
            100,
            TypeError,
            "`counts` must be 'balance', a share of the largest class such as 0.5, a mapping from class to number, or one number a class, got 100.",
        ),
        (
            None,
            TypeError,
            "`counts` must be 'balance', a share of the largest class such as 0.5, a mapping from class to number, or one number a class, got None.",
        ),
        ([1, 2], ValueError, "`counts` must have one number for each of the 3 classes, got 2."),
        (
            {"mole": 3},
            ValueError,
            "`counts` must be for classes ('nevus', 'keratosis', 'melanoma'), got a number for 'mole', which is no class.",
        ),
        ({3: 3}, ValueError, "`counts` must be for classes (0, 1, 2), got a number for 3, which is no class."),
        (
            [0, 0, -1],
            ValueError,
            "`counts` must be from 0 on, the samples to add to each class, got -1 for 'melanoma'.",
        ),
        (
            {"nevus": 0.5},
            TypeError,
            "`counts` must be integers, the samples to add to each class, got 0.5 for 'nevus'.",
        ),
        (
            [0, 0, True],
            TypeError,
            "`counts` must be integers, the samples to add to each class, got True for 'melanoma'.",
        ),
        (
            {},
            ValueError,
            "`counts` must add at least one sample, got nothing to add from {} (the largest class has 60).",
        ),
        (
            0.1,
            ValueError,
            "`counts` must add at least one sample, got nothing to add from 0.1 (the largest class has 60).",
        ),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_meant_are_refused(counts, kind, message):
    with pytest.raises(kind) as error:
        wanted_counts(DISTRIBUTION, counts)

    assert str(error.value) == message


def test_balanced_classes_need_nothing():
    with pytest.raises(ValueError, match="balanced") as error:
        wanted_counts(ClassDistribution([4, 4]))

    assert str(error.value) == (
        "`counts` must add at least one sample, got the classes are balanced already (the largest class has 4)."
    )


def test_samples_with_several_labels_have_no_class():
    with pytest.raises(ValueError, match="multilabel") as error:
        wanted_counts(ClassDistribution([4, 1], task="multilabel", num_samples=5))

    assert str(error.value) == (
        'samples can be added to classes of which each sample has one, got a distribution for `task="multilabel"`. '
        "Add copies of rows, or weight the labels instead."
    )
