from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_imbalance import ClassDistribution
from lightning_imbalance.prior import adjust_logits, log_prior

UNIFORM = torch.full((3,), 1 / 3).log()


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


def priors(num_classes: int) -> st.SearchStrategy[Tensor]:
    """Log priors up to a constant: any finite numbers."""
    numbers = st.lists(st.floats(-20, 20), min_size=num_classes, max_size=num_classes)
    return numbers.map(lambda values: torch.tensor(values, dtype=torch.float64))


def logits_and_priors(how_many: int) -> st.SearchStrategy[tuple[Tensor, list[Tensor]]]:
    return st.integers(2, 5).flatmap(
        lambda num_classes: st.tuples(
            st.integers(0, 2**31).map(
                lambda seed: (
                    3 * torch.randn(4, num_classes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
                )
            ),
            st.lists(priors(num_classes), min_size=how_many, max_size=how_many),
        )
    )


def by_bayes(row: list[float], source: list[float], target: list[float]) -> list[float]:
    """The posteriors under the target prior, in plain Python."""
    joint = [math.exp(z) * t / s for z, s, t in zip(row, source, target, strict=True)]
    return [value / math.fsum(joint) for value in joint]


@given(logits_and_priors(2))
def test_the_softmax_is_bayes_rule(drawn) -> None:
    logits, (source, target) = drawn

    adjusted = adjust_logits(logits, source, target).softmax(1)

    for row, got in zip(logits.tolist(), adjusted.tolist(), strict=True):
        assert got == pytest.approx(by_bayes(row, source.exp().tolist(), target.exp().tolist()), rel=1e-9)


@given(st.floats(-10, 10), priors(2), priors(2))
def test_a_binary_logit_is_a_softmax_over_two(logit, source, target) -> None:
    both = adjust_logits(torch.tensor([[0, logit]], dtype=torch.float64), source, target)
    one = adjust_logits(torch.tensor([logit], dtype=torch.float64), source, target, "binary")

    assert one.item() == pytest.approx((both[0, 1] - both[0, 0]).item(), rel=1e-9, abs=1e-9)


@given(logits_and_priors(1))
def test_the_same_prior_changes_nothing(drawn) -> None:
    logits, (prior,) = drawn

    assert torch.equal(adjust_logits(logits, prior, prior), logits)
    assert torch.equal(adjust_logits(logits, prior[:2], prior[:2], "binary"), logits)


@given(logits_and_priors(3))
def test_two_steps_are_one(drawn) -> None:
    logits, (first, second, third) = drawn

    stepwise = adjust_logits(adjust_logits(logits, first, second), second, third)

    assert torch.allclose(stepwise, adjust_logits(logits, first, third), rtol=0, atol=1e-12)
    assert torch.allclose(adjust_logits(stepwise, third, first), logits, rtol=0, atol=1e-12)


@given(logits_and_priors(2), st.floats(-100, 100), st.floats(-100, 100))
def test_constants_in_the_log_priors_change_nothing(drawn, one, other) -> None:
    logits, (source, target) = drawn

    moved = adjust_logits(logits, source + one, target + other)

    assert torch.allclose(moved, adjust_logits(logits, source, target), rtol=0, atol=1e-11)


@given(logits_and_priors(2), st.randoms())
def test_renaming_the_classes_permutes_the_logits(drawn, random) -> None:
    logits, (source, target) = drawn
    order = list(range(len(source)))
    random.shuffle(order)

    renamed = adjust_logits(logits[:, order], source[order], target[order])

    assert torch.allclose(renamed, adjust_logits(logits, source, target)[:, order], rtol=0, atol=1e-12)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6), st.integers(0, 2**31))
def test_to_the_uniform_prior_it_decides_as_post_hoc_logit_adjustment_does(counts, seed) -> None:
    distribution = ClassDistribution(counts)
    logits = 5 * torch.randn(50, len(counts), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    post_hoc = [
        max(range(len(counts)), key=lambda c: row[c] - 1.0 * math.log(counts[c] / sum(counts)))
        for row in logits.tolist()
    ]

    adjusted = adjust_logits(logits, distribution.log_priors, log_prior("uniform", distribution))

    assert adjusted.argmax(1).tolist() == post_hoc


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5), (0, 3)])
def test_the_class_axis_is_the_second(shape) -> None:
    logits, target = torch.randn(shape), torch.tensor([0.7, 0.2, 0.1]).log()

    adjusted = adjust_logits(logits, UNIFORM, target)

    assert adjusted.shape == shape
    for c in range(3):
        assert torch.allclose(adjusted[:, c], logits[:, c] + math.log(3 * [0.7, 0.2, 0.1][c]), atol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 5, 5), (4, 5, 5)])
def test_binary_logits_keep_any_shape(shape) -> None:
    prior = torch.tensor([0.9, 0.1]).log()

    adjusted = adjust_logits(torch.zeros(shape), torch.zeros(2), prior, "binary")

    assert adjusted.shape == shape
    assert torch.allclose(adjusted, torch.full(shape, math.log(1 / 9)), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("prior_dtype", [torch.float16, torch.float32, torch.float64])
def test_the_logits_keep_their_type_and_half_precision_is_computed_in_float32(dtype, prior_dtype) -> None:
    logits = torch.tensor([[1.0, 2.0]], dtype=dtype)
    # Log counts: in half precision their difference alone would be off by 0.01.
    source, target = torch.tensor([0.0, 12.0], dtype=prior_dtype), torch.tensor([0.0, 11.0], dtype=prior_dtype)

    adjusted = adjust_logits(logits, source, target)

    assert adjusted.dtype == dtype
    exact = adjust_logits(logits.double(), source.double(), target.double()).float()
    if dtype.itemsize == 2:
        assert torch.equal(adjusted, exact.to(dtype))
    else:
        assert torch.allclose(adjusted.float(), exact, rtol=1e-6)


def test_a_class_that_cannot_occur_has_probability_0() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    known = torch.tensor([0.5, 0.5, 0.0]).log()

    for source in (UNIFORM, known):
        adjusted = adjust_logits(logits, source, known)
        assert adjusted[0, 2] == -torch.inf
        assert adjusted.softmax(1)[0].tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e), 0])


@pytest.mark.parametrize(("target", "logit"), [([0.0, -math.inf], -math.inf), ([-math.inf, 0.0], math.inf)])
def test_a_binary_class_that_cannot_occur_is_never_predicted(target, logit) -> None:
    target = torch.tensor(target)

    assert adjust_logits(torch.zeros(1), torch.zeros(2), target, "binary").item() == logit
    assert adjust_logits(torch.zeros(1), target, target, "binary").item() == logit


def test_gradients_pass_unchanged() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    weights = torch.tensor([[1.0, 2.0, 3.0]])

    (adjust_logits(logits, UNIFORM, torch.tensor([0.7, 0.2, 0.1]).log()) * weights).sum().backward()

    assert torch.equal(logits.grad, weights)


def test_no_value_of_another_device_is_read() -> None:
    # A meta tensor has no values: reading one would raise, as waiting for a GPU would be slow.
    there = torch.zeros(4, 3, device="meta")

    for prior in (UNIFORM, UNIFORM.to("meta")):
        adjusted = adjust_logits(there, prior, UNIFORM)
        assert (adjusted.device.type, adjusted.shape) == ("meta", (4, 3))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (
            [0, math.nan, 0],
            [0, 0, 0],
            "`log_source_prior` must be finite, or -inf for a class that cannot occur, got nan for class 1.",
        ),
        (
            [0, 0, 0],
            [0, 0, math.inf],
            "`log_target_prior` must be finite, or -inf for a class that cannot occur, got inf for class 2.",
        ),
        (
            [0, -math.inf, 0],
            [0, 0, 0],
            "`log_source_prior` must be finite for each class that the target prior has, got -inf for class 1. Give that class -inf in `log_target_prior` too.",
        ),
        (
            [0, 0, 0],
            [-math.inf] * 3,
            "`log_target_prior` must leave at least one class that can occur, got -inf for all.",
        ),
    ],
)
def test_priors_that_mean_nothing_are_refused(source, target, expected) -> None:
    source, target = (torch.tensor(prior, dtype=torch.float32) for prior in (source, target))

    assert refusal(ValueError, adjust_logits, torch.zeros(1, 3), source, target) == expected


@pytest.mark.parametrize(
    ("logits", "prior", "task", "expected"),
    [
        (
            (4, 3),
            (2,),
            "multiclass",
            "`log_source_prior` must have one entry for each of the 3 logits, got shape (2,).",
        ),
        (
            (4, 3),
            (1, 3),
            "multiclass",
            "`log_source_prior` must have one entry for each of the 3 logits, got shape (1, 3).",
        ),
        (
            (4,),
            (1,),
            "binary",
            '`log_source_prior` must have two entries for `task="binary"`, negative then positive, got shape (1,).',
        ),
        ((4,), (4,), "multiclass", "logits must have shape (N, C, ...), one column a class, got (4,)."),
        (
            (4, 3),
            (3,),
            "multilabel",
            '`task` must be "multiclass" or "binary", got "multilabel". Adjust each label by itself: `adjust_logits(logits[:, c], ..., task="binary")`.',
        ),
        ((4, 3), (3,), "regression", "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'regression'."),
    ],
)
def test_shapes_and_tasks_that_do_not_fit_are_refused(logits, prior, task, expected) -> None:
    prior = torch.zeros(prior)

    assert refusal(ValueError, adjust_logits, torch.zeros(logits), prior, prior, task) == expected


def test_what_is_no_tensor_of_floats_is_refused() -> None:
    logits = torch.zeros(1, 3)

    assert refusal(TypeError, adjust_logits, logits.long(), UNIFORM, UNIFORM) == (
        "logits must be a tensor of floats, got int64 values."
    )
    assert refusal(TypeError, adjust_logits, logits, [0.0] * 3, UNIFORM) == (
        "`log_source_prior` must be a tensor of floats, got list."
    )
    assert refusal(TypeError, adjust_logits, logits, UNIFORM, torch.zeros(3, dtype=torch.int64)) == (
        "`log_target_prior` must be a tensor of floats, got int64 values."
    )
