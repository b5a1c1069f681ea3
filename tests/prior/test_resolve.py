from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.prior import log_prior

PETS = ClassDistribution([60, 30, 10], ["cat", "dog", "eel"])
NO_EEL = ClassDistribution([60, 40, 0], ["cat", "dog", "eel"])
COUNTS = st.lists(st.integers(0, 10**9), min_size=2, max_size=7).filter(any)
SHARES = st.lists(st.integers(0, 10**6), min_size=2, max_size=7).filter(any)


def refusal(kind: type[Exception], *arguments: object) -> str:
    with pytest.raises(kind) as error:
        log_prior(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    "written",
    [
        [0.2, 0.3, 0.5],
        (0.2, 0.3, 0.5),
        np.array([0.2, 0.3, 0.5]),
        torch.tensor([0.2, 0.3, 0.5], requires_grad=True),
        {"eel": 0.5, "cat": 0.2, "dog": 0.3},
        {2: 0.5, 0: 0.2, 1: 0.3},
    ],
    ids=["list", "tuple", "array", "tensor", "names", "indices"],
)
def test_every_way_to_write_a_prior_gives_the_same(written) -> None:
    prior = log_prior(written, PETS)

    assert (prior.dtype, prior.device.type, prior.requires_grad) == (torch.float64, "cpu", False)
    assert prior.tolist() == pytest.approx([math.log(share) for share in (0.2, 0.3, 0.5)], abs=1e-7)


@given(COUNTS)
def test_train_is_the_share_of_each_class(counts) -> None:
    prior = log_prior("train", ClassDistribution(counts)).tolist()

    assert prior == pytest.approx([math.log(n / sum(counts)) if n else -math.inf for n in counts])


@given(COUNTS)
def test_uniform_is_even_over_the_classes_that_have_samples(counts) -> None:
    present = sum(count > 0 for count in counts)

    prior = log_prior("uniform", ClassDistribution(counts)).tolist()

    assert prior == pytest.approx([-math.log(present) if n else -math.inf for n in counts])


@given(SHARES, st.floats(0.996, 1.004))
def test_a_sum_that_is_not_quite_1_becomes_1(shares, total) -> None:
    written = [share / sum(shares) * total for share in shares]

    prior = log_prior(written, ClassDistribution([1] * len(shares)))

    assert prior.exp().sum().item() == pytest.approx(1, abs=1e-14)
    assert prior.exp().tolist() == pytest.approx([share / sum(shares) for share in shares], abs=1e-12)


@given(SHARES, st.randoms())
def test_renaming_the_classes_permutes_the_prior(shares, random) -> None:
    order = list(range(len(shares)))
    random.shuffle(order)
    written = [share / sum(shares) for share in shares]
    distribution = ClassDistribution([1] * len(shares))

    renamed = log_prior([written[i] for i in order], distribution)

    assert torch.allclose(renamed, log_prior(written, distribution)[order], rtol=1e-12)


def test_a_class_that_has_samples_may_be_said_not_to_occur() -> None:
    assert log_prior([0.5, 0.5, 0], PETS).tolist() == [math.log(0.5), math.log(0.5), -math.inf]
    assert log_prior([0.5, 0.5, 0], NO_EEL).tolist() == [math.log(0.5), math.log(0.5), -math.inf]


def test_binary_has_two_entries_by_name_or_position() -> None:
    distribution = ClassDistribution([90, 10], task="binary")

    assert torch.equal(
        log_prior({"positive": 0.25, "negative": 0.75}, distribution), log_prior([0.75, 0.25], distribution)
    )


@pytest.mark.parametrize(
    ("target", "distribution", "expected"),
    [
        (
            "unifrom",
            PETS,
            "the prior must be 'train', 'uniform', or one probability a class, got 'unifrom'. Did you mean 'uniform'?",
        ),
        ("0.5", PETS, "the prior must be 'train', 'uniform', or one probability a class, got '0.5'."),
        ([0.5, 0.5], PETS, "the prior must have one probability for each of the 3 classes, got shape (2,)."),
        (0.5, PETS, "the prior must have one probability for each of the 3 classes, got shape ()."),
        ([0.6, 0.5, -0.1], PETS, "the prior must have probabilities from 0 to 1, got -0.1 for class 'eel'."),
        ([math.nan, 0.5, 0.5], PETS, "the prior must have probabilities from 0 to 1, got nan for class 'cat'."),
        ([0.0, math.inf, 0.5], PETS, "the prior must have probabilities from 0 to 1, got inf for class 'dog'."),
        (
            [60, 30, 10],
            PETS,
            "the prior must sum to 1, got a sum of 100. Divide counts or percentages by their sum.",
        ),
        (
            [0.33, 0.33, 0.33],
            PETS,
            "the prior must sum to 1, got a sum of 0.99. Divide counts or percentages by their sum.",
        ),
        ([0, 0, 0], PETS, "the prior must sum to 1, got a sum of 0. Divide counts or percentages by their sum."),
        (
            {"cat": 0.5, "dog": 0.5},
            PETS,
            "the prior must give a probability to each class ('cat', 'dog', 'eel') and to nothing else, got no probability for 'eel'.",
        ),
        (
            {"cat": 0.5, "dog": 0.5, "eel": 0, "fox": 0},
            PETS,
            "the prior must give a probability to each class ('cat', 'dog', 'eel') and to nothing else, got a probability for 'fox', which is no class.",
        ),
        (
            [0.5, 0.4, 0.1],
            NO_EEL,
            "the prior must be 0 for a class without training samples, which the model cannot know, got 0.1 for class 'eel'.",
        ),
        (
            "train",
            ClassDistribution([3, 4], task="multilabel", num_samples=9),
            "the distribution must be of classes that exclude each other, got task 'multilabel'. Make a `ClassDistribution` of two counts and `task=\"binary\"` for each label.",
        ),
    ],
)
def test_what_is_no_prior_of_these_classes_is_refused(target, distribution, expected) -> None:
    assert refusal(ValueError, target, distribution) == expected


@pytest.mark.parametrize(("target", "got"), [(None, "NoneType: None"), (["a", "b"], "list: ['a', 'b']")])
def test_what_is_no_number_is_refused(target, got) -> None:
    assert refusal(TypeError, target, PETS) == f"the prior must be one probability a class, got {got}."
