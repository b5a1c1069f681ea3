from __future__ import annotations

import math

import numpy as np
import pytest

from lightning_imbalance import ClassDistribution, plots


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_each_of_few_classes_has_a_line_from_frequent_to_rare():
    history = {2: {"a": 0.5, "b": 0.1}, 0: {"a": 0.25, "b": math.nan}}

    figure = plots.recall_over_epochs(history, ClassDistribution([3, 90], ["a", "b"]))

    first, second = figure.axes[0].lines
    assert legend(figure) == ["b", "a"]
    assert first.get_ydata().tolist() == pytest.approx([math.nan, 0.1], nan_ok=True)
    assert (second.get_xdata().tolist(), second.get_ydata().tolist()) == ([0, 2], [0.25, 0.5])


def test_of_many_classes_the_groups_have_a_mean_and_the_spread_inside_them():
    names = [str(index) for index in range(30)]
    recalls = {name: ((7 * int(name)) % 30) / 30 for name in names}
    recalls["29"] = math.nan
    trained = ClassDistribution([500] * 12 + [50] + [5] * 17, names)

    figure = plots.recall_over_epochs({0: recalls, 1: dict.fromkeys(names, 1.0)}, trained)

    assert legend(figure) == ["many: 12 classes", "medium: 1 class", "few: 17 classes"]
    many = [recalls[name] for name in names[:12]]
    few = [recalls[name] for name in names[13:29]]
    lines = [line.get_ydata().tolist() for line in figure.axes[0].lines]
    assert lines == [
        [pytest.approx(np.mean(many)), 1],
        [pytest.approx(recalls["12"]), 1],
        [pytest.approx(np.mean(few)), 1],
    ]
    for area, values in zip(figure.axes[0].collections, (many, [recalls["12"]], few), strict=True):
        heights = area.get_paths()[0].vertices[:, 1]
        assert min(heights) == pytest.approx(np.quantile(values, 0.1))
        assert np.quantile(values, 0.9) == pytest.approx(max(y for x, y in area.get_paths()[0].vertices if x == 0))


def test_of_many_classes_without_training_counts_all_are_one_group():
    names = [str(index) for index in range(1000)]

    figure = plots.recall_over_epochs({0: dict.fromkeys(names, 0.5)})

    assert legend(figure) == ["all 1,000 classes"]


def test_a_group_that_was_never_measured_is_left_open():
    names = [str(index) for index in range(9)]

    figure = plots.recall_over_epochs({0: dict.fromkeys(names, math.nan), 1: dict.fromkeys(names, 0.5)})

    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([math.nan, 0.5], nan_ok=True)


@pytest.mark.parametrize("history", [{}, {0: {}}])
def test_no_epoch_is_refused(history):
    with pytest.raises(ValueError) as error:
        plots.recall_over_epochs(history)

    assert str(error.value) == "`history` must have the recall of each class for at least one epoch, got none."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ({0: {"a": 1.0}, 1: {"b": 1.0}},),
            "`history[1]` must have the classes of the evaluation, 'a', got 'b'.",
        ),
        (
            ({0: {"a": 1.0, "b": 1.0}}, ClassDistribution([1, 1])),
            "`distribution` must have the classes of the evaluation, 'a', 'b', got '0', '1'.",
        ),
    ],
)
def test_other_classes_are_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        plots.recall_over_epochs(*arguments)

    assert str(error.value) == message
