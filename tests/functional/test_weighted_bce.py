from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import weighted_bce
from lightning_imbalance.functional.weighted_bce import weighted_bce_terms

PAIR = torch.tensor([0.5, 4.0])
POS_WEIGHT = torch.tensor([3.0, 0.0, 12.0])
SHAPES = {"binary": [(7,), (3, 5), (2, 3, 4)], "multilabel": [(7, 3), (2, 3, 5), (2, 3, 4, 2)]}
CASES = [(task, shape) for task, shapes in SHAPES.items() for shape in shapes]


def batch(*shape: int, soft: bool = False, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    logits = 3 * torch.randn(shape, dtype=dtype)
    return logits, torch.rand(shape, dtype=dtype) if soft else torch.randint(2, shape)


def plain_mean(logits, target, negative, positive, ignore_index) -> float:
    """Definition, one target after the other, with logarithms of Python."""
    numerator = denominator = 0.0
    for z, y in zip(logits, target, strict=True):
        if y != ignore_index:
            numerator += positive * y * math.log1p(math.exp(-z)) + negative * (1 - y) * math.log1p(math.exp(z))
            denominator += positive * y + negative * (1 - y)
    return numerator / denominator if denominator else 0.0


@pytest.mark.parametrize(("task", "shape"), CASES)
@pytest.mark.parametrize("soft", [False, True])
def test_without_weights_it_is_torchs(task, shape, soft):
    logits, target = batch(*shape, soft=soft)

    for reduction in ("mean", "sum", "none"):
        ours = weighted_bce(logits, target, task=task, reduction=reduction)
        assert torch.allclose(
            ours, F.binary_cross_entropy_with_logits(logits, target.float(), reduction=reduction), rtol=1e-5
        )


@pytest.mark.parametrize("shape", SHAPES["binary"])
def test_binary_weights_count_a_target_by_its_class(shape):
    logits, target = batch(*shape)

    none, total, mean = (weighted_bce(logits, target, PAIR, reduction=r) for r in ("none", "sum", "mean"))

    expected = F.binary_cross_entropy_with_logits(logits, target.float(), PAIR[target], reduction="none")
    # torch subtracts two numbers as large as the logit, and keeps as few digits of a small loss.
    assert torch.allclose(none, expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(total, expected.sum(), rtol=1e-5)
    assert torch.allclose(mean, expected.sum() / PAIR[target].sum(), rtol=1e-5)


def test_binary_weights_are_those_of_a_cross_entropy_of_two_classes():
    logits, target = batch(20)

    two = F.cross_entropy(torch.stack([torch.zeros(20), logits], 1), target, PAIR)

    assert torch.allclose(weighted_bce(logits, target, PAIR), two, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES["multilabel"])
@pytest.mark.parametrize("soft", [False, True])
def test_multilabel_weights_are_torchs_pos_weight(shape, soft):
    logits, target = batch(*shape, soft=soft)
    pos_weight = POS_WEIGHT.view(-1, *[1] * (len(shape) - 2))
    ours, torchs = (logits.clone().requires_grad_() for _ in range(2))

    loss = weighted_bce(ours, target, POS_WEIGHT, task="multilabel", reduction="sum")
    expected = F.binary_cross_entropy_with_logits(torchs, target.float(), pos_weight=pos_weight, reduction="sum")

    assert torch.allclose(loss, expected, rtol=1e-5)
    loss.backward()
    expected.backward()
    assert torch.allclose(ours.grad, torchs.grad, rtol=1e-5, atol=1e-6)


def test_the_multilabel_mean_divides_by_the_sum_of_the_weights():
    logits, target = batch(8, 3)
    values = F.binary_cross_entropy_with_logits(logits, target.float(), pos_weight=POS_WEIGHT, reduction="sum")

    weights = torch.where(target == 1, POS_WEIGHT, 1.0)

    assert torch.allclose(weighted_bce(logits, target, POS_WEIGHT, task="multilabel"), values / weights.sum())


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.sampled_from([0, 1, 0.3, -1])), min_size=1, max_size=12),
    # A weight below 1e-308 has few digits left, and a product with it fewer.
    st.floats(0, 100, allow_subnormal=False),
    st.floats(0, 100, allow_subnormal=False),
)
def test_the_mean_is_the_definition_in_plain_python(pairs, negative, positive):
    logits, target = zip(*pairs, strict=True)

    loss = weighted_bce(
        torch.tensor(logits, dtype=torch.float64),
        torch.tensor(target, dtype=torch.float64),
        torch.tensor([negative, positive], dtype=torch.float64),
        ignore_index=-1,
    )

    assert loss.item() == pytest.approx(plain_mean(logits, target, negative, positive, -1), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize(("task", "weight"), [("binary", PAIR), ("multilabel", POS_WEIGHT), ("multilabel", None)])
@pytest.mark.parametrize(("ignore_index", "dtype"), [(-100, torch.int64), (255, torch.uint8), (-1, torch.float32)])
def test_ignored_targets_count_nothing(task, weight, ignore_index, dtype):
    logits, target = batch(6, 3)
    keep = torch.arange(18).reshape(6, 3) % 4 != 0
    holes = torch.where(keep, target, ignore_index).to(dtype)

    loss, weights = weighted_bce_terms(logits, holes, weight, task=task, ignore_index=ignore_index)

    whole = weighted_bce_terms(logits, target, weight, task=task)
    assert torch.equal(loss, whole.loss * keep)
    assert torch.equal(weights, whole.weight * keep)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_ignored_target_may_hold_any_logit(value):
    logits = torch.tensor([value, 0.0], requires_grad=True)

    loss = weighted_bce(logits, torch.tensor([-1, 1]), ignore_index=-1)
    loss.backward()

    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad.tolist() == [0, -0.5]


@pytest.mark.parametrize(
    ("target", "weight", "ignore_index"),
    [
        ([-1, -1], None, -1),
        ([1, 1], torch.tensor([1.0, 0.0]), None),
        ([0, 0], torch.zeros(2), None),
        ([1, -1], torch.tensor([1.0, 0.0]), -1),
        ([], None, None),
    ],
)
def test_where_nothing_counts_the_loss_and_its_gradient_are_zero(target, weight, ignore_index):
    logits = torch.randn(len(target), requires_grad=True)

    loss = weighted_bce(logits, torch.tensor(target, dtype=torch.int64), weight, ignore_index=ignore_index)
    loss.backward()

    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("target", "expected"), [([1, 0], 0), ([0, 1], 1e4)])
def test_extreme_logits_stay_finite(dtype, target, expected):
    logits = torch.tensor([1e4, -1e4], dtype=dtype, requires_grad=True)

    loss = weighted_bce(logits, torch.tensor(target), torch.tensor([0.1, 10.0]))
    loss.backward()

    assert loss.item() == pytest.approx(expected, rel=1e-2)
    assert bool(torch.isfinite(logits.grad).all())


@given(st.floats(-100, 100, width=32), st.booleans(), st.floats(0, 100, width=32))
def test_no_target_has_a_negative_loss(logit, positive, weight):
    loss = weighted_bce(torch.tensor([logit]), torch.tensor([int(positive)]), torch.tensor([weight, weight]))

    assert loss.item() >= 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, target = batch(8)
    logits = logits.to(dtype)

    loss = weighted_bce(logits, target, PAIR)

    assert loss.dtype == torch.float32
    assert torch.equal(loss, weighted_bce(logits.float(), target, PAIR))


@pytest.mark.parametrize(("task", "weight"), [("binary", PAIR), ("multilabel", POS_WEIGHT)])
@pytest.mark.parametrize("soft", [False, True])
def test_gradients_are_those_of_finite_differences(task, weight, soft):
    logits, target = batch(4, 3, soft=soft, dtype=torch.float64)

    assert torch.autograd.gradcheck(lambda z: weighted_bce(z, target, weight, task=task), logits.requires_grad_())


@given(st.integers(0, 9), st.integers(0, 2**16))
def test_terms_over_a_split_of_the_batch_sum_to_those_of_the_whole(cut, seed):
    torch.manual_seed(seed)
    logits, target = batch(9, 3, dtype=torch.float64)

    whole, *parts = (
        weighted_bce_terms(logits[s], target[s], POS_WEIGHT, task="multilabel").sums()
        for s in (slice(None), slice(cut), slice(cut, None))
    )

    assert torch.allclose(torch.tensor(parts).sum(0), torch.tensor(whole), rtol=1e-6)


def test_another_shape_is_refused_instead_of_broadcast():
    with pytest.raises(ValueError, match="shape") as error:
        weighted_bce(torch.zeros(4, 1), torch.zeros(4))

    assert str(error.value) == "`target` must have the shape of the logits, (4, 1), got (4,)."
