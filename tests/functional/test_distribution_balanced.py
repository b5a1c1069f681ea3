from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import distribution_balanced, focal, weighted_bce

COUNTS = torch.tensor([80, 30, 5])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


def plain(logits, target, weight, *, alpha, beta, mu, neg_scale, bias, gamma) -> float:
    """Definition, one label after the other."""
    counts, numerator, denominator = COUNTS.tolist(), 0.0, 0.0
    for row, truths in zip(logits.tolist(), target.tolist(), strict=True):
        drawn = sum(1 / n for n, y in zip(counts, truths, strict=True) if y)
        for z, y, n, w in zip(row, truths, counts, weight, strict=True):
            gate = 1 / (1 + math.exp(-beta * (1 / n / drawn - mu))) if drawn else 1.0
            shifted = z - bias / neg_scale * math.log(100 / n - 1)
            p = 1 / (1 + math.exp(-shifted if y else neg_scale * shifted))
            value = (alpha + gate) * -((1 - p) ** gamma) * math.log(p)
            numerator += w * value if y else value / neg_scale
            denominator += w if y else 1
    return numerator / denominator


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.1, "beta": 10.0, "mu": 0.2, "neg_scale": 2.0, "bias": 0.05, "gamma": 2.0},
        {"alpha": 0.1, "beta": 10.0, "mu": 0.3, "neg_scale": 5.0, "bias": 0.05, "gamma": 0.0},
        {"alpha": 0.0, "beta": 1.0, "mu": -1.0, "neg_scale": 0.5, "bias": 0.0, "gamma": 0.5},
    ],
    ids=str,
)
def test_it_is_the_definition_in_plain_python(options):
    logits = torch.randn(8, 3, dtype=torch.float64)
    target = torch.tensor([[(row >> label) & 1 for label in range(3)] for row in range(8)])  # row 0 has no label

    loss = distribution_balanced(logits, target, COUNTS, 100, WEIGHT, **options)

    assert loss.item() == pytest.approx(plain(logits, target, WEIGHT.tolist(), **options), rel=1e-9)


def test_without_its_parts_it_is_the_focal_loss():
    """One label a sample, and so no co-occurrence: every positive has r = 1; a flat gate makes the rest equal."""
    logits, target = torch.randn(6, 3), torch.eye(3)[torch.arange(6) % 3]

    loss = distribution_balanced(
        logits, target, COUNTS, 100, alpha=0.5, beta=1e-9, mu=0.0, neg_scale=1.0, bias=0.0, gamma=2.0
    )

    assert torch.allclose(loss, focal(logits, target, gamma=2.0, task="multilabel"))


def test_labels_without_positives_or_without_negatives_give_finite_losses():
    counts = torch.tensor([100, 10, 0])
    logits, target = torch.randn(4, 3, requires_grad=True), torch.randint(2, (4, 3))

    loss = distribution_balanced(logits, target, counts, 100)
    loss.backward()

    assert bool(loss.isfinite())
    assert bool(logits.grad.isfinite().all())
    # As rare as the rarest, and with one negative.
    expected = distribution_balanced(logits, target, torch.tensor([100, 10, 10]), 100)
    assert torch.allclose(loss, expected)


def test_an_ignored_label_is_no_label_of_its_sample():
    logits = torch.randn(2, 3)

    ignored = distribution_balanced(logits, torch.tensor([[1, 0, -1], [1, 0, 1]]), COUNTS, 100, ignore_index=-1)

    rows = [
        distribution_balanced(logits[:1], torch.tensor([[1, 0, 0]]), COUNTS, 100, reduction="none")[:, :2],
        distribution_balanced(logits[1:], torch.tensor([[1, 0, 1]]), COUNTS, 100, reduction="none"),
    ]
    assert torch.allclose(ignored, torch.cat(rows, 1).mean())


def test_the_logits_stay_as_they_are():
    logits = torch.randn(2, 3)
    kept = logits.clone()

    distribution_balanced(logits, torch.tensor([[1, 0, 0], [1, 0, 1]]), COUNTS, 100)

    assert torch.equal(logits, kept)


def test_weights_are_those_of_the_cross_entropy_in_the_mean():
    logits, target = torch.zeros(2, 3, dtype=torch.float64), torch.tensor([[1, 0, 0], [0, 0, 1]])
    options = {"alpha": 0.5, "beta": 1e-9, "mu": 0.0, "neg_scale": 1.0, "bias": 0.0, "gamma": 0.0}

    loss = distribution_balanced(logits, target, COUNTS, 100, WEIGHT, **options)

    assert torch.allclose(loss, weighted_bce(logits, target, WEIGHT, task="multilabel"))


@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 3, dtype=torch.float64) if soft else torch.randint(2, (5, 3))

    assert torch.autograd.gradcheck(lambda z: distribution_balanced(z, target, COUNTS, 100, WEIGHT), logits)
