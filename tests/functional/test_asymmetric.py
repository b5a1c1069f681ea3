from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import asymmetric, focal, weighted_bce, weighted_cross_entropy

WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)
PAIR = torch.tensor([0.5, 4.0], dtype=torch.float64)


@pytest.mark.parametrize(("gamma_neg", "gamma_pos"), [(4.0, 1.0), (4.0, 0.0), (0.5, 0.3)])
@pytest.mark.parametrize("clip", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_the_sigmoid_form_is_the_definition_in_plain_python(task, clip, gamma_neg, gamma_pos, plain_binary_mean):
    logits, target = 2 * torch.randn(8, 3, dtype=torch.float64), torch.randint(2, (8, 3))
    weight = PAIR if task == "binary" else WEIGHT

    def value(p, y):
        if y:
            return -((1 - p) ** gamma_pos) * math.log(p)
        shifted = max(p - clip, 0)
        return -(shifted**gamma_neg) * math.log(1 - shifted)

    loss = asymmetric(logits, target, weight, gamma_neg=gamma_neg, gamma_pos=gamma_pos, clip=clip, task=task)

    expected = plain_binary_mean(
        value, logits, target, lambda label: PAIR.tolist() if task == "binary" else (1.0, WEIGHT[label].item())
    )
    assert loss.item() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("gamma_neg", "gamma_pos"), [(4.0, 1.0), (4.0, 0.0), (0.0, 2.0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_the_single_label_form_is_the_definition_in_plain_python(
    smoothing, gamma_neg, gamma_pos, plain_log_softmax, plain_mean
):
    logits, target = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 3
    target[5] = -1

    def value(z, y):
        total = 0.0
        for c, log_p in enumerate(plain_log_softmax(z)):
            p = math.exp(log_p)
            share = (1 - smoothing) * (c == y) + smoothing / 3
            total -= share * ((1 - p) ** gamma_pos if c == y else p**gamma_neg) * log_p
        return total

    loss = asymmetric(
        logits,
        target,
        WEIGHT,
        gamma_neg=gamma_neg,
        gamma_pos=gamma_pos,
        label_smoothing=smoothing,
        task="multiclass",
        ignore_index=-1,
    )

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


def test_with_equal_focus_and_no_clip_it_is_the_focal_loss():
    logits, target = torch.randn(6, 3), torch.randint(2, (6, 3))

    loss = asymmetric(logits, target, gamma_neg=2.0, gamma_pos=2.0, clip=0.0)

    assert torch.allclose(loss, focal(logits, target, gamma=2.0, task="multilabel"))


def test_without_focus_and_clip_it_is_the_cross_entropy():
    logits, target = torch.randn(6, 3), torch.randint(2, (6, 3))
    smoothed = weighted_cross_entropy(logits, target[:, 0], label_smoothing=0.1)

    several = asymmetric(logits, target, gamma_neg=0.0, gamma_pos=0.0, clip=0.0)
    single = asymmetric(logits, target[:, 0], gamma_neg=0.0, gamma_pos=0.0, task="multiclass")

    assert torch.allclose(several, weighted_bce(logits, target, task="multilabel"))
    assert torch.allclose(single, smoothed)


def test_a_negative_below_the_clip_costs_nothing_and_pulls_nothing():
    logits = torch.tensor([[-3.0, -2.9]], requires_grad=True)  # probabilities 0.047 and 0.052

    asymmetric(logits, torch.tensor([[0, 0]]), gamma_neg=0.5).backward()

    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 1] > 0


@pytest.mark.parametrize("gamma", [0.1, 0.5])
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_a_confident_negative_has_a_finite_gradient(gamma, clip):
    logits = torch.tensor([[-1e4, -100.0, -20.0, 1e4]], requires_grad=True)

    asymmetric(logits, torch.zeros(1, 4), gamma_neg=gamma, clip=clip).backward()

    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("task", ["multilabel", "binary", "multiclass"])
@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(task, soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    if task == "multiclass":
        target = torch.rand(5, 3, dtype=torch.float64).softmax(1) if soft else torch.arange(5) % 3
    else:
        target = torch.rand(5, 3, dtype=torch.float64) if soft else torch.randint(2, (5, 3))
    weight = PAIR if task == "binary" else WEIGHT

    assert torch.autograd.gradcheck(lambda z: asymmetric(z, target, weight, task=task), logits)
