from __future__ import annotations

import pytest

from lightning_imbalance import ClassDistribution, plots

NAMES = ["a", "b", "c", "d"]


def evaluation(found, samples=(10, 10, 10, 10), names=NAMES):
    return {
        "true_positives": dict(zip(names, found, strict=True)),
        "samples": dict(zip(names, samples, strict=True)),
    }


def test_each_class_goes_from_before_to_after():
    figure = plots.recall_change(
        evaluation([9, 5, 2, 4]), evaluation([8, 5, 6, 9]), ClassDistribution([1, 2, 30, 400], NAMES), ("plain", "new")
    )

    axes = figure.axes[0]
    before, after = axes.lines
    higher, lower = axes.collections
    assert [label.get_text() for label in axes.get_yticklabels()] == ["d", "c", "b", "a"]
    assert before.get_xdata().tolist() == [0.4, 0.2, 0.5, 0.9]
    assert after.get_xdata().tolist() == [0.9, 0.6, 0.5, 0.8]
    assert [segment.tolist() for segment in higher.get_segments()] == [[[0.4, 0], [0.9, 0]], [[0.2, 1], [0.6, 1]]]
    assert [segment.tolist() for segment in lower.get_segments()] == [[[0.9, 3], [0.8, 3]]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "plain",
        "new",
        "higher: 2 classes",
        "lower: 1 class",
    ]


def test_the_two_may_have_their_classes_in_another_order():
    after = evaluation([1, 2, 3, 4], names=NAMES[::-1])

    figure = plots.recall_change(evaluation([9, 5, 2, 4]), after)

    assert figure.axes[0].lines[1].get_xdata().tolist() == [0.4, 0.3, 0.2, 0.1]


def test_a_class_without_samples_in_one_of_them_has_no_line():
    figure = plots.recall_change(evaluation([0, 5, 2, 4], (0, 9, 9, 9)), evaluation([8, 5, 6, 9]))

    assert [(text.get_text(), text.get_position()[1]) for text in figure.axes[0].texts] == [("no sample", 3)]
    assert sum(len(lines.get_segments()) for lines in figure.axes[0].collections) == 3


def test_other_classes_are_refused():
    with pytest.raises(ValueError) as error:
        plots.recall_change(evaluation([9, 5, 2, 4]), evaluation([1], (2,), ["x"]))

    assert str(error.value) == "`after` must have the classes of the evaluation, 'a', 'b', 'c', 'd', got 'x'."
