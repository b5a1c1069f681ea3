from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import label_aware_smoothing, weighted_cross_entropy
from lightning_imbalance.functional.label_aware_smoothing import label_smoothings

COUNTS = torch.tensor([90, 9, 1])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)
SHAPES = {
    "concave": lambda t: math.sin(math.pi * t / 2),
    "linear": lambda t: t,
    "convex": lambda t: 1 + math.sin(1.5 * math.pi + math.pi * t / 2),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_definition_in_plain_python(shape, plain_log_softmax, plain_mean):
    logits, target = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 3
    target[5] = -1

    def value(z, y):
        epsilon = 0.1 + 0.3 * SHAPES[shape]((COUNTS[y].item() - 1) / 89)
        log_p = plain_log_softmax(z)
        return -(1 - epsilon) * log_p[y] - epsilon * sum(log_p) / 3

    loss = label_aware_smoothing(logits, target, COUNTS, WEIGHT, head=0.4, tail=0.1, shape=shape, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


def test_the_smoothings_are_the_known_ones(long_tail):
    known = [0.3000, 0.2414, 0.1578, 0.0960, 0.0563, 0.0320, 0.0173, 0.0085, 0.0031, 0.0000]

    assert label_smoothings(torch.tensor(long_tail)).tolist() == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_of_balanced_data_every_class_is_smoothed_as_the_head(shape):
    assert label_smoothings(torch.tensor([7, 7, 7]), shape=shape).tolist() == pytest.approx([0.3] * 3)


def test_equal_smoothings_are_torchs_label_smoothing():
    logits, target = torch.randn(6, 3), torch.arange(6) % 3

    loss = label_aware_smoothing(logits, target, COUNTS, head=0.2, tail=0.2)

    assert torch.allclose(loss, F.cross_entropy(logits, target, label_smoothing=0.2))


def test_without_smoothing_it_is_the_cross_entropy():
    logits, target = torch.randn(6, 3, dtype=torch.float64), torch.arange(6) % 3

    loss = label_aware_smoothing(logits, target, COUNTS, WEIGHT, head=0.0, tail=0.0)

    assert torch.allclose(loss, weighted_cross_entropy(logits, target, WEIGHT))


@given(
    st.lists(st.integers(0, 10**7), min_size=2, max_size=20).filter(any),
    st.floats(0, 0.5),
    st.floats(0.5, 1),
    st.sampled_from(list(SHAPES)),
)
def test_smoothings_rise_with_the_count_from_tail_to_head(counts, tail, head, shape):
    smoothings = label_smoothings(torch.tensor(counts), head, tail, shape, torch.float64).tolist()

    assert max(smoothings) == pytest.approx(head)
    present = sorted((n, e) for n, e in zip(counts, smoothings, strict=True) if n)
    assert [e for _, e in present] == sorted(e for _, e in present)
    assert all(tail - 1e-9 <= e <= head + 1e-9 for e in smoothings)


def test_a_class_without_samples_is_smoothed_as_the_rarest():
    assert label_smoothings(torch.tensor([100, 10, 0])).tolist() == pytest.approx([0.3, 0.0, 0.0])


@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(soft):
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 3, dtype=torch.float64).softmax(1) if soft else torch.arange(5) % 3

    assert torch.autograd.gradcheck(lambda z: label_aware_smoothing(z, target, COUNTS, WEIGHT), logits)
