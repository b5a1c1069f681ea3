from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import weighted_cross_entropy
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms

WEIGHT = torch.tensor([0.2, 1.0, 5.0, 0.0])
REDUCTIONS = ["mean", "sum", "none"]


def batch(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, 4, ...) and class indices (N, ...), every class among them."""
    n, *rest = shape
    logits = 3 * torch.randn(n, 4, *rest, dtype=dtype)
    target = torch.arange(n * math.prod(rest)).remainder(4).reshape(n, *rest)
    return logits, target


def plain_mean(logits, target, weight, ignore_index, smoothing) -> float:
    """Definition, one sample after the other, with exponentials of Python."""
    numerator = denominator = 0.0
    classes = range(len(weight))
    for z, y in zip(logits, target, strict=True):
        if y == ignore_index:
            continue
        top = max(z)
        log_sum = top + math.log(sum(math.exp(v - top) for v in z))
        share = [(1 - smoothing) * (c == y) + smoothing / len(weight) for c in classes]
        numerator += sum(weight[c] * share[c] * (log_sum - z[c]) for c in classes)
        denominator += weight[y]
    return numerator / denominator if denominator else 0.0


@pytest.mark.parametrize("shape", [(12,), (3, 5), (2, 3, 4)])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore_index", [-100, 255, 2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_index_targets_give_torchs_value_and_gradient(shape, weight, smoothing, ignore_index, reduction):
    logits, target = batch(*shape)
    target[0] = ignore_index
    ours, torchs = (logits.clone().requires_grad_() for _ in range(2))
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": smoothing}

    loss = weighted_cross_entropy(ours, target, weight, **options)
    expected = F.cross_entropy(torchs, target, weight, **options)

    assert torch.allclose(loss, expected, rtol=1e-6)
    loss.sum().backward()
    expected.sum().backward()
    assert torch.allclose(ours.grad, torchs.grad, rtol=1e-5, atol=1e-7)


@given(
    st.integers(0, 2**16),
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
    st.lists(st.just(0.0) | st.floats(1e-6, 100), min_size=3, max_size=3),  # smaller ones lose digits in the quotient
    st.sampled_from([None, 0, 2]),
    st.sampled_from([0.0, 0.3]),
)
def test_the_mean_is_the_definition_in_plain_python(seed, target, weight, ignore_index, smoothing):
    logits = 5 * torch.randn(len(target), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    loss = weighted_cross_entropy(
        logits,
        torch.tensor(target),
        torch.tensor(weight, dtype=torch.float64),
        ignore_index=ignore_index,
        label_smoothing=smoothing,
    )

    expected = plain_mean(logits.tolist(), target, weight, ignore_index, smoothing)
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shape", [(12,), (3, 5)])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_one_hot_row_is_its_index(shape, weight, smoothing, reduction):
    logits, target = batch(*shape)
    one_hot = F.one_hot(target, 4).movedim(-1, 1).float()

    losses = [
        weighted_cross_entropy(logits, form, weight, reduction=reduction, label_smoothing=smoothing)
        for form in (target, one_hot)
    ]

    assert torch.allclose(*losses, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_probabilities_give_torchs_values_where_nothing_is_divided(reduction):
    logits, _ = batch(6)
    soft = torch.rand(6, 4).softmax(1)

    ours = weighted_cross_entropy(logits, soft, WEIGHT, reduction=reduction)

    assert torch.allclose(ours, F.cross_entropy(logits, soft, WEIGHT, reduction=reduction), rtol=1e-6)


def test_a_mixture_of_two_samples_is_the_mixture_of_their_terms():
    logits, _ = batch(1)
    first, second = (weighted_cross_entropy_terms(logits, torch.tensor([y]), WEIGHT) for y in (0, 2))

    mixed = weighted_cross_entropy_terms(logits, torch.tensor([[0.3, 0.0, 0.7, 0.0]]), WEIGHT)

    assert torch.allclose(mixed.loss, 0.3 * first.loss + 0.7 * second.loss)
    assert torch.allclose(mixed.weight, 0.3 * first.weight + 0.7 * second.weight)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("target", "weight", "ignore_index"),
    [
        ([-100, -100], None, -100),
        ([255, 255], WEIGHT, 255),
        ([3, 3], WEIGHT, None),
        ([3, 9], WEIGHT, 9),
        ([0, 1], torch.zeros(4), None),
        ([], WEIGHT, None),
    ],
)
def test_where_nothing_counts_the_loss_and_its_gradient_are_zero(target, weight, ignore_index, smoothing):
    logits = torch.randn(len(target), 4, requires_grad=True)
    target = torch.tensor(target, dtype=torch.int64)

    loss = weighted_cross_entropy(logits, target, weight, ignore_index=ignore_index, label_smoothing=smoothing)
    loss.backward()

    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_probabilities_of_weight_zero_give_zero():
    logits = torch.randn(2, 4, requires_grad=True)

    loss = weighted_cross_entropy(logits, torch.eye(4)[[3, 3]], WEIGHT)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_an_ignored_sample_may_hold_any_logits():
    logits = torch.tensor([[math.nan, math.inf], [0.0, 1.0]])

    loss = weighted_cross_entropy(logits, torch.tensor([-1, 0]), ignore_index=-1)

    assert loss.item() == pytest.approx(math.log(1 + math.e))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("wrong", [False, True])
def test_extreme_logits_stay_finite(dtype, wrong):
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype, requires_grad=True)
    target = torch.tensor([int(wrong), 1 - int(wrong)])

    loss = weighted_cross_entropy(logits, target, torch.tensor([0.1, 10.0]))
    loss.backward()

    assert loss.item() == pytest.approx(2e4 if wrong else 0, rel=1e-2)
    assert bool(torch.isfinite(logits.grad).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("soft", [False, True])
def test_half_precision_is_computed_in_float32(dtype, soft):
    logits, target = batch(8)
    logits = logits.to(dtype)
    target = torch.rand(8, 4).softmax(1) if soft else target

    loss = weighted_cross_entropy(logits, target, WEIGHT)

    assert loss.dtype == torch.float32
    assert torch.equal(loss, weighted_cross_entropy(logits.float(), target, WEIGHT))


@pytest.mark.parametrize("soft", [False, True])
def test_mixed_precision_changes_nothing(soft):
    logits, target = batch(8)
    target = torch.rand(8, 4).softmax(1) if soft else target

    with torch.autocast("cpu", torch.bfloat16):
        loss = weighted_cross_entropy(logits, target, WEIGHT)

    assert torch.equal(loss, weighted_cross_entropy(logits, target, WEIGHT))


def test_weights_of_another_precision_follow_the_logits():
    logits, target = batch(8, dtype=torch.float64)

    assert weighted_cross_entropy(logits, target, WEIGHT).dtype == torch.float64
    assert weighted_cross_entropy(logits.float(), target, WEIGHT.double()).dtype == torch.float32


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(soft, smoothing):
    logits, target = batch(5, dtype=torch.float64)
    target = torch.rand(5, 4, dtype=torch.float64).softmax(1) if soft else target

    assert torch.autograd.gradcheck(
        lambda z: weighted_cross_entropy(z, target, WEIGHT, label_smoothing=smoothing), logits.requires_grad_()
    )


@given(st.integers(0, 9), st.integers(0, 2**16))
def test_terms_over_a_split_of_the_batch_sum_to_those_of_the_whole(cut, seed):
    torch.manual_seed(seed)
    logits, target = batch(9, dtype=torch.float64)
    target[::4] = -100

    whole, *parts = (
        weighted_cross_entropy_terms(logits[s], target[s], WEIGHT, ignore_index=-100).sums()
        for s in (slice(None), slice(cut), slice(cut, None))
    )

    assert torch.allclose(torch.tensor(parts).sum(0), torch.tensor(whole).double(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(12,), (3, 5), (2, 3, 4)])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("ignore_index", [None, 1])
@pytest.mark.parametrize("soft", [False, True])
def test_the_sums_are_those_of_the_values_and_weights(shape, weight, ignore_index, soft):
    logits, target = batch(*shape, dtype=torch.float64)
    target = F.one_hot(target, 4).movedim(-1, 1).double() if soft else target

    terms = weighted_cross_entropy_terms(logits, target, weight, ignore_index=ignore_index, label_smoothing=0.1)

    expected = torch.stack([terms.loss.sum(), terms.weight.sum()])
    assert torch.allclose(torch.stack(terms.sums()), expected, rtol=1e-12)
    assert terms.weight.shape == shape


def test_without_an_ignore_index_torchs_default_is_not_dropped_in_silence():
    with pytest.raises(IndexError, match="-100"):
        weighted_cross_entropy(torch.zeros(2, 4), torch.tensor([0, -100]))


def test_neither_logits_nor_weights_are_changed():
    logits, target = batch(4)
    kept, weight = logits.clone(), WEIGHT.clone()

    weighted_cross_entropy(logits, target, weight, ignore_index=0)

    assert torch.equal(logits, kept)
    assert torch.equal(weight, WEIGHT)
