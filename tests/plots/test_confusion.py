from __future__ import annotations

import pytest
import torch

from lightning_imbalance import plots
from lightning_imbalance.functional import wilson_interval


def test_rows_are_shares_of_the_class_in_numbers_and_colour():
    figure = plots.confusion(torch.tensor([[199, 1, 0], [0, 0, 0], [1, 1, 2]]), ["cat", "none", "owl"])

    axes, scale = figure.axes
    assert axes.images[0].get_array().filled(-1).tolist() == [[0.995, 0.005, 0], [-1, -1, -1], [0.25, 0.25, 0.5]]
    assert {text.get_position()[::-1]: text.get_text() for text in axes.texts} == {
        (0, 0): "100",
        (0, 1): "0",
        (2, 0): "25",
        (2, 1): "25",
        (2, 2): "50",
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat (200)", "none (0)", "owl (4)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "none", "owl"]
    assert scale.get_ylabel() == "share of the class's samples"


def test_what_is_rare_is_not_shown_as_never():
    figure = plots.confusion([[999, 1], [0, 5]])

    assert [text.get_text() for text in figure.axes[0].texts] == ["100", "<1", "100"]


def test_numbers_can_be_read_on_any_shade():
    texts = plots.confusion([[9, 1], [0, 5]]).axes[0].texts

    assert [text.get_color() for text in texts] == ["white", "0.1", "white"]


def test_of_many_classes_the_pairs_come_with_the_surest_first():
    matrix = torch.diag(torch.full((40,), 30))
    matrix[3, 5] = 70  # 70 of 100
    matrix[8, 9], matrix[8, 8] = 1, 0  # 1 of 1
    matrix[1, 0], matrix[1, 1] = 4, 1  # 4 of 5
    matrix[2, 0] = 2  # 2 of 32

    figure = plots.confusion(matrix, pairs=3)

    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["3 → 5", "1 → 0", "8 → 9"]
    assert [bar.get_width() for bar in axes.patches] == [0.7, 0.8, 1.0]
    low, high = wilson_interval(torch.tensor([70, 4, 1]), torch.tensor([100, 5, 1]))
    assert [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()] == [
        pytest.approx(pair) for pair in zip(low.tolist(), high.tolist(), strict=True)
    ]
    assert [text.get_text() for text in axes.texts] == ["70 of 100", "4 of 5", "1 of 1"]
    assert axes.get_title(loc="left") == "classes taken for another, worst first: 3 of 4 pairs"


def test_of_many_classes_none_may_be_taken_for_another():
    figure = plots.confusion(torch.eye(31, dtype=torch.int64))

    assert [text.get_text() for text in figure.axes[0].texts] == ["none is"]
    assert figure.axes[0].get_title(loc="left") == "classes taken for another, worst first: 0 of 0 pairs"


@pytest.mark.parametrize(("max_classes", "whole"), [(30, True), (29, False), (0, False)])
def test_from_how_many_classes_on_is_a_choice(max_classes, whole):
    figure = plots.confusion(torch.ones(30, 30), max_classes=max_classes)

    assert bool(figure.axes[0].images) is whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2]],), "`matrix` must be square, one row and one column a class, got shape (1, 2)."),
        (([],), "`matrix` must be square, one row and one column a class, got shape (0,)."),
        (([[1, -2], [0, 1]],), "`matrix` must have counts, from 0 on, got -2."),
        (([[1, 2], [0, 1]], ["a"]), "`class_names` must have one name for each of the 2 classes, got 1: 'a'."),
    ],
)
def test_what_is_no_matrix_of_these_classes_is_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        plots.confusion(*arguments)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pairs": 0}, "`pairs` must be an integer from 1 on, got 0."),
        ({"max_classes": -1}, "`max_classes` must be an integer from 0 on, got -1."),
    ],
)
def test_numbers_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        plots.confusion([[1]], **arguments)

    assert str(error.value) == message
