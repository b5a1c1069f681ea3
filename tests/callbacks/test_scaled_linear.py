from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lightning_imbalance.callbacks.scaled_linear import ScaledLinear, is_plain_linear


@pytest.fixture(params=[True, False], ids=["bias", "no bias"])
def layer(request) -> nn.Linear:
    return nn.Linear(4, 3, bias=request.param)


FACTORS = torch.tensor([0.5, 2.0, 3.0])


def scaled_by(layer: nn.Linear, factors: torch.Tensor = FACTORS) -> ScaledLinear:
    scaled = ScaledLinear(layer)
    scaled.start()
    with torch.no_grad():
        scaled.scale.copy_(factors)
    return scaled


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 5, 4)])
def test_outputs_are_multiplied_along_the_classes_from_the_start_on(layer, shape):
    inputs = torch.randn(shape)
    before = layer(inputs)

    scaled = ScaledLinear(layer)
    with torch.no_grad():
        scaled.scale.copy_(FACTORS)
    unstarted = layer(inputs)
    unstarted.sum().backward()
    scaled.start()

    assert torch.equal(unstarted, before)
    assert scaled.scale.grad is None
    assert torch.equal(layer(inputs), before * FACTORS)


def test_what_is_folded_gives_the_same_and_leaves_no_trace(layer):
    untouched = copy.deepcopy(layer)
    inputs = torch.randn(5, 4)
    scaled = scaled_by(layer)
    expected = layer(inputs)

    scaled.fold()

    torch.testing.assert_close(layer(inputs), expected)
    assert list(layer.state_dict()) == list(untouched.state_dict())
    assert vars(layer).keys() == vars(untouched).keys()
    for name in ("_forward_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks"):
        assert not getattr(layer, name)


def test_a_state_dict_loads_into_a_layer_that_was_never_scaled(layer):
    fresh = nn.Linear(4, 3, bias=layer.bias is not None)
    network = nn.Sequential(nn.ReLU(), layer)
    scaled_by(layer)

    nn.Sequential(nn.ReLU(), fresh).load_state_dict(network.state_dict())

    inputs = torch.randn(5, 4)
    torch.testing.assert_close(fresh(inputs), layer(inputs))


def test_a_state_dict_that_is_loaded_is_what_the_layer_then_gives(layer):
    other = nn.Linear(4, 3, bias=layer.bias is not None)
    scaled = scaled_by(layer)

    layer.load_state_dict(other.state_dict())

    inputs = torch.randn(5, 4)
    assert torch.equal(layer(inputs), other(inputs))
    assert scaled.scale.tolist() == [1, 1, 1]


def test_what_was_folded_is_taken_apart_to_the_same_bits(layer):
    scaled = scaled_by(layer, torch.rand(3))
    state = scaled.state()
    scaled.fold()

    again = ScaledLinear(layer)
    again.restore(state)

    assert all(torch.equal(value, state[name]) for name, value in again.state().items())


def test_other_weights_are_not_taken_for_what_was_folded(layer):
    scaled = scaled_by(layer)
    state = scaled.state()
    scaled.fold()
    with torch.no_grad():
        layer.weight += 1
    expected = layer.weight.clone()

    again = ScaledLinear(layer)
    again.restore(state)

    assert again.scale.tolist() == [1, 1, 1]
    assert torch.equal(layer.weight, expected)


def test_a_copy_is_scaled_by_factors_of_its_own(layer):
    scaled_by(layer)
    copied = copy.deepcopy(layer)
    inputs = torch.randn(5, 4)
    expected = layer(inputs)
    with torch.no_grad():
        layer.class_scale.zero_()

    assert torch.equal(copied(inputs), expected)


def test_outputs_keep_their_type_under_autocast(layer):
    scaled_by(layer)

    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(5, 4)).dtype == torch.bfloat16


def test_gradients_are_those_of_the_factors(layer):
    scaled = scaled_by(layer)
    inputs = torch.randn(5, 4)
    outputs = layer(inputs)

    outputs.sum().backward()

    torch.testing.assert_close(scaled.scale.grad, (outputs / FACTORS).sum(0))


def test_compiled_code_sees_the_start(layer):
    scaled = ScaledLinear(layer)
    compiled = torch.compile(nn.Sequential(layer), backend="eager")
    inputs = torch.randn(5, 4)
    before = compiled(inputs)
    with torch.no_grad():
        scaled.scale.copy_(FACTORS)

    scaled.start()

    torch.testing.assert_close(compiled(inputs), before * FACTORS)


class Doubled(nn.Linear):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


class Named(nn.Linear):
    pass


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Linear(2, 3), True),
        (Named(2, 3), True),
        (Doubled(2, 3), False),
        (nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), False),
        (nn.Conv1d(2, 3, 1), False),
    ],
)
def test_a_layer_is_plain_where_factors_can_be_folded(layer, expected):
    assert is_plain_linear(layer) is expected
