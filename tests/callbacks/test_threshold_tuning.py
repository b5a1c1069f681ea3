from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import TemperatureScaling, ThresholdTuning
from lightning_imbalance.functional import best_offsets, best_thresholds, decide_by_offsets, decide_by_thresholds


def validated(tiny_trainer, logits, target, *callbacks, **arguments):
    model = WeightedClassifier(nn.Identity(), **arguments)
    trainer = tiny_trainer(callbacks=list(callbacks))
    trainer.validate(model, DataLoader(TensorDataset(logits, target), 7), verbose=False)
    (probabilities,) = trainer.predict(model, DataLoader(logits, len(logits)))
    return trainer, probabilities


def test_several_classes_get_offsets(tiny_trainer):
    logits, target = torch.randn(200, 3) - torch.arange(3), torch.arange(200) % 3
    logits += 2 * torch.eye(3)[target]
    tuning = ThresholdTuning()

    _, probabilities = validated(tiny_trainer, logits, target, tuning, num_classes=3)

    offsets = best_offsets(logits.softmax(1), target)
    assert torch.equal(tuning.result, offsets)
    assert torch.equal(probabilities, logits.softmax(1))
    assert torch.equal(tuning.decide(probabilities), decide_by_offsets(probabilities, offsets))


def saved(tp, fp, fn, tn):
    return tp - 3 * fp


@pytest.mark.parametrize("task", ["binary", "multilabel"])
@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1", saved], ids=["ba", "f1", "cost"])
def test_yes_and_no_get_thresholds(task, metric, tiny_trainer):
    shape = (300,) if task == "binary" else (300, 2)
    target = (torch.rand(shape) < 0.3).long()
    logits = torch.randn(shape) + target - 1
    tuning = ThresholdTuning(metric)

    _, probabilities = validated(tiny_trainer, logits, target, tuning, num_classes=2, task=task)

    thresholds = best_thresholds(logits.sigmoid(), target, task, metric=metric)
    assert torch.equal(tuning.result, thresholds)
    assert torch.equal(tuning.decide(probabilities), decide_by_thresholds(probabilities, thresholds))


def test_after_a_temperature_it_is_tuned_on_what_that_gives(tiny_trainer):
    target = (torch.rand(300) < 0.3).long()
    logits = 5 * (torch.randn(300) + target)
    scaling, tuning = TemperatureScaling(per_class_bias=True), ThresholdTuning()

    _, probabilities = validated(tiny_trainer, logits, target, scaling, tuning, task="binary")

    assert torch.equal(tuning.result, best_thresholds(probabilities, target))


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_a_checkpoint_is_read_without_trust(task, tiny_trainer, tmp_path):
    classes = 3 if task == "multiclass" else 2
    target = torch.arange(60) % classes
    logits = torch.randn(60, 3) if task == "multiclass" else torch.randn(60)
    tuning = ThresholdTuning(min_samples=20)
    trainer, probabilities = validated(tiny_trainer, logits, target, tuning, num_classes=classes, task=task)
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    fresh = ThresholdTuning()
    fresh.load_state_dict(torch.load(tmp_path / "model.ckpt", weights_only=True)["callbacks"][tuning.state_key])

    assert torch.equal(fresh.decide(probabilities), tuning.decide(probabilities))


def test_the_modules_names_stand_in_the_refusal(tiny_trainer):
    model = WeightedClassifier(nn.Identity(), class_names=["cat", "dog"])
    data = TensorDataset(torch.randn(60, 2), torch.tensor([0] * 55 + [1] * 5))

    with pytest.raises(ValueError, match=r"got 5 of 'dog'\."):
        tiny_trainer(callbacks=[ThresholdTuning()]).validate(model, DataLoader(data, 60), verbose=False)


def test_decisions_before_the_fit_are_refused():
    with pytest.raises(RuntimeError) as error:
        ThresholdTuning().decide(torch.rand(3))

    assert str(error.value) == "ThresholdTuning must be fitted before decisions, got none yet."


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError) as error:
        ThresholdTuning("recall")

    assert str(error.value) == (
        "`metric` must be 'balanced_accuracy', 'f1' or a function of tp, fp, fn and tn, got 'recall'."
    )


def test_a_metric_without_a_search_is_refused_before_training(tiny_trainer, blobs):
    with pytest.raises(ValueError) as error:
        tiny_trainer(callbacks=[ThresholdTuning("f1")]).fit(
            WeightedClassifier(nn.Linear(3, 3)), DataLoader(blobs([5, 5, 5]))
        )

    assert str(error.value) == "`metric` must be 'balanced_accuracy' for a multiclass module, got 'f1'."
