from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import logit_adjusted, vector_scaling
from lightning_imbalance.functional.vector_scaling import vector_scales

COUNTS = torch.tensor([90, 9, 1])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
@pytest.mark.parametrize("tau", [0.0, 1.2])
def test_it_is_the_definition_in_plain_python(gamma, tau, plain_log_softmax, plain_mean):
    logits, target = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 3
    target[5] = -1

    def value(z, y):
        counts = COUNTS.tolist()
        moved = [(n / 90) ** gamma * v + tau * math.log(n / 100) for v, n in zip(z, counts, strict=True)]
        return -plain_log_softmax(moved)[y]

    loss = vector_scaling(logits, target, COUNTS, WEIGHT, gamma=gamma, tau=tau, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


@pytest.mark.parametrize(
    ("gamma", "known"),
    [
        (0.2, [1.0000, 1.1078, 1.2272, 1.3594, 1.5062, 1.6682, 1.8480, 2.0473, 2.2698, 2.5119]),
        (0.3, [1.0000, 1.1660, 1.3596, 1.5850, 1.8485, 2.1547, 2.5121, 2.9295, 3.4195, 3.9811]),
    ],
)
def test_the_divisors_are_the_known_ones(gamma, known, long_tail):
    assert vector_scales(torch.tensor(long_tail), gamma).reciprocal().tolist() == pytest.approx(known, abs=1e-4)


def test_without_scales_it_is_logit_adjustment():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = vector_scaling(logits, target, COUNTS, gamma=0.0, tau=0.7)

    assert torch.allclose(loss, logit_adjusted(logits, target, COUNTS, tau=0.7))


def test_a_class_without_samples_is_as_rare_as_the_rarest():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = vector_scaling(logits, target, torch.tensor([90, 10, 0]))

    assert torch.allclose(loss, vector_scaling(logits, target, torch.tensor([90, 10, 10])))


@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 3, dtype=torch.float64).softmax(1) if soft else torch.arange(5) % 3

    assert torch.autograd.gradcheck(lambda z: vector_scaling(z, target, COUNTS, WEIGHT), logits)
