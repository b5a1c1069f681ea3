"""Weights beside a loss that corrects for the counts: said once, with the prior that the model then learns."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.losses import BalancedSoftmaxLoss, LDAMLoss, LogitAdjustedLoss, WeightedCrossEntropy
from lightning_imbalance.two_corrections import warn_of_two_corrections

DISTRIBUTION = ClassDistribution([90, 9, 1], ["nevus", "keratosis", "melanoma"])
BALANCED = class_weights(DISTRIBUTION)


def test_weights_beside_balanced_softmax_are_named_with_the_prior_they_lead_to():
    loss = BalancedSoftmaxLoss().adapt(DISTRIBUTION)

    with pytest.warns(UserWarning, match="corrected for once") as warned:
        warn_of_two_corrections(loss, DISTRIBUTION, BALANCED)

    # Balanced weights are proportional to 1 / n: 1/90, 1/9, 1.
    assert [str(each.message) for each in warned] == [
        (
            "the counts must be corrected for once, got weights and BalancedSoftmaxLoss(), which does it by itself. The "
            "model learns the class prior 'nevus' 0.0099, 'keratosis' 0.099, 'melanoma' 0.891. Pass "
            '`weighting="uniform"`, or another loss.'
        )
    ]


@pytest.mark.parametrize(
    ("loss", "weights"),
    [
        (WeightedCrossEntropy(), BALANCED),
        (BalancedSoftmaxLoss().adapt(DISTRIBUTION), torch.ones(3)),
        (LogitAdjustedLoss(tau=0.0).adapt(DISTRIBUTION), BALANCED),
        # Its logits are no posteriors, and its authors weight it on purpose.
        (LDAMLoss().adapt(DISTRIBUTION), BALANCED),
    ],
    ids=["weights alone", "the loss alone", "an adjustment of nothing", "margins"],
)
def test_one_correction_needs_no_word(loss, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_two_corrections(loss, DISTRIBUTION, weights)


def test_an_absent_class_is_no_second_correction():
    distribution = ClassDistribution([90, 0, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_two_corrections(WeightedCrossEntropy(), distribution, torch.tensor([0.5, 5.0, 5.0]))


def test_a_fit_says_it(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3), loss="balanced_softmax")

    with pytest.warns(UserWarning, match="corrected for once"):
        tiny_trainer().fit(model, DataLoader(blobs([20, 8, 4]), 8))
