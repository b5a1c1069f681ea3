from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.samplers.shares import balanced_shares, checked_power

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any)


@given(COUNTS, st.floats(0, 1))
def test_shares_are_in_proportion_to_the_power_of_the_counts(counts, power):
    shares = balanced_shares(ClassDistribution(counts), torch.tensor(counts), power)

    raised = [count**power if count else 0.0 for count in counts]
    assert shares.tolist() == pytest.approx([each / sum(raised) for each in raised])


@given(COUNTS)
def test_by_default_all_present_classes_are_alike_and_1_is_what_the_data_have(counts):
    distribution, tensor = ClassDistribution(counts), torch.tensor(counts)

    assert balanced_shares(distribution, tensor).unique().tolist()[-1] == pytest.approx(1 / sum(map(bool, counts)))
    assert balanced_shares(distribution, tensor, 1).tolist() == pytest.approx(distribution.priors.tolist())


def test_a_target_goes_by_name_or_by_index():
    distribution = ClassDistribution([6, 3, 0], class_names=["cat", "dog", "eel"])

    named = balanced_shares(distribution, distribution.counts, target={"dog": 0.75, "cat": 0.25, "eel": 0})

    assert named.tolist() == pytest.approx([0.25, 0.75, 0])
    assert balanced_shares(distribution, distribution.counts, target=[0.25, 0.75, 0]).tolist() == named.tolist()
    assert balanced_shares(distribution, distribution.counts, target="train").tolist() == pytest.approx(
        [2 / 3, 1 / 3, 0]
    )


DISTRIBUTION = ClassDistribution([6, 3, 0], class_names=["cat", "dog", "eel"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"power": 0.5, "target": [0.5, 0.5, 0]},
            "`power` must be left out with `target`, got power=0.5 and target=[0.5, 0.5, 0].",
        ),
        (
            {"target": [0.5, 0.6, 0]},
            "the prior must sum to 1, got a sum of 1.1. Divide counts or percentages by their sum.",
        ),
        (
            {"target": {"cat": 0.4, "dog": 0.4, "eel": 0.2}},
            "the prior must be 0 for a class without training samples, which the model cannot know, got 0.2 for class 'eel'.",
        ),
        ({"target": [0.5, 0.5]}, "the prior must have one probability for each of the 3 classes, got shape (2,)."),
        ({"target": [1.5, -0.5, 0]}, "the prior must have probabilities from 0 to 1, got -0.5 for class 'dog'."),
        (
            {"target": [math.nan, 1, 0]},
            "the prior must have probabilities from 0 to 1, got nan for class 'cat'.",
        ),
    ],
)
def test_a_target_that_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError) as error:
        balanced_shares(DISTRIBUTION, DISTRIBUTION.counts, **options)

    assert str(error.value) == message


def test_a_target_of_classes_that_come_together_is_refused():
    distribution = ClassDistribution([3, 1], task="multilabel", num_samples=4)

    with pytest.raises(ValueError) as error:
        balanced_shares(distribution, torch.tensor([2, 1, 1]), target=[0.5, 0.5])

    assert str(error.value) == (
        '`target` must be left out with `task="multilabel"`, where a sample has several classes, got [0.5, 0.5]. Pass `power`.'
    )


@pytest.mark.parametrize(
    ("power", "kind"),
    [
        (-0.1, ValueError),
        (1.5, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("half", TypeError),
        (True, TypeError),
    ],
)
def test_a_power_outside_0_to_1_is_refused(power, kind):
    with pytest.raises(kind) as error:
        checked_power(power)

    assert str(error.value) == (
        f"`power` must be a number from 0 (all classes alike) to 1 (as the data have them), got {power!r}."
    )
