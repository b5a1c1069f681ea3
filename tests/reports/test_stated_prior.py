from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.reports.stated_prior import StatedPrior, for_shares, predicted_logits, stated_prior

COUNTS = [80, 15, 5]


def fitted(**arguments) -> WeightedClassifier:
    model = WeightedClassifier(nn.Identity(), num_classes=3, **arguments)
    distribution = ClassDistribution(COUNTS, task=model.task, num_samples=100)
    model.adopt(distribution)
    model.fill(distribution, class_weights(distribution, model.weighting))
    return model


def test_the_prior_is_the_one_of_weights_and_data():
    assert stated_prior(fitted(weighting="balanced")).training.tolist() == pytest.approx([1 / 3] * 3, abs=1e-7)
    assert stated_prior(fitted(weighting="uniform")).training.tolist() == pytest.approx([0.8, 0.15, 0.05])


def test_predicted_logits_give_what_predict_gives():
    logits = torch.randn(6, 3)
    for target in (None, "uniform", [0.2, 0.3, 0.5]):
        model = fitted(weighting="balanced", target_prior=target)

        found = predicted_logits(model, stated_prior(model), logits)

        assert torch.allclose(found.softmax(1), model.predict_step(logits, 0).double(), atol=1e-6)


def test_for_the_shares_of_the_samples_a_balanced_model_becomes_one_of_the_data():
    """Logits that are exact posteriors under a uniform prior are exact ones under the samples' prior afterwards."""
    model = fitted(weighting="balanced")
    likelihood = torch.rand(50, 3, dtype=torch.float64)
    samples = torch.tensor([60, 30, 10])

    found = for_shares(likelihood.log(), stated_prior(model), samples, model.distribution)

    expected = likelihood * samples
    assert torch.allclose(found.softmax(1), expected / expected.sum(1, keepdim=True), atol=1e-6)


def test_a_class_without_samples_is_impossible_there_and_one_that_was_not_trained_is_refused():
    distribution = ClassDistribution([5, 5, 0])
    prior = StatedPrior(torch.full((3,), 1 / 3, dtype=torch.float64), None, "")

    found = for_shares(torch.zeros(1, 3), prior, torch.tensor([3, 1, 0]), distribution)

    assert found.softmax(1)[0].tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert for_shares(torch.zeros(1, 3), prior, torch.tensor([3, 0, 1]), distribution) is None


@pytest.mark.parametrize(
    ("arguments", "lost", "why"),
    [
        ({"loss": "focal"}, None, "the logits of a model must be class posteriors for a prior to be known, and training with FocalLoss() does not make them so. Calibrate its probabilities on held-out data instead: temperature scaling."),
        ({"task": "multilabel"}, None, "each label is a question of its own, with a prior of its own."),
        ({}, "Mine()", "it was trained with the loss Mine(), which the checkpoint does not hold: give the model the same loss and report from Python."),
    ],
)  # fmt: skip
def test_where_no_prior_is_known_it_says_why(arguments, lost, why):
    model = fitted(**arguments)

    prior = stated_prior(model, lost)

    assert prior == StatedPrior(None, None, why)
    logits = torch.randn(4, 3)
    assert torch.equal(predicted_logits(model, prior, logits), logits.double())
    assert for_shares(logits, prior, torch.tensor([2, 1, 1]), model.distribution) is None


def test_what_was_fitted_after_training_makes_the_prior_unknown_and_is_applied():
    model = fitted()
    model.posthoc.append(lambda logits: logits / 2)

    prior = stated_prior(model)

    assert prior.unknown == "what was fitted after training changes them."
    assert predicted_logits(model, prior, torch.ones(1, 3)).tolist() == [[0.5, 0.5, 0.5]]
