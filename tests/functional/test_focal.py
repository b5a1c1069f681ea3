from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import sigmoid_focal_loss

from lightning_imbalance.functional import focal, weighted_bce, weighted_cross_entropy
from lightning_imbalance.functional.focal import focused

WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)
PAIR = torch.tensor([0.5, 4.0], dtype=torch.float64)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_multiclass_is_the_definition_in_plain_python(gamma, plain_log_softmax, plain_mean):
    logits, target = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 3
    target[4] = -1

    def value(z, y):
        p = math.exp(plain_log_softmax(z)[y])
        return -((1 - p) ** gamma) * math.log(p)

    loss = focal(logits, target, WEIGHT, gamma=gamma, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_the_sigmoid_form_is_the_definition_in_plain_python(task, gamma, plain_binary_mean):
    logits, target = torch.randn(6, 3, dtype=torch.float64), torch.randint(2, (6, 3))
    weight = PAIR if task == "binary" else WEIGHT

    def value(p, y):
        p = p if y else 1 - p
        return -((1 - p) ** gamma) * math.log(p)

    loss = focal(logits, target, weight, gamma=gamma, task=task)

    expected = plain_binary_mean(
        value, logits, target, lambda label: PAIR.tolist() if task == "binary" else (1.0, WEIGHT[label].item())
    )
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_the_sigmoid_form_is_torchvisions():
    logits, target = torch.randn(6, 3), torch.randint(2, (6, 3))

    ours = focal(logits, target, gamma=2.0, task="multilabel", reduction="none")

    assert torch.allclose(ours, sigmoid_focal_loss(logits, target.float(), alpha=-1, gamma=2.0), rtol=1e-5)


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_without_focus_it_is_the_cross_entropy(task):
    logits = torch.randn(6, 3, dtype=torch.float64)
    if task == "multiclass":
        target, weight = torch.arange(6) % 3, WEIGHT
        expected = weighted_cross_entropy(logits, target, weight)
    else:
        target, weight = torch.randint(2, (6, 3)), PAIR if task == "binary" else WEIGHT
        expected = weighted_bce(logits, target, weight, task=task)

    assert torch.allclose(focal(logits, target, weight, gamma=0.0, task=task), expected)


def test_the_weight_stays_outside_of_the_probability():
    """Taken from the weighted cross-entropy, p would be 0.135 to the power of 0.2, which is 0.670."""
    logits = torch.tensor([[math.log(0.135), math.log(0.865)]])

    loss = focal(logits, torch.tensor([0]), torch.tensor([0.2, 1.0]), reduction="sum")

    assert loss.item() == pytest.approx(-0.2 * (1 - 0.135) ** 2 * math.log(0.135), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.001, 0.1, 0.5, 0.999, 1.0, 2.0])
@pytest.mark.parametrize("log_p", [-1e-30, -1e-20, -1e-7, -1.0, -2e4])
def test_the_gradient_is_right_however_confident_the_model(gamma, log_p):
    value = torch.tensor(log_p, requires_grad=True)

    focused(value, gamma).backward()

    # The derivative of -(1 - e^l)^γ·l.
    x, missed = value.item(), -math.expm1(value.item())
    exact = gamma * missed ** (gamma - 1) * math.exp(x) * x - missed**gamma
    assert value.grad.item() == pytest.approx(exact, rel=1e-4, abs=1e-37)


@pytest.mark.parametrize("gamma", [0.0, 0.001, 0.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_sample_of_probability_1_costs_nothing_and_has_a_finite_gradient(gamma, dtype):
    logits = torch.tensor([[100.0, -100.0]], dtype=dtype, requires_grad=True)

    loss = focal(logits, torch.tensor([0]), gamma=gamma)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().max().item() < 1e-30


@given(st.integers(0, 2**16), st.floats(0, 5))
def test_a_mixture_of_classes_costs_the_mixture_of_their_losses(seed, gamma):
    torch.manual_seed(seed)
    logits, share = torch.randn(1, 3, dtype=torch.float64), torch.rand(3, dtype=torch.float64).softmax(0)

    mixed = focal(logits, share[None], WEIGHT, gamma=gamma, reduction="sum")

    apart = [focal(logits, torch.tensor([y]), WEIGHT, gamma=gamma, reduction="sum") for y in range(3)]
    assert torch.allclose(mixed, torch.stack(apart) @ share)


@given(st.integers(0, 2**16), st.floats(0, 3), st.floats(0.1, 3))
def test_a_larger_focus_never_costs_more(seed, gamma, more):
    logits = 4 * torch.randn(9, 3, generator=torch.Generator().manual_seed(seed))
    target = torch.arange(9) % 3

    less, least = (focal(logits, target, gamma=value, reduction="none") for value in (gamma, gamma + more))

    assert bool((least <= less + 1e-7).all())


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(task, gamma, soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    if task == "multiclass":
        target = torch.rand(5, 3, dtype=torch.float64).softmax(1) if soft else torch.arange(5) % 3
    else:
        target = torch.rand(5, 3, dtype=torch.float64) if soft else torch.randint(2, (5, 3))
    weight = PAIR if task == "binary" else WEIGHT

    assert torch.autograd.gradcheck(lambda z: focal(z, target, weight, gamma=gamma, task=task), logits)
