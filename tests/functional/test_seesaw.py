from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import seesaw, weighted_cross_entropy

COUNTS = torch.tensor([90, 9, 1])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


@pytest.mark.parametrize("p", [0.0, 0.8])
@pytest.mark.parametrize("q", [0.0, 2.0])
@pytest.mark.parametrize("spread", [1, 5])
def test_it_is_the_definition_in_plain_python(p, q, spread, plain_log_softmax, plain_mean):
    logits, target = spread * torch.randn(24, 3, dtype=torch.float64), torch.arange(24) % 3
    target[5] = -1
    counts = COUNTS.tolist()

    def value(z, y):
        scores = [math.exp(v) for v in plain_log_softmax(z)]
        factors = []
        for j in range(3):
            mitigation = (counts[j] / counts[y]) ** p if counts[j] < counts[y] else 1
            ratio = scores[j] / max(scores[y], 0.01)
            factors.append(1 if j == y else mitigation * (ratio**q if ratio > 1 else 1))
        return -plain_log_softmax([v + math.log(f) for v, f in zip(z, factors, strict=True)])[y]

    loss = seesaw(logits, target, COUNTS, WEIGHT, p=p, q=q, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


def test_without_both_parts_it_is_the_cross_entropy():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    assert torch.allclose(seesaw(logits, target, COUNTS, p=0.0, q=0.0), weighted_cross_entropy(logits, target))


def test_a_frequent_class_pushes_a_rare_one_less_than_the_other_way_round():
    logits = torch.zeros(2, 3, requires_grad=True)

    seesaw(logits, torch.tensor([0, 2]), COUNTS).backward()

    assert 0 < logits.grad[0, 2] < logits.grad[1, 0] / 10


def test_no_gradient_flows_through_the_scores():
    logits, target = torch.randn(6, 3, dtype=torch.float64, requires_grad=True), torch.arange(6) % 3
    fixed = 2.0 * (
        (logits.log_softmax(1) - logits.log_softmax(1).gather(1, target[:, None]).clamp_min(math.log(0.01)))
        .clamp_min(0)
        .detach()
    )

    ours = torch.autograd.grad(seesaw(logits, target, COUNTS, p=0.0), logits)[0]

    assert torch.allclose(ours, torch.autograd.grad(weighted_cross_entropy(logits + fixed, target), logits)[0])


def test_without_compensation_gradients_are_those_of_finite_differences():
    logits, target = torch.randn(5, 3, dtype=torch.float64, requires_grad=True), torch.arange(5) % 3

    assert torch.autograd.gradcheck(lambda z: seesaw(z, target, COUNTS, WEIGHT, q=0.0), logits)


def test_a_class_without_samples_is_as_rare_as_the_rarest():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = seesaw(logits, target, torch.tensor([90, 10, 0]))

    assert torch.allclose(loss, seesaw(logits, target, torch.tensor([90, 10, 10])))


def test_probabilities_are_refused():
    with pytest.raises(ValueError) as error:
        seesaw(torch.zeros(2, 3), torch.full((2, 3), 1 / 3), COUNTS)

    assert str(error.value) == (
        "the targets of `seesaw` must be class indices, since the factor of each other class belongs to one true class, "
        "got class probabilities. For a mixture of two samples, mix the losses of their two targets."
    )
