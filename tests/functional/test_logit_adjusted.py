from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import logit_adjusted, weighted_bce, weighted_cross_entropy

COUNTS = torch.tensor([90, 9, 1])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


@pytest.mark.parametrize("tau", [0.0, 0.7, 1.0, 2.0])
def test_it_is_the_definition_in_plain_python(tau, plain_log_softmax, plain_mean):
    logits, target = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 3
    target[5] = -1

    def value(z, y):
        return -plain_log_softmax([v + tau * math.log(n / 100) for v, n in zip(z, COUNTS.tolist(), strict=True)])[y]

    loss = logit_adjusted(logits, target, COUNTS, WEIGHT, tau=tau, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


def test_binary_is_the_softmax_of_two_logits():
    counts, pair = torch.tensor([95, 5]), torch.tensor([0.5, 4.0], dtype=torch.float64)
    logits, target = torch.randn(8, dtype=torch.float64), torch.arange(8) % 2
    two = torch.stack([torch.zeros_like(logits), logits], 1)

    loss = logit_adjusted(logits, target, counts, pair, tau=0.7, task="binary")

    assert torch.allclose(loss, logit_adjusted(two, target, counts, pair, tau=0.7))


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_without_an_adjustment_it_is_the_cross_entropy(task):
    if task == "multiclass":
        logits, target = torch.randn(6, 3), torch.arange(6) % 3
        ours, expected = logit_adjusted(logits, target, COUNTS, tau=0.0), weighted_cross_entropy(logits, target)
    else:
        logits, target = torch.randn(6), torch.arange(6) % 2
        ours = logit_adjusted(logits, target, COUNTS[:2], tau=0.0, task="binary")
        expected = weighted_bce(logits, target)

    assert torch.allclose(ours, expected)


def test_the_adjustment_is_the_known_log_prior(long_tail):
    """Of logits that are all 0 the loss of class c is -log π_c."""
    loss = logit_adjusted(torch.zeros(10, 10), torch.arange(10), torch.tensor(long_tail), reduction="none")

    known = [-0.9087, -1.4206, -1.9326, -2.4440, -2.9567, -3.4675, -3.9792, -4.4915, -5.0071, -5.5139]
    assert loss.neg().tolist() == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_equal_counts_adjust_nothing(tau):
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = logit_adjusted(logits, target, torch.tensor([7, 7, 7]), tau=tau)

    assert torch.allclose(loss, weighted_cross_entropy(logits, target))


def test_a_class_without_samples_has_the_prior_of_the_rarest():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = logit_adjusted(logits, target, torch.tensor([90, 10, 0]))

    assert torch.allclose(loss, logit_adjusted(logits, target, torch.tensor([90, 10, 10])))


@given(st.integers(0, 2**16), st.integers(1, 1000))
def test_only_the_ratios_of_the_counts_matter(seed, factor):
    logits, target = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed)), torch.arange(6) % 3

    assert torch.allclose(
        logit_adjusted(logits, target, COUNTS), logit_adjusted(logits, target, factor * COUNTS), rtol=1e-4
    )


@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 3, dtype=torch.float64).softmax(1) if soft else torch.arange(5) % 3

    assert torch.autograd.gradcheck(lambda z: logit_adjusted(z, target, COUNTS, WEIGHT), logits)
