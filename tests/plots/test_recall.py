from __future__ import annotations

import json
import math

import pytest
import torch

from lightning_imbalance import ClassDistribution, plots
from lightning_imbalance.functional import wilson_interval

EVALUATION = {
    "samples": {"rare": 4, "none": 0, "common": 100, "middle": 20},
    "true_positives": {"rare": 1, "none": 0, "common": 90, "middle": 10},
}
TRAINED = ClassDistribution([300, 50, 10, 5], class_names=["common", "middle", "none", "rare"])


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def rows(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_points_and_intervals_are_the_recalls_from_frequent_to_rare():
    figure = plots.recall(EVALUATION, TRAINED)

    axes = figure.axes[0]
    points, balanced = axes.lines
    assert rows(figure) == ["common", "middle", "none", "rare"]
    assert points.get_xdata().tolist() == pytest.approx([0.9, 0.5, math.nan, 0.25], nan_ok=True)
    low, high = wilson_interval(torch.tensor([90, 10, 1]), torch.tensor([100, 20, 4]))
    (intervals,) = axes.collections
    drawn = {round(segment[0, 1]): segment[:, 0].tolist() for segment in intervals.get_segments() if len(segment)}
    assert [drawn[row] for row in (0, 1, 3)] == [
        pytest.approx(pair) for pair in zip(low.tolist(), high.tolist(), strict=True)
    ]
    assert balanced.get_xdata() == [pytest.approx(0.55)] * 2
    assert legend(figure) == [
        "recall",
        "95% interval",
        "balanced accuracy 0.550",
        "many: mean 0.900",
        "medium: mean 0.500",
        "few: mean 0.250",
    ]


def test_a_class_without_samples_says_so():
    (text,) = plots.recall(EVALUATION, TRAINED).axes[0].texts

    assert (text.get_text(), text.get_position()[1]) == ("no sample", 2)


def test_without_training_counts_the_samples_decide_the_order_and_no_group_is_shaded():
    figure = plots.recall(EVALUATION)

    assert rows(figure) == ["common", "middle", "rare", "none"]
    assert legend(figure) == ["recall", "95% interval", "balanced accuracy 0.550"]


def test_an_evaluation_comes_back_from_a_file():
    figure = plots.recall(json.loads(json.dumps(EVALUATION)))

    assert figure.axes[0].lines[0].get_xdata()[0] == 0.9


def test_nothing_evaluated_is_drawn_as_nothing():
    nothing = {"samples": {"a": 0, "b": 0}, "true_positives": {"a": 0, "b": 0}}

    figure = plots.recall(nothing, ClassDistribution([200, 1], ["a", "b"]))

    assert len(figure.axes[0].texts) == 2
    assert legend(figure) == ["recall", "95% interval", "many: no sample", "few: no sample"]


def test_of_many_classes_the_absent_ones_are_counted_in_the_title():
    names = [str(index) for index in range(1000)]
    figure = plots.recall(
        {"samples": {name: int(int(name) > 2) for name in names}, "true_positives": dict.fromkeys(names, 0)}
    )

    assert figure.axes[0].get_title(loc="left") == "3 of 1,000 classes have no sample"
    assert len(figure.axes[0].lines[0].get_xdata()) == 1000


@pytest.mark.parametrize(
    ("evaluation", "kind", "message"),
    [
        (
            [0.5],
            TypeError,
            "`evaluation` must be one evaluation, such as `monitor.results['val']`, with 'true_positives' and 'samples' by class name, got list.",
        ),
        (
            {"val": EVALUATION},
            TypeError,
            "`evaluation` must be one evaluation, such as `monitor.results['val']`, with 'true_positives' and 'samples' by class name, got the keys 'val'.",
        ),
        (
            {},
            TypeError,
            "`evaluation` must be one evaluation, such as `monitor.results['val']`, with 'true_positives' and 'samples' by class name, got dict.",
        ),
        (
            {"samples": {"a": 2}, "true_positives": {"a": 3}},
            ValueError,
            "`evaluation` must have from 0 to all samples of each class as true positives, got 3 of 2 for 'a'.",
        ),
        (
            {"samples": {"a": 2}, "true_positives": {}},
            ValueError,
            "`evaluation` must have from 0 to all samples of each class as true positives, got None of 2 for 'a'.",
        ),
        (
            {"samples": {}, "true_positives": {}},
            ValueError,
            "`evaluation` must have from 0 to all samples of each class as true positives, got no class.",
        ),
    ],
    ids=["a list", "all stages", "empty", "more than all", "missing", "no class"],
)
def test_what_is_no_evaluation_is_refused(evaluation, kind, message):
    with pytest.raises(kind) as error:
        plots.recall(evaluation)

    assert str(error.value) == message


def test_a_distribution_of_other_classes_is_refused():
    with pytest.raises(ValueError) as error:
        plots.recall(EVALUATION, ClassDistribution([3, 1], ["x", "y"]))

    assert str(error.value) == (
        "`distribution` must have the classes of the evaluation, 'rare', 'none', 'common', 'middle', got 'x', 'y'."
    )
