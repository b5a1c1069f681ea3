from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.functional.training_prior import training_log_prior

COUNTS = [60, 30, 10]


def refusal(*arguments: object, **keywords: object) -> str:
    with pytest.raises(ValueError) as error:
        training_log_prior(*arguments, **keywords)
    return str(error.value)


def test_without_anything_it_is_the_datas():
    prior = training_log_prior(ClassDistribution(COUNTS))

    assert prior.dtype == torch.float64
    assert torch.allclose(prior, ClassDistribution(COUNTS).log_priors)


def test_balanced_weights_and_balanced_batches_each_make_it_uniform_and_together_reversed():
    distribution = ClassDistribution(COUNTS)
    weights = class_weights(distribution)

    weighted, sampled, twice = (
        training_log_prior(distribution, *options).exp()
        for options in ((weights, None), (None, [1, 1, 1]), (weights, [1, 1, 1]))
    )

    assert weighted.tolist() == pytest.approx([1 / 3] * 3)
    assert sampled.tolist() == pytest.approx([1 / 3] * 3)
    assert twice.tolist() == pytest.approx([1 / 9, 2 / 9, 6 / 9])


@given(
    st.lists(st.integers(1, 10**6), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
)
def test_it_is_a_product_of_its_parts_and_sums_to_1(counts, weights, sampling, adjustment):
    prior = training_log_prior(
        ClassDistribution(counts), weights, sampling, torch.tensor(adjustment, dtype=torch.float64)
    )

    parts = [w * q * math.exp(-a) for w, q, a in zip(weights, sampling, adjustment, strict=True)]
    assert prior.exp().tolist() == pytest.approx([part / sum(parts) for part in parts], rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"sampling": [60, 10, 0]}])
def test_an_absent_class_has_the_prior_of_the_rarest(options):
    prior = training_log_prior(ClassDistribution([60, 10, 0]), **options)

    assert prior.exp().tolist() == pytest.approx([0.75, 0.125, 0.125])


def test_binary_has_two_entries():
    prior = training_log_prior(ClassDistribution([90, 10], task="binary"), [1.0, 9.0])

    assert prior.exp().tolist() == pytest.approx([0.5, 0.5])


def test_multilabel_is_refused():
    distribution = ClassDistribution([1, 2], task="multilabel", num_samples=3)

    assert refusal(distribution) == (
        "`distribution` must be multiclass or binary for a prior over its classes, got a multilabel one, in which each "
        "label has a prior of its own."
    )


@pytest.mark.parametrize("weights", [[1.0, 2.0], [1.0, 0.0, 2.0], [1.0, -1.0, 2.0], [1.0, math.inf, 2.0]])
def test_weights_that_are_none_are_refused(weights):
    assert refusal(ClassDistribution(COUNTS), weights) == (
        f"`class_weights` must have 3 positive numbers, one a class, got {weights}."
    )


@pytest.mark.parametrize("sampling", [[1.0], [1.0, -1.0, 2.0], [1.0, math.nan, 2.0]])
def test_shares_that_are_none_are_refused(sampling):
    assert refusal(ClassDistribution(COUNTS), sampling=sampling) == (
        f"`sampling` must have 3 numbers from 0 on, one a class, got {sampling}."
    )
