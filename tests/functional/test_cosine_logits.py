from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lightning_imbalance.functional import cosine_logits


def test_they_are_scaled_cosines_in_plain_python():
    features, vectors = torch.randn(4, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)

    logits = cosine_logits(features, vectors, scale=7.0)

    for row, x in zip(logits.tolist(), features.tolist(), strict=True):
        for logit, v in zip(row, vectors.tolist(), strict=True):
            dot = sum(a * b for a, b in zip(x, v, strict=True))
            assert logit == pytest.approx(7 * dot / math.hypot(*x) / math.hypot(*v), rel=1e-9)


def test_they_are_torchs_cosine_similarity_for_any_leading_dimensions():
    features, vectors = torch.randn(2, 3, 5), torch.randn(4, 5)

    expected = F.cosine_similarity(features.unsqueeze(-2), vectors, dim=-1)

    assert torch.allclose(cosine_logits(features, vectors, scale=1.0), expected, atol=1e-6)


def test_lengths_do_not_matter():
    features, vectors = torch.randn(4, 5), torch.randn(3, 5)

    assert torch.allclose(cosine_logits(9 * features, 0.1 * vectors), cosine_logits(features, vectors), atol=1e-4)


def test_mixed_precision_changes_nothing():
    features, vectors = torch.randn(4, 5), torch.randn(3, 5)

    with torch.autocast("cpu", torch.bfloat16):
        logits = cosine_logits(features, vectors)

    assert torch.equal(logits, cosine_logits(features, vectors))


def test_a_device_without_mixed_precision_will_do():
    features, vectors = torch.zeros(4, 5, device="meta"), torch.zeros(3, 5, device="meta")

    assert cosine_logits(features, vectors).shape == (4, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    features, vectors = torch.randn(4, 5).to(dtype), torch.randn(3, 5).to(dtype)

    assert torch.equal(cosine_logits(features, vectors), cosine_logits(features.float(), vectors.float()))


def test_features_of_zero_give_zero_and_a_finite_gradient():
    features = torch.zeros(1, 5, requires_grad=True)

    logits = cosine_logits(features, torch.randn(3, 5))
    logits.sum().backward()

    assert logits.tolist() == [[0, 0, 0]]
    assert bool(features.grad.isfinite().all())


def test_gradients_are_those_of_finite_differences():
    features, vectors = (torch.randn(n, 5, dtype=torch.float64, requires_grad=True) for n in (4, 3))

    assert torch.autograd.gradcheck(cosine_logits, (features, vectors))
