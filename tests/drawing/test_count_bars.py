from __future__ import annotations

import pytest

from lightning_imbalance import ClassDistribution, plots


def bars(figure):
    return [patch.get_width() for container in figure.axes[0].containers for patch in container]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_bars_go_from_the_most_frequent_class_to_the_rarest_with_their_numbers():
    distribution = ClassDistribution([5, 1200, 0, 60], class_names=["a", "b", "none", "c"])

    figure = distribution.plot()

    axes = figure.axes[0]
    assert bars(figure) == [1200, 60, 5, 0]
    assert [text.get_text() for text in axes.texts] == ["1,200", "60", "5", "0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a", "none"]
    assert axes.get_title(loc="left") == "4 classes, 1,265 samples, imbalance ratio 240"
    assert axes.get_xlabel() == "samples (logarithmic)"
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlim()[0] == 0
    assert legend(figure) == ["many: 1 class, 94.9%", "medium: 1 class, 4.7%", "few: 2 classes, 0.4%"]


def test_other_bounds_make_other_groups():
    assert legend(ClassDistribution([50, 10]).plot(many=40, few=40)) == ["many: 1 class, 83.3%", "few: 1 class, 16.7%"]


def test_a_thousand_classes_are_one_shape():
    counts = [1000 - index for index in range(999)] + [0]

    figure = ClassDistribution(counts).plot()

    (shape,) = [patch for patch in figure.axes[0].patches if hasattr(patch, "get_data")]
    assert shape.get_data().values.tolist() == counts
    assert shape.get_data().edges[[0, -1]].tolist() == [-0.5, 999.5]
    assert list(figure.axes[0].texts) == []


def test_labels_that_exclude_nothing_are_counted_in_positives():
    figure = ClassDistribution([5, 3], task="multilabel", num_samples=100).plot()

    assert figure.axes[0].get_xlabel() == "positives (logarithmic)"
    assert figure.axes[0].get_title(loc="left") == "2 labels, 100 rows, imbalance ratio 1.67"


def test_labels_without_any_positive_are_drawn():
    assert bars(ClassDistribution([0, 0], task="multilabel", num_samples=9).plot()) == [0, 0]


def test_the_function_draws_what_the_method_draws():
    distribution = ClassDistribution([30, 10])

    assert bars(plots.counts(distribution)) == bars(distribution.plot()) == [30, 10]


def test_groups_that_overlap_are_refused():
    with pytest.raises(ValueError) as error:
        ClassDistribution([3, 1]).plot(many=1, few=2)

    assert str(error.value) == "`few` must be at most `many`, got few=2 and many=1."
