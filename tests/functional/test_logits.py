from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import align, predicted_classes, probabilities
from lightning_imbalance.functional.logits import check_target_range, full_precision, squeeze_binary


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
@pytest.mark.parametrize(("logits", "target"), [((4, 3), (4,)), ((4, 3, 5), (4, 5)), ((4, 3, 5, 6), (4, 5, 6))])
def test_class_indices_of_any_integer_type_become_int64(dtype, logits, target):
    aligned = align(torch.zeros(logits), torch.ones(target, dtype=dtype), "multiclass", 3)

    assert aligned[0].shape == logits
    assert (aligned[1].shape, aligned[1].dtype) == (target, torch.int64)


@given(
    values=st.lists(st.sampled_from([-1.0, 0.0, 1.0, math.inf, -math.inf, math.nan]), min_size=24, max_size=24),
    shape=st.sampled_from([(4, 6), (2, 3, 4), (2, 3, 2, 2)]),
    turned=st.booleans(),
)
def test_numpy_decides_as_torch_does(values, shape, turned):
    logits = torch.tensor(values).view(shape)
    logits = (logits.transpose(0, 1) if turned else logits).requires_grad_()
    with torch.no_grad():
        found = predicted_classes(logits, "multiclass")

    is_largest = logits == logits.nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf).amax(1, keepdim=True)
    first = is_largest.int().cumsum(1).cumsum(1).eq(1).int().argmax(1)
    assert torch.equal(found, torch.where(logits.isnan().any(1), -1, first))
    assert torch.equal(found, predicted_classes(logits.detach().half(), "multiclass"))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5)])
def test_class_probabilities_stay_as_they_are(shape):
    target = torch.rand(shape)

    assert align(torch.zeros(shape), target, "multiclass")[1] is target


@pytest.mark.parametrize(
    ("logits", "target", "aligned"),
    [
        ((4,), (4,), (4,)),
        ((4, 1), (4,), (4,)),
        ((4, 1), (4, 1), (4,)),
        ((4, 1, 5, 5), (4, 5, 5), (4, 5, 5)),
        ((4, 1, 5, 5), (4, 1, 5, 5), (4, 5, 5)),
        ((4, 5, 5), (4, 5, 5), (4, 5, 5)),
        ((1, 1), (1,), (1,)),
        ((0, 1), (0,), (0,)),
    ],
)
def test_binary_logits_lose_their_only_column(logits, target, aligned):
    both = align(torch.zeros(logits), torch.zeros(target), "binary")

    assert [tensor.shape for tensor in both] == [aligned, aligned]


def test_binary_values_stay_in_their_places():
    logits, target = align(torch.tensor([[1.0], [2.0]]), torch.tensor([[1], [0]]), "binary")

    assert (logits.tolist(), target.tolist()) == ([1, 2], [1, 0])


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2)])
def test_multilabel_keeps_both(shape):
    logits, target = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)

    assert align(logits, target, "multilabel", 3) == (logits, target)


@pytest.mark.parametrize(
    ("logits", "target", "task", "num_classes", "expected"),
    [
        (
            (4, 2),
            (4,),
            "multiclass",
            3,
            (
                "the model must give one logit for each of the 3 classes, got 2 (logits of shape (4, 2)). "
                "Change the model's last layer to 3 outputs."
            ),
        ),
        (
            (4, 2),
            (4, 2),
            "multilabel",
            3,
            (
                "the model must give one logit for each of the 3 classes, got 2 (logits of shape (4, 2)). "
                "Change the model's last layer to 3 outputs."
            ),
        ),
        ((4,), (4,), "multiclass", None, "logits must have shape (N, C, ...), one column a class, got (4,)."),
        ((4,), (4,), "multilabel", None, "logits must have shape (N, C, ...), one column a class, got (4,)."),
        (
            (4, 3),
            (4, 1),
            "multiclass",
            None,
            "class indices must have shape (4,) for logits of shape (4, 3), got (4, 1). Use `target.squeeze(1)`.",
        ),
        (
            (4, 3),
            (5,),
            "multiclass",
            None,
            "class indices must have shape (4,) for logits of shape (4, 3), got (5,).",
        ),
        (
            (4, 3, 8),
            (4, 3),
            "multiclass",
            None,
            "class indices must have shape (4, 8) for logits of shape (4, 3, 8), got (4, 3).",
        ),
        (
            (4, 3),
            (4, 2),
            "multilabel",
            None,
            "multilabel targets must have the shape of the logits, (4, 3), a 0 or 1 for each label, got (4, 2).",
        ),
        (
            (4, 2),
            (4,),
            "binary",
            None,
            (
                "binary logits must have one column, shape (N,) or (N, 1), got (4, 2) for targets of shape (4,). "
                'For a model with two outputs use `task="multiclass"`.'
            ),
        ),
        (
            (4, 1),
            (5,),
            "binary",
            None,
            "binary targets must have shape (4,) for logits of shape (4, 1), got (5,).",
        ),
        ((4,), (4, 1), "binary", None, "binary targets must have shape (4,) for logits of shape (4,), got (4, 1)."),
    ],
)
def test_shapes_that_do_not_fit_are_refused(logits, target, task, num_classes, expected):
    target = torch.zeros(target, dtype=torch.int64)

    assert refusal(ValueError, align, torch.zeros(logits), target, task, num_classes) == expected


def test_probabilities_of_another_shape_are_refused():
    assert refusal(ValueError, align, torch.zeros(4, 3), torch.rand(4, 2), "multiclass") == (
        "class probabilities must have the shape of the logits, (4, 3), got (4, 2)."
    )


@pytest.mark.parametrize(("dtype", "name"), [(torch.float32, "float32"), (torch.float64, "float64")])
def test_class_indices_that_are_floats_are_refused(dtype, name):
    assert refusal(TypeError, align, torch.zeros(4, 3), torch.zeros(4, dtype=dtype), "multiclass") == (
        f"class indices must be integers, got {name} targets. Convert them with `target.long()`."
    )


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_what_is_no_tensor_is_refused(task):
    assert (
        refusal(TypeError, align, [[0.0]], torch.zeros(1), task)
        == "`logits` must be a tensor, got list. Return the logits alone from the model or from `forward`."
    )
    assert refusal(TypeError, align, torch.zeros(1, 1), None, task) == (
        "`target` must be a tensor, got NoneType. Return class indices from the dataset, or override `unpack_batch`."
    )


@pytest.mark.parametrize(
    ("target", "task", "ignore_index", "expected"),
    [
        (
            [0, 3],
            "multiclass",
            None,
            "class indices from 0 to 2, got 3. Pass a larger `num_classes` if it is a class, or `ignore_index=3` to leave such targets out.",
        ),
        (
            [-1, 0],
            "multiclass",
            None,
            "class indices from 0 to 2, got -1. Pass `ignore_index=-1` to leave such targets out.",
        ),
        ([-100, 9], "multiclass", -100, "class indices from 0 to 2, got 9."),
        ([0, 2], "binary", None, "between 0 and 1, got 2."),
        ([0.5, -0.1], "multilabel", None, "between 0 and 1, got -0.10000000149011612."),
        ([[0.5, 0.5, 1.5]], "multiclass", None, "between 0 and 1, got 1.5."),
        ([0.5, math.nan], "binary", None, "between 0 and 1, got nan."),
    ],
)
def test_targets_outside_the_classes_are_refused(target, task, ignore_index, expected):
    assert refusal(ValueError, check_target_range, torch.tensor(target), task, 3, ignore_index) == (
        f"targets must be {expected}"
    )


@pytest.mark.parametrize(
    ("target", "task", "ignore_index"),
    [
        ([0, 2, 1], "multiclass", None),
        ([0, 255, -0], "multiclass", 255),
        ([-100, -100], "multiclass", -100),
        ([[0.0, 1.0, 0.0]], "multiclass", None),
        ([0, 1, -1], "binary", -1),
        ([True, False], "binary", -100),
        ([0.0, 0.5, 1.0], "multilabel", None),
        ([], "multiclass", None),
    ],
)
def test_targets_within_the_classes_pass(target, task, ignore_index):
    assert check_target_range(torch.tensor(target), task, 3, ignore_index) is None


def test_the_largest_logit_or_a_positive_one_decides():
    logits = torch.tensor([[0.1, 2.0], [3.0, -1.0]])

    assert predicted_classes(logits, "multiclass").tolist() == [1, 0]
    assert predicted_classes(logits, "multilabel").tolist() == [[1, 1], [1, 0]]
    assert predicted_classes(torch.tensor([-0.0, 0.0, 1e-30]), "binary").tolist() == [0, 0, 1]
    assert predicted_classes(torch.zeros(2, 3, 4, 5), "multiclass").shape == (2, 4, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_nan_makes_no_decision_and_an_infinity_does(dtype):
    logits = torch.tensor([[math.nan, 1, 0], [math.inf, math.nan, 0], [0, math.inf, 1], [-math.inf, -math.inf, 0]])
    logits = logits.to(dtype)

    assert predicted_classes(logits, "multiclass").tolist() == [-1, -1, 1, 2]
    assert predicted_classes(logits, "multilabel").tolist() == [[-1, 1, 0], [1, -1, 0], [0, 1, 1], [0, 0, 0]]
    assert predicted_classes(logits[:, 0], "binary").tolist() == [-1, 1, 0, 0]


@pytest.mark.parametrize("shape", [(50, 4), (9, 3, 7), (5, 3, 4, 4), (0, 3)])
def test_of_equal_logits_the_first_decides(shape):
    logits = torch.randint(3, shape).float()

    assert torch.equal(predicted_classes(logits, "multiclass"), logits.argmax(1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_probabilities_are_computed_in_float32_at_least(dtype):
    logits = torch.tensor([[1.0, 2.0, 30.0]], dtype=dtype)

    softmax, sigmoid = probabilities(logits, "multiclass"), probabilities(logits, "multilabel")

    assert softmax.dtype == sigmoid.dtype == torch.float32
    assert softmax.sum().item() == pytest.approx(1, abs=1e-6)
    assert sigmoid[0].tolist() == pytest.approx([1 / (1 + math.exp(-z)) for z in (1, 2, 30)], rel=1e-6)


def test_only_a_single_column_is_squeezed():
    assert squeeze_binary(torch.zeros(4, 1, 7)).shape == (4, 7)
    assert squeeze_binary(torch.zeros(4, 2)).shape == (4, 2)
    assert squeeze_binary(torch.zeros(1)).shape == (1,)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_a_loss_is_computed_in_float32_or_better(dtype, expected):
    assert full_precision(torch.zeros(2, dtype=dtype)).dtype == expected
