from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from lightning_imbalance import ClassDistribution, class_weights, plots
from lightning_imbalance.weighting import EffectiveNumber

LONG_TAIL = ClassDistribution([10, 100, 1000], class_names=["c", "b", "a"])


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_each_line_is_the_share_times_the_weight_normalized():
    schemes = ["complement", "balanced", EffectiveNumber(beta=0.99)]

    figure = plots.priors(LONG_TAIL, schemes)

    for line, scheme in zip(figure.axes[0].lines, schemes, strict=False):
        product = LONG_TAIL.priors * class_weights(LONG_TAIL, scheme).double()
        assert line.get_xdata().tolist() == pytest.approx((product / product.sum()).flip(0).tolist())
    assert legend(figure) == ["complement", "balanced", "EffectiveNumber(beta=0.99)"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b", "c"]


def test_the_usual_weightings_are_told_apart_by_more_than_colour():
    lines = plots.priors(LONG_TAIL).axes[0].lines[:5]

    assert len({line.get_color() for line in lines}) == 5
    assert len({line.get_marker() for line in lines}) == 5
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 5


def test_a_class_without_samples_has_no_prior_and_makes_no_noise():
    figure = plots.priors(ClassDistribution([90, 10, 0]), ["balanced"])

    line, equal = figure.axes[0].lines
    assert line.get_xdata()[:2].tolist() == pytest.approx([0.5, 0.5])
    assert math.isnan(line.get_xdata()[2])
    assert equal.get_xdata() == [0.5, 0.5]


@pytest.mark.parametrize("counts", [[60, 40], [98, 70, 50, 36, 25, 18, 13, 9, 6, 4], [9000, 900, 90, 9], [99_999, 1]])
def test_shares_are_labelled_in_per_cent_and_no_label_runs_into_another(counts):
    figure = plots.priors(ClassDistribution(counts))
    figure.draw_without_rendering()
    axis, (low, high) = figure.axes[0].xaxis, figure.axes[0].get_xlim()

    labels = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    minor = [tick.label1.get_text() for tick in axis.get_minor_ticks()]

    assert len(labels) >= 2
    assert all(label.get_text().endswith("%") for label in labels)
    assert set(minor) <= {""}
    boxes = sorted((label.get_window_extent().x0, label.get_window_extent().x1) for label in labels)
    assert all(end < start for (_, end), (start, _) in pairwise(boxes))


def test_names_of_ones_own():
    assert legend(plots.priors(LONG_TAIL, {"mine": [1.0, 2.0, 3.0], "_by mapping": {"a": 1, "b": 2, "c": 3}})) == [
        "mine",
        "_by mapping",
    ]


def test_of_labels_that_exclude_nothing_each_has_a_prior_of_its_own():
    figure = plots.priors(ClassDistribution([50, 5], task="multilabel", num_samples=100), ["uniform", "balanced"])

    uniform, balanced, equal = figure.axes[0].lines
    assert uniform.get_xdata().tolist() == pytest.approx([0.5, 0.05])
    assert balanced.get_xdata().tolist() == pytest.approx([0.5, 0.5])
    assert equal.get_xdata() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("schemes", "kind", "message"),
    [
        (
            "balanced",
            TypeError,
            "`schemes` must be several weightings in a list, or a mapping from name to weighting, got 'balanced'.",
        ),
        ([], ValueError, "`schemes` must be from 1 to 8 weightings to be told apart, got none."),
        (
            {str(index): "balanced" for index in range(9)},
            ValueError,
            "`schemes` must be from 1 to 8 weightings to be told apart, got 9 ('0', '1', '2', '3', '4', '5', '6', '7', '8').",
        ),
        (
            [torch.ones(2)],
            ValueError,
            "the weighting must give one weight for each of the 3 classes, got shape (2,).",
        ),
    ],
    ids=["a name", "none", "nine", "other classes"],
)
def test_what_are_no_weightings_of_these_classes_is_refused(schemes, kind, message):
    with pytest.raises(kind) as error:
        plots.priors(LONG_TAIL, schemes)

    assert str(error.value) == message
