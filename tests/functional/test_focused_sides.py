from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import focused_sides as subject
from lightning_imbalance.functional.binary_sides import binary_sides
from lightning_imbalance.functional.focused_sides import Focus, focused_sides

WEIGHT = torch.tensor([0.5, 4.0, 1.0], dtype=torch.float64)
FOCUSES = [
    Focus(),
    Focus(2.0, 2.0),
    Focus(4.0, 1.0, clip=0.05),
    Focus(0.0, 0.5, clip=0.3),
    Focus(0.5, 6.0),
    Focus(2.0, 2.0, neg_scale=2.5),
]


def batch(rows: int = 6, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    return 2 * torch.randn(rows, 3, dtype=dtype), torch.rand(rows, 3, dtype=dtype)


def loss(logits, target, focus, **options):
    return focused_sides(binary_sides(logits, target, WEIGHT, task="multilabel"), focus, **options).loss


@pytest.mark.parametrize("focus", FOCUSES, ids=str)
def test_it_is_the_definition_in_plain_python(focus):
    logits, target = batch()
    factor, shift = torch.rand(6, 3, dtype=torch.float64), torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)

    found = loss(logits, target, focus, shift=shift, factor=factor)

    for row in range(6):
        for label in range(3):
            z, y = (logits[row, label] - shift[label]).item(), target[row, label].item()
            p = 1 / (1 + math.exp(-z))
            scaled = 1 / (1 + math.exp(-focus.neg_scale * z))
            clipped = max(scaled - focus.clip, 0)
            negative = -(clipped**focus.negative) * math.log(1 - clipped) / focus.neg_scale
            positive = -((1 - p) ** focus.positive) * math.log(p) * WEIGHT[label].item()
            expected = factor[row, label].item() * ((1 - y) * negative + y * positive)
            assert found[row, label].item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("focus", FOCUSES, ids=str)
def test_gradients_and_theirs_are_those_of_finite_differences(focus):
    logits, target = batch()
    logits.requires_grad_()

    assert torch.autograd.gradcheck(lambda z: loss(z, target, focus), logits)
    assert torch.autograd.gradgradcheck(lambda z: loss(z, target, focus), logits)


def test_the_gradient_of_the_gradient_is_right_at_zero_too():
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)

    (slope,) = torch.autograd.grad(loss(logits, torch.zeros(1, 3), Focus()).sum(), logits, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), logits)

    assert slope.tolist() == [[0.5] * 3]
    assert curvature.tolist() == [[0.25] * 3]


@pytest.mark.parametrize("focus", FOCUSES, ids=str)
@pytest.mark.parametrize("ignore_index", [None, -1])
def test_blocks_change_nothing(focus, ignore_index, monkeypatch):
    logits, target = batch(7)
    if ignore_index is not None:
        target[::2, 1] = ignore_index
    factor = torch.rand(7, 3, dtype=torch.float64)
    found = []

    for size in (2**15, 6):
        monkeypatch.setattr(subject, "_BLOCK", size)
        leaf = logits.clone().requires_grad_()
        sides = binary_sides(leaf, target, WEIGHT, task="multilabel", ignore_index=ignore_index)
        value = focused_sides(sides, focus, factor=factor).loss
        value.sum().backward()
        found.append((value, leaf.grad))

    for whole, in_blocks in zip(*found, strict=True):
        assert torch.allclose(whole, in_blocks, rtol=1e-12, atol=1e-15)


def test_each_sample_has_its_gradient_in_one_call():
    logits, target = batch()

    def of_one(z, y):
        return loss(z.unsqueeze(0), y.unsqueeze(0), Focus(2.0, 2.0)).sum()

    found = torch.func.vmap(torch.func.grad(of_one))(logits, target)

    leaf = logits.clone().requires_grad_()
    loss(leaf, target, Focus(2.0, 2.0)).sum().backward()
    assert torch.allclose(found, leaf.grad)


@pytest.mark.parametrize("focus", FOCUSES, ids=str)
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_extreme_logits_stay_finite(focus, size):
    logits = torch.full((2, 3), size, requires_grad=True)

    value = loss(logits, torch.tensor([[0.0] * 3, [1.0] * 3]), focus)
    value.sum().backward()

    assert bool(value.isfinite().all())
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("ignore_index", [None, -1])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_sums_are_those_of_the_terms(ignore_index, weight):
    logits, target = batch()
    target[0, 0] = 0.5 if ignore_index is None else ignore_index
    sides = binary_sides(logits, target, weight, task="multilabel", ignore_index=ignore_index)

    terms = focused_sides(sides, Focus(1.0, 1.0))

    assert torch.allclose(torch.stack(terms.sums()), torch.stack([terms.loss.sum(), terms.weight.sum()]), rtol=1e-14)
    assert torch.allclose(terms.weight, sides.negative + sides.positive, rtol=1e-14)
