from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import TemperatureScaling
from lightning_imbalance.functional import fit_temperature


@pytest.fixture
def overlapping(blobs):
    return blobs([40, 30, 20])


def knowing() -> nn.Linear:
    """A network that says something about the blobs before it is trained."""
    network = nn.Linear(3, 3)
    nn.init.eye_(network.weight)
    return network


@pytest.mark.parametrize("bias", [False, True])
def test_it_is_the_function_on_the_validation_logits(bias, tiny_trainer, blobs, overlapping):
    scaling, model = TemperatureScaling(per_class_bias=bias), WeightedClassifier(knowing())
    inputs, target = overlapping.tensors
    trainer = tiny_trainer(callbacks=[scaling])

    trainer.fit(model, DataLoader(blobs([20, 5, 5]), 8), DataLoader(overlapping, 16))
    (predicted,) = trainer.predict(model, DataLoader(inputs, 90))

    fitted = fit_temperature(model(inputs), target, per_class_bias=bias)
    assert scaling.result.temperature == pytest.approx(fitted.temperature, rel=1e-4)
    scaled = model(inputs) / fitted.temperature + (fitted.bias.float() if bias else 0)
    assert torch.allclose(predicted, scaled.softmax(1), atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_a_checkpoint_is_read_without_trust(bias, tiny_trainer, overlapping, tmp_path):
    scaling = TemperatureScaling(per_class_bias=bias)
    trainer = tiny_trainer(callbacks=[scaling])
    trainer.fit(WeightedClassifier(knowing()), DataLoader(overlapping, 30), DataLoader(overlapping, 30))
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    state = torch.load(tmp_path / "model.ckpt", weights_only=True)["callbacks"][scaling.state_key]

    fresh = TemperatureScaling(per_class_bias=bias)
    fresh.load_state_dict(state)
    logits = torch.randn(4, 3)
    assert torch.equal(fresh.transform(logits), scaling.transform(logits))


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_yes_and_no_are_scaled_before_the_sigmoid(task, tiny_trainer):
    width = 1 if task == "binary" else 3
    logits, target = 4 * torch.randn(60, width), torch.randint(2, (60, width))
    target = torch.where(torch.rand(60, width) < 0.7, (logits > 0).long(), target)
    scaling, model = TemperatureScaling(), WeightedClassifier(nn.Identity(), task=task, num_classes=max(width, 2))
    trainer = tiny_trainer(callbacks=[scaling])

    trainer.validate(model, DataLoader(torch.utils.data.TensorDataset(logits, target), 20), verbose=False)
    (predicted,) = trainer.predict(model, DataLoader(logits, 60))

    expected = (logits / scaling.result.temperature).sigmoid()
    assert torch.allclose(predicted, expected.squeeze(1) if task == "binary" else expected)


def test_the_modules_ignored_targets_are_left_out(tiny_trainer):
    logits, target = torch.randn(60, 3), torch.arange(60) % 4 - 1
    scaling, model = TemperatureScaling(), WeightedClassifier(nn.Identity(), num_classes=3, ignore_index=-1)
    logits[target >= 0] += torch.eye(3)[target[target >= 0]]

    tiny_trainer(callbacks=[scaling]).validate(
        model, DataLoader(torch.utils.data.TensorDataset(logits, target), 20), verbose=False
    )

    assert scaling.result.temperature == pytest.approx(
        fit_temperature(logits[target >= 0], target[target >= 0]).temperature
    )


def test_no_iterations_are_refused():
    with pytest.raises(ValueError) as error:
        TemperatureScaling(max_iter=0)

    assert str(error.value) == "`max_iter` must be at least 1, got 0."
