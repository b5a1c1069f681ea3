from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.prior import effective_prior
from lightning_imbalance.prior.effective import training_log_prior

PETS = ClassDistribution([60, 30, 10], ["cat", "dog", "eel"])
WEIGHTED = st.lists(st.tuples(st.integers(1, 10**6), st.floats(1e-3, 1e3)), min_size=2, max_size=7)


def refusal(*arguments: object) -> str:
    with pytest.raises(ValueError) as error:
        effective_prior(*arguments)
    return str(error.value)


@given(WEIGHTED)
def test_it_is_the_share_of_the_weighted_samples(weighted) -> None:
    counts, weights = zip(*weighted, strict=True)
    total = math.fsum(n * w for n, w in weighted)

    prior = effective_prior(ClassDistribution(counts), torch.tensor(weights, dtype=torch.float64))

    assert prior.dtype == torch.float64
    assert prior.tolist() == pytest.approx([n * w / total for n, w in weighted], rel=1e-12)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=7))
def test_uniform_weights_keep_the_prior_and_balanced_weights_even_it(counts) -> None:
    distribution = ClassDistribution(counts)

    unweighted = effective_prior(distribution, class_weights(distribution, "uniform"))
    balanced = effective_prior(distribution, class_weights(distribution, "balanced"))

    assert torch.allclose(unweighted, distribution.priors, rtol=1e-12)
    assert torch.allclose(balanced, torch.full_like(balanced, 1 / len(counts)), rtol=1e-6)


@given(WEIGHTED, st.randoms())
def test_renaming_the_classes_permutes_the_prior(weighted, random) -> None:
    order = list(range(len(weighted)))
    random.shuffle(order)
    counts, weights = zip(*weighted, strict=True)

    prior = effective_prior(ClassDistribution(counts), torch.tensor(weights))
    renamed = effective_prior(ClassDistribution([counts[i] for i in order]), torch.tensor(weights)[order])

    assert torch.allclose(renamed, prior[order], rtol=1e-12)


def test_the_minimum_of_the_weighted_cross_entropy_is_the_effective_prior() -> None:
    # A model that sees nothing learns the prior: minimise Σ_c π_c·w_c·(-log q_c) by gradient descent.
    weights = class_weights(PETS, "inverse_sqrt").double()
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-15)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        target = torch.arange(3).repeat_interleave(PETS.counts)
        loss = torch.nn.functional.cross_entropy(logits.expand(100, 3), target, weights)
        loss.backward()
        return loss

    optimizer.step(closure)

    assert torch.allclose(logits.detach().softmax(0), effective_prior(PETS, weights), atol=1e-6)


def test_a_sampler_replaces_the_share_of_the_samples() -> None:
    weights = class_weights(PETS, "balanced")

    assert effective_prior(PETS, torch.ones(3), "uniform").tolist() == pytest.approx([1 / 3] * 3)
    assert torch.allclose(effective_prior(PETS, weights, "train"), effective_prior(PETS, weights), rtol=1e-14)
    # Corrected twice: 1/60 : 1/30 : 1/10.
    assert effective_prior(PETS, weights, sampling="uniform").tolist() == pytest.approx([1 / 9, 2 / 9, 6 / 9])
    assert effective_prior(PETS, torch.ones(3), [0.5, 0.25, 0.25]).tolist() == pytest.approx([0.5, 0.25, 0.25])


def test_a_class_that_never_counts_has_no_share() -> None:
    assert effective_prior(ClassDistribution([6, 4, 0]), torch.ones(3)).tolist() == pytest.approx([0.6, 0.4, 0])
    assert effective_prior(PETS, torch.tensor([1.0, 0.0, 0.0])).tolist() == [1, 0, 0]


def test_the_weight_of_a_label_counts_its_positives_alone() -> None:
    distribution = ClassDistribution([10, 50, 0, 100], task="multilabel", num_samples=100)

    prior = effective_prior(distribution, class_weights(distribution, [9.0, 3.0, 1.0, 1.0]))

    assert prior.tolist() == pytest.approx([0.5, 0.75, 0, 1])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (torch.ones(2), "`class_weights` must have one number for each of the 3 classes, got shape (2,)."),
        (torch.tensor([1.0, -1, 1]), "`class_weights` must be finite and not negative, got -1.0 for class 'dog'."),
        (
            torch.tensor([1.0, 1, torch.nan]),
            "`class_weights` must be finite and not negative, got nan for class 'eel'.",
        ),
        (torch.tensor([torch.inf, 1, 1]), "`class_weights` must be finite and not negative, got inf for class 'cat'."),
        (torch.zeros(3), "`class_weights` must be above 0 for a class that is drawn, got [0.0, 0.0, 0.0]."),
    ],
)
def test_weights_that_weigh_nothing_are_refused(weights, expected) -> None:
    assert refusal(PETS, weights) == expected


def test_a_label_that_never_counts_is_refused() -> None:
    labels = ClassDistribution([9, 4], task="multilabel", num_samples=9)

    assert refusal(labels, [0.0, 0.0]) == ("`class_weights` must be above 0 for a class that is drawn, got [0.0, 0.0].")


def test_a_sampler_of_labels_has_no_prior() -> None:
    labels = ClassDistribution([3, 4], task="multilabel", num_samples=9)

    assert refusal(labels, torch.ones(2), "uniform") == (
        "the distribution must be of classes that exclude each other, got task 'multilabel'. "
        'Make a `ClassDistribution` of two counts and `task="binary"` for each label.'
    )


def training_refusal(*arguments: object, **keywords: object) -> str:
    with pytest.raises(ValueError) as error:
        training_log_prior(*arguments, **keywords)
    return str(error.value)


@given(WEIGHTED)
def test_for_losses_it_is_the_same_where_every_class_counts(weighted) -> None:
    counts, weights = zip(*weighted, strict=True)
    distribution = ClassDistribution(counts)

    assert torch.allclose(training_log_prior(distribution, weights).exp(), effective_prior(distribution, weights))


def test_for_losses_it_is_the_datas_without_anything():
    prior = training_log_prior(PETS)

    assert prior.dtype == torch.float64
    assert torch.allclose(prior, PETS.log_priors)


def test_balanced_weights_and_balanced_batches_each_make_it_uniform_and_together_reversed():
    distribution = PETS
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
def test_for_losses_it_is_a_product_of_its_parts_and_sums_to_1(counts, weights, sampling, adjustment):
    prior = training_log_prior(
        ClassDistribution(counts), weights, sampling, torch.tensor(adjustment, dtype=torch.float64)
    )

    parts = [w * q * math.exp(-a) for w, q, a in zip(weights, sampling, adjustment, strict=True)]
    assert prior.exp().tolist() == pytest.approx([part / sum(parts) for part in parts], rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"sampling": [60, 10, 0]}])
def test_for_losses_an_absent_class_has_the_prior_of_the_rarest(options):
    prior = training_log_prior(ClassDistribution([60, 10, 0]), **options)

    assert prior.exp().tolist() == pytest.approx([0.75, 0.125, 0.125])


def test_for_losses_binary_has_two_entries():
    prior = training_log_prior(ClassDistribution([90, 10], task="binary"), [1.0, 9.0])

    assert prior.exp().tolist() == pytest.approx([0.5, 0.5])


def test_for_losses_multilabel_is_refused():
    distribution = ClassDistribution([1, 2], task="multilabel", num_samples=3)

    assert training_refusal(distribution) == (
        "`distribution` must be multiclass or binary for a prior over its classes, got a multilabel one, in which each "
        "label has a prior of its own."
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"class_weights": [1.0, 2.0]}, "`class_weights` must have one number for each of the 3 classes, got shape (2,)."),
        ({"class_weights": [1.0, 0.0, 2.0]}, "`class_weights` must be finite and above 0, got 0.0 for class 'dog'."),
        ({"class_weights": [1.0, -1.0, 2.0]}, "`class_weights` must be finite and above 0, got -1.0 for class 'dog'."),
        ({"class_weights": [1.0, 1.0, math.inf]}, "`class_weights` must be finite and above 0, got inf for class 'eel'."),
        ({"sampling": [1.0]}, "`sampling` must have one number for each of the 3 classes, got shape (1,)."),
        ({"sampling": [-1.0, 0.0, 2.0]}, "`sampling` must be finite and not negative, got -1.0 for class 'cat'."),
        ({"sampling": [1.0, math.nan, 2.0]}, "`sampling` must be finite and not negative, got nan for class 'dog'."),
    ],
)  # fmt: skip
def test_for_losses_what_is_no_number_a_class_is_refused(options, expected):
    assert training_refusal(PETS, **options) == expected
