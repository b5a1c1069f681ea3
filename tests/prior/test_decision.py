from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_imbalance.functional import predicted_classes
from lightning_imbalance.prior import decide

ROW = [0.2, 0.3, 0.5]


def refusal(*arguments: object) -> str:
    with pytest.raises(ValueError) as error:
        decide(*arguments)
    return str(error.value)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Tensor, list[list[float]]]:
    """Probabilities in sixteenths and costs in whole numbers, whose sums are exact: ties are ties."""
    num_classes = draw(st.integers(2, 5))
    cuts = draw(st.lists(st.lists(st.integers(0, 16), min_size=num_classes - 1, max_size=num_classes - 1), min_size=1))
    ends = [[0, *sorted(cut), 16] for cut in cuts]
    rows = [[(high - low) / 16 for low, high in itertools.pairwise(end)] for end in ends]
    row = st.lists(st.integers(-9, 9), min_size=num_classes, max_size=num_classes)
    return torch.tensor(rows), draw(st.lists(row, min_size=num_classes, max_size=num_classes))


def one_by_one(row: list[float], costs: list[list[float]]) -> int:
    cheapest, price = 0, math.inf
    for predicted in range(len(row)):
        expected = 0.0
        for true in range(len(row)):
            expected += costs[predicted][true] * row[true]
        if expected < price:
            cheapest, price = predicted, expected
    return cheapest


@given(decisions())
def test_it_is_the_first_cheapest_of_all_predictions(drawn) -> None:
    rows, costs = drawn

    assert decide(rows, costs).tolist() == [one_by_one(row, costs) for row in rows.tolist()]


@given(decisions(), st.lists(st.integers(-50, 50), min_size=5, max_size=5))
def test_what_each_prediction_costs_alike_decides_nothing(drawn, extra) -> None:
    rows, costs = drawn
    raised = torch.tensor(costs) + torch.tensor(extra)[: rows.shape[1]]

    assert torch.equal(decide(rows, raised), decide(rows, costs))


@given(decisions())
def test_equal_costs_of_all_mistakes_choose_the_most_probable_class(drawn) -> None:
    rows, _ = drawn

    assert torch.equal(decide(rows, 1 - torch.eye(rows.shape[1])), predicted_classes(rows, "multiclass"))


@given(
    st.lists(st.floats(0, 1), min_size=1), *[st.floats(-5, 5)] * 2, *[st.floats(0.01, 100)] * 2, st.sampled_from([1, 2])
)
def test_two_classes_have_the_threshold_of_elkan(positive, c00, c11, false_alarm, miss, ndim) -> None:
    costs = [[c00, c11 + miss], [c00 + false_alarm, c11]]
    threshold = (costs[1][0] - costs[0][0]) / (costs[1][0] - costs[0][0] + costs[0][1] - costs[1][1])
    positive = [p for p in positive if abs(p - threshold) > 1e-9]
    rows = torch.tensor(positive, dtype=torch.float64)

    decided = decide(rows if ndim == 1 else rows[:, None], costs)

    assert decided.tolist() == [int(p > threshold) for p in positive]
    assert torch.equal(decided, decide(torch.stack([1 - rows, rows], 1), costs))


def test_rows_are_predicted_and_columns_true() -> None:
    # Predicting 0 where 2 is true is what costs: the transposed matrix would make 2 the last choice.
    costs = torch.zeros(3, 3)
    costs[0, 2] = costs[1, 2] = 1

    assert decide(torch.tensor([[0.8, 0.1, 0.1]]), costs).tolist() == [2]
    assert decide(torch.tensor([[0.8, 0.1, 0.1]]), costs.T).tolist() == [0]


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 5, 6), (0, 3)])
def test_the_class_axis_is_the_second(shape) -> None:
    rows = torch.rand(shape)
    costs = torch.rand(3, 3)

    decided = decide(rows, costs)

    assert (decided.shape, decided.dtype) == (shape[:1] + shape[2:], torch.int64)
    assert torch.equal(decided.flatten(), decide(rows.movedim(1, -1).reshape(-1, 3), costs))


def test_a_single_column_is_the_positive_class_also_of_dense_predictions() -> None:
    positive = torch.rand(4, 1, 5)
    costs = [[0, 3], [1, 0]]

    assert torch.equal(decide(positive, costs), decide(torch.cat([1 - positive, positive], 1), costs))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_not_computed_in_half_precision(dtype) -> None:
    # 2049 is no float16, and both predictions would cost the same.
    costs = [[2049, 0], [2048, 0]]

    assert decide(torch.tensor([[1.0, 0.0]], dtype=dtype), costs).tolist() == [1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert decide(torch.tensor([[1.0, 0.0]]), costs).tolist() == [1]


def test_a_nan_makes_no_decision() -> None:
    rows = torch.tensor([[math.nan, 0.5, 0.5], ROW])

    assert decide(rows, 1 - torch.eye(3)).tolist() == [-1, 2]
    assert decide(torch.tensor([math.nan, 0.7]), 1 - torch.eye(2)).tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        (
            [[0, 1], [1, 0]],
            "`costs` must have shape (3, 3), a row for each predicted and a column for each true class, got (2, 2).",
        ),
        (
            [0, 1, 1],
            "`costs` must have shape (3, 3), a row for each predicted and a column for each true class, got (3,).",
        ),
        (
            [[0, 1, 1], [1, 0, math.inf], [1, 1, 0]],
            "`costs` must be finite, got inf for predicting class 1 where class 2 is true.",
        ),
        (
            [[0, 1, 1], [1, 0, 1], [math.nan, 1, 0]],
            "`costs` must be finite, got nan for predicting class 2 where class 0 is true.",
        ),
    ],
)
def test_costs_that_decide_nothing_are_refused(costs, expected) -> None:
    assert refusal(torch.tensor([ROW]), costs) == expected
