from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.losses import (
    BalancedSoftmaxLoss,
    LogitAdjustedLoss,
    VectorScalingLoss,
    WeightedBCE,
    WeightedCrossEntropy,
)

COUNTS = [60, 30, 10]
DISTRIBUTION = ClassDistribution(COUNTS)
WEIGHTS = [0.5, 1.0, 3.0]
SAMPLING = [0.2, 0.3, 0.5]


def trained(loss, distribution, class_weights, sampling) -> torch.Tensor:
    """The logits that a model without inputs learns: all its evidence is the prior of the training."""
    classes = distribution.num_classes
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    shares = distribution.priors if sampling is None else torch.tensor(sampling, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [logits], max_iter=200, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        if loss.task == "binary":
            terms = loss.terms((logits[:, 1] - logits[:, 0]).expand(2), torch.arange(2), class_weights)
        else:
            terms = loss.terms(logits.expand(classes, -1), torch.arange(classes), class_weights)
        value = (shares * terms.loss).sum()
        value.backward()
        return value

    optimizer.step(closure)
    return logits.detach()[0].log_softmax(0)


@pytest.mark.parametrize(
    "loss",
    [
        WeightedCrossEntropy(),
        BalancedSoftmaxLoss(),
        LogitAdjustedLoss(tau=0.5),
        LogitAdjustedLoss(tau=2.0),
        VectorScalingLoss(gamma=0.0, tau=1.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("sampling", [None, SAMPLING], ids=["natural", "sampled"])
def test_the_log_prior_is_what_a_model_without_inputs_learns(loss, weights, sampling):
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)

    prior = loss.adapt(DISTRIBUTION).log_prior(DISTRIBUTION, weights, sampling)

    assert prior.dtype == torch.float64
    assert torch.allclose(prior, trained(loss, DISTRIBUTION, weights, sampling), atol=1e-5)


@pytest.mark.parametrize("loss", [WeightedBCE(), LogitAdjustedLoss(tau=0.5, task="binary")], ids=repr)
@pytest.mark.parametrize("weights", [None, [0.5, 3.0]], ids=["plain", "weighted"])
@pytest.mark.parametrize("sampling", [None, [0.4, 0.6]], ids=["natural", "sampled"])
def test_binary_has_the_prior_that_a_model_without_inputs_learns(loss, weights, sampling):
    distribution = ClassDistribution([90, 10], task="binary")
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)

    prior = loss.adapt(distribution).log_prior(distribution, weights, sampling)

    assert torch.allclose(prior, trained(loss, distribution, weights, sampling), atol=1e-5)


@given(st.floats(0, 3), st.lists(st.integers(1, 10**6), min_size=2, max_size=8))
def test_without_weights_and_sampler_it_is_what_the_adjustment_leaves(tau, counts):
    distribution = ClassDistribution(counts)

    prior = LogitAdjustedLoss(tau).adapt(distribution).log_prior(distribution)

    assert torch.allclose(prior, ((1 - tau) * distribution.log_priors).log_softmax(0), atol=1e-9)


def test_balanced_softmax_leaves_a_uniform_prior_and_with_balanced_batches_a_reversed_one():
    loss = BalancedSoftmaxLoss().adapt(DISTRIBUTION)

    alone, twice = loss.log_prior(DISTRIBUTION), loss.log_prior(DISTRIBUTION, sampling=[1, 1, 1])

    assert alone.exp().tolist() == pytest.approx([1 / 3] * 3)
    assert twice.exp().tolist() == pytest.approx([1 / 9, 2 / 9, 6 / 9])


def test_balanced_weights_and_an_adjustment_correct_twice():
    prior = BalancedSoftmaxLoss().adapt(DISTRIBUTION).log_prior(DISTRIBUTION, class_weights(DISTRIBUTION))

    assert prior.exp().tolist() == pytest.approx([1 / 9, 2 / 9, 6 / 9])


def test_the_adjustment_is_that_of_the_counts_it_was_adapted_to():
    loss = BalancedSoftmaxLoss().adapt(ClassDistribution([1, 1, 8]))

    assert loss.log_prior(DISTRIBUTION).exp().tolist() == pytest.approx([48 / 73, 24 / 73, 1 / 73])


def test_an_absent_class_has_a_finite_log_prior():
    distribution = ClassDistribution([90, 10, 0])

    prior = BalancedSoftmaxLoss().adapt(distribution).log_prior(distribution)

    assert prior.exp().tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("loss", [LogitAdjustedLoss(), BalancedSoftmaxLoss(), VectorScalingLoss(gamma=0.0)], ids=repr)
def test_without_counts_there_is_no_log_prior(loss):
    with pytest.raises(RuntimeError, match="adapt"):
        loss.log_prior(DISTRIBUTION)
