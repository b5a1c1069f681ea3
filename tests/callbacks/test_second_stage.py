from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import ClassifierRetraining, DeferredReweighting, LearnableWeightScaling

STAGES = [ClassifierRetraining, LearnableWeightScaling]


@pytest.fixture
def refusal(tiny_trainer):
    def of(callback, *others) -> str:
        trainer = tiny_trainer(max_epochs=3, callbacks=[callback, *others])
        with pytest.raises(ValueError) as error:
            callback.setup(trainer, WeightedClassifier(nn.Linear(3, 3), 3), "fit")
        return str(error.value)

    return of


@pytest.mark.parametrize("kind", STAGES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of `start_epoch` and `start` must be given, got start_epoch=None and start=None."),
        ({"start_epoch": -1}, "`start_epoch` must be an integer from 0 on, got -1."),
        ({"start": 1.0}, "`start` must be from 0 to below 1, got 1.0."),
    ],
)
def test_a_start_that_is_none_is_refused_by_every_stage(kind, options, message):
    with pytest.raises(ValueError) as error:
        kind(**options)

    assert str(error.value) == message


@pytest.mark.parametrize("kind", STAGES)
def test_a_start_that_never_comes_is_refused_by_every_stage(kind, refusal):
    assert refusal(kind(3)) == "`start_epoch` must be below `max_epochs`, or it never comes, got 3 of 3."


def test_a_fit_has_one_second_stage(refusal):
    assert refusal(ClassifierRetraining(1), LearnableWeightScaling(2)) == (
        "a fit must have one second stage, got ClassifierRetraining and LearnableWeightScaling. Leave one out."
    )


def test_class_weights_are_changed_by_one_callback(refusal):
    assert refusal(ClassifierRetraining(1), DeferredReweighting(start_epoch=1)) == (
        "the class weights must be changed by one callback, got ClassifierRetraining and DeferredReweighting. Pass "
        "`ClassifierRetraining(..., weighting=None)`, or leave DeferredReweighting out."
    )


@pytest.mark.parametrize("kind", STAGES)
def test_deferred_weights_go_with_a_stage_that_leaves_them(kind, tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3), weighting="uniform")
    callbacks = [kind(1, weighting=None), DeferredReweighting(start_epoch=1, scheme="balanced")]

    tiny_trainer(max_epochs=2, callbacks=callbacks).fit(model, torch.utils.data.DataLoader(blobs([20, 5, 5]), 10))

    assert model.class_weights.tolist() == pytest.approx([0.5, 2, 2])
