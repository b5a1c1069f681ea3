from __future__ import annotations

import math

import pytest

from lightning_imbalance.plots import training_curves

LOSSES = {"training": {0: 0.9, 1: 0.5, 2: 0.3}, "validation": {0: 0.8, 1: 0.6, 2: 0.7}}
FIGURES = {"balanced accuracy": {0: 0.4, 1: 0.7, 2: math.nan}}


def lines(figure):
    return [[list(zip(*line.get_data(), strict=True)) for line in axes.lines] for axes in figure.axes]


def test_losses_stand_left_and_figures_right():
    figure = training_curves(LOSSES, FIGURES)

    assert lines(figure)[0] == [[(0, 0.9), (1, 0.5), (2, 0.3)], [(0, 0.8), (1, 0.6), (2, 0.7)]]
    assert lines(figure)[1][0][:2] == [(0, 0.4), (1, 0.7)]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "share"]
    assert figure.axes[1].get_ylim() == (-0.02, 1.02)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "training",
        "validation",
        "balanced accuracy",
    ]


def test_no_two_curves_look_the_same():
    figure = training_curves(LOSSES, FIGURES)

    looks = {(line.get_color(), line.get_marker()) for axes in figure.axes for line in axes.lines}
    assert len(looks) == 3


@pytest.mark.parametrize(
    ("losses", "figures", "label"), [(LOSSES, {}, "loss"), ({}, FIGURES, "share"), ({"a": {}}, FIGURES, "share")]
)
def test_one_half_alone_is_enough(losses, figures, label):
    figure = training_curves(losses, figures)

    assert [axes.get_ylabel() for axes in figure.axes] == [label]


def test_epochs_may_come_in_any_order():
    assert lines(training_curves({"a": {2: 0.1, 0: 0.3}}, {})) == [[[(0, 0.3), (2, 0.1)]]]


def test_a_name_is_text():
    assert training_curves({"$_x^": {0: 1.0}}, {}).legends[0].get_texts()[0].get_text() == "$_x^"


@pytest.mark.parametrize(
    ("losses", "figures", "message"),
    [
        ({}, {}, "`losses` or `figures` must have at least one epoch, got none."),
        ({}, {str(i): {0: 0.5} for i in range(9)}, "`figures` must be at most 8, which can be told apart, got 9."),
    ],
)
def test_what_cannot_be_drawn_is_refused(losses, figures, message):
    with pytest.raises(ValueError) as refused:
        training_curves(losses, figures)

    assert str(refused.value) == message
