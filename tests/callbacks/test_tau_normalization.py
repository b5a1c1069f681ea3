from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import TauNormalization, TemperatureScaling, ThresholdTuning
from lightning_imbalance.functional import best_tau, fit_temperature, tau_normalized


def network(*, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3, bias=bias))


@pytest.fixture
def fitted(tiny_trainer, blobs):
    """Fit a model, and give it with its Trainer and its predictions for the validation data."""

    def fit(*callbacks, model=None, **options):
        held_out = blobs([30, 20, 20])
        model = WeightedClassifier(network() if model is None else model)
        trainer = tiny_trainer(callbacks=list(callbacks), max_epochs=3)
        trainer.fit(model, DataLoader(blobs([200, 20, 10]), 8, shuffle=True), DataLoader(held_out, 16))
        inputs, target = held_out.tensors
        (predicted,) = trainer.predict(model, DataLoader(inputs, 70))
        return model, trainer, inputs, target, predicted

    return fit


@pytest.mark.parametrize("tau", ["auto", 0.0, 0.7])
@pytest.mark.parametrize("keep_bias", [False, True])
def test_predictions_are_those_of_the_normalized_layer(tau, keep_bias, fitted):
    normalization = TauNormalization(tau, keep_bias=keep_bias)

    model, _, inputs, target, predicted = fitted(normalization)

    layer, features = model.model[2], model.model[:2](inputs)
    if tau == "auto":
        tau = best_tau(features @ layer.weight.T, layer.weight, target)
    assert normalization.result == tau
    logits = F.linear(features, tau_normalized(layer.weight, tau), layer.bias if keep_bias else None)
    assert torch.allclose(predicted, logits.softmax(1), atol=1e-5)


def test_logits_that_are_nan_are_the_heads_and_training_goes_on(tiny_trainer, blobs):
    held_out = blobs([6, 6, 6])
    held_out.tensors[0][0] = torch.nan
    trainer = tiny_trainer(callbacks=[normalization := TauNormalization()], max_epochs=2)

    with pytest.warns(UserWarning, match="finite") as caught:
        trainer.fit(WeightedClassifier(network()), DataLoader(blobs([9, 6, 3]), 6), DataLoader(held_out, 6))

    assert [str(each.message) for each in caught if "finite" in str(each.message)] == [
        "TauNormalization is not fitted: the logits must be finite for τ to be chosen, got NaN or inf."
    ]
    assert trainer.current_epoch == 2
    assert normalization.result is None


def test_the_model_stays_as_it_is(fitted):
    model, trainer, inputs, _, predicted = fitted(TauNormalization(1.0))

    lengths = model.model[2].weight.norm(dim=1)
    assert not torch.allclose(lengths, torch.ones(3), atol=0.01)
    assert not torch.allclose(model(inputs).softmax(1), predicted, atol=1e-3)
    assert not any(module._forward_hooks for module in model.modules())
    (again,) = trainer.predict(model, DataLoader(inputs, 70))
    assert torch.equal(again, predicted)


def test_a_layer_without_bias_will_do(fitted):
    normalization = TauNormalization(0.5)

    model, _, inputs, _, predicted = fitted(normalization, model=network(bias=False))

    logits = model.model[:2](inputs) @ tau_normalized(model.model[2].weight, 0.5).T
    assert torch.allclose(predicted, logits.softmax(1), atol=1e-6)


def test_a_temperature_after_it_is_fitted_on_what_it_gives(fitted):
    normalization, scaling = TauNormalization(0.7, head="model.2"), TemperatureScaling()

    model, _, inputs, target, predicted = fitted(normalization, scaling)

    logits = model.model[:2](inputs) @ tau_normalized(model.model[2].weight, 0.7).T
    temperature = fit_temperature(logits, target).temperature
    assert scaling.result.temperature == pytest.approx(temperature, rel=1e-3)
    assert torch.allclose(predicted, (logits / temperature).softmax(1), atol=1e-3)


def test_tau_comes_back_from_a_checkpoint_and_the_lengths_from_its_weights(fitted, tiny_trainer, tmp_path):
    normalization = TauNormalization()
    _, trainer, inputs, _, predicted = fitted(normalization)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)["callbacks"][normalization.state_key]
    assert saved == {"parameters": {"tau": normalization.result}}

    trainer = tiny_trainer(callbacks=[TauNormalization()])
    (again,) = trainer.predict(WeightedClassifier(network()), DataLoader(inputs, 70), ckpt_path=tmp_path / "model.ckpt")

    assert torch.equal(again, predicted)


def test_a_number_that_is_given_comes_before_that_of_a_checkpoint():
    normalization = TauNormalization(0.5)

    normalization.load_state_dict({"parameters": {"tau": 1.0}})

    assert normalization.result == 0.5


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.5, "auto"])
def test_a_layer_whose_outputs_are_not_the_logits_is_refused_in_the_first_validation(tau, fitted):
    with pytest.raises(ValueError) as error:
        fitted(TauNormalization(tau, head="model.0"))

    assert str(error.value) == (
        'the logits must be the outputs of the last layer for τ-normalization, got others. Name it: `TauNormalization(head="model.fc")`.'
    )


def test_it_is_refused_in_predictions_too(tiny_trainer):
    model = WeightedClassifier(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), num_classes=3)

    with pytest.raises(ValueError, match="the logits must be the outputs of the last layer"):
        tiny_trainer(callbacks=[TauNormalization(0.5)]).predict(model, DataLoader(torch.ones(2, 3)))

    assert not any(module._forward_hooks for module in model.modules())


def predict(tiny_trainer, *callbacks, model=None, posthoc=(), **arguments):
    model = WeightedClassifier(network() if model is None else model, **({"num_classes": 3} | arguments))
    model.posthoc += posthoc
    tiny_trainer(callbacks=list(callbacks)).predict(model, DataLoader(torch.ones(2, 3)))


@pytest.mark.parametrize("earlier", [TemperatureScaling(), ThresholdTuning()])
def test_it_must_be_the_first(earlier, tiny_trainer):
    with pytest.raises(ValueError) as error:
        predict(tiny_trainer, earlier, TauNormalization(0.5))

    assert str(error.value) == (
        "TauNormalization must come before the other callbacks that change or read logits, got "
        f"{type(earlier).__name__} before it."
    )


def test_functions_that_change_the_logits_before_it_are_refused(tiny_trainer):
    with pytest.raises(ValueError) as error:
        predict(tiny_trainer, TauNormalization(0.5), posthoc=[torch.tanh])

    assert str(error.value) == (
        "the module's `posthoc` must be empty before τ-normalization, got functions that change the logits."
    )


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_classes_that_do_not_compete_are_refused(task, tiny_trainer):
    with pytest.raises(ValueError) as error:
        predict(tiny_trainer, TauNormalization(0.5), task=task, num_classes=2)

    assert str(error.value) == (
        f"τ-normalization needs classes that compete, `task='multiclass'`, got {task!r}, where a factor of a logit changes no decision."
    )


def test_a_head_that_is_not_linear_is_refused(tiny_trainer):
    with pytest.raises(TypeError) as error:
        predict(tiny_trainer, TauNormalization(0.5, head="model.1"))

    assert str(error.value) == "`head` must name a torch.nn.Linear for τ-normalization, got ReLU for 'model.1'."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": "best"}, "`tau` must be a finite number or 'auto', got 'best'."),
        ({"tau": None}, "`tau` must be a finite number or 'auto', got None."),
        ({"tau": float("inf")}, "`tau` must be a finite number or 'auto', got inf."),
        ({"taus": []}, "`taus` must be finite numbers, at least one, got []."),
        ({"taus": [float("nan")]}, "`taus` must be finite numbers, at least one, got [nan]."),
    ],
)
def test_a_mistake_is_named(options, message):
    with pytest.raises(ValueError) as error:
        TauNormalization(**options)

    assert str(error.value) == message
