from __future__ import annotations

import pytest
import torch

from lightning_imbalance import plots
from lightning_imbalance.functional import expected_calibration_error


def curves(figure, panel=0):
    """The points of a diagram, without its diagonal."""
    return [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in figure.axes[panel].lines[1:]]


def expected(scores, answers, bins):
    """The points by a loop."""
    points = []
    for index in range(bins):
        inside = [
            (p, a)
            for p, a in zip(scores.tolist(), answers.tolist(), strict=True)
            if index / bins < p <= (index + 1) / bins or p == index == 0
        ]
        if inside:
            points.append([sum(column) / len(inside) for column in zip(*inside, strict=True)])
    return [list(column) for column in zip(*points, strict=True)]


@pytest.mark.parametrize("bins", [1, 4, 10])
def test_each_of_few_classes_has_a_curve_of_its_own(bins):
    probabilities, target = torch.rand(300, 3).double().softmax(1), torch.randint(3, (300,))

    figure = plots.reliability(probabilities, target, ["a", "b", "c"], bins=bins)

    for index, (x, y) in enumerate(curves(figure)):
        assert [x, y] == [pytest.approx(each) for each in expected(probabilities[:, index], target == index, bins)]
    error = expected_calibration_error(probabilities, target, bins)
    assert figure.axes[0].get_title() == f"calibration error of the decision {error:.3f}"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]


def test_of_many_classes_the_decision_is_judged():
    probabilities, target = (3 * torch.randn(300, 9)).double().softmax(1), torch.randint(9, (300,))

    figure = plots.reliability(probabilities, target)

    confidence, predicted = probabilities.max(1)
    ((x, y),) = curves(figure)
    assert [x, y] == [pytest.approx(each) for each in expected(confidence, predicted == target, 10)]


def test_intervals_are_wilson_s():
    figure = plots.reliability(torch.tensor([[0.25, 0.75]]), torch.tensor([1]))

    (segment,) = figure.axes[0].collections[1].get_segments()
    assert segment.tolist() == [[0.75, pytest.approx(0.2065, abs=1e-4)], [0.75, 1.0]]


def test_diagrams_side_by_side_have_their_titles():
    target = torch.tensor([0, 1])
    figure = plots.reliability({"$a$": torch.eye(2), "b": torch.full((2, 2), 0.5)}, target, ["x", "y"])

    assert [axes.get_title() for axes in figure.axes] == [
        "$a$\ncalibration error of the decision 0.000",
        "b\ncalibration error of the decision 0.000",
    ]
    assert not figure.axes[0].title.get_parse_math()
    assert curves(figure, 0)[0] == ([0.0, 1.0], [0.0, 1.0])
    assert curves(figure, 1)[0] == ([0.5], [0.5])


def test_a_yes_or_no_question_has_one_curve():
    figure = plots.reliability(torch.tensor([[0.5], [0.25]]), torch.tensor([1, 0]), ["no", "yes"], task="binary")

    assert curves(figure) == [([0.25, 0.5], [0.0, 1.0])]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["yes"]


@pytest.mark.parametrize("labels", [2, 9])
def test_labels_that_are_ignored_count_nowhere(labels):
    probabilities = torch.full((4, labels), 0.75)
    target = torch.ones(4, labels, dtype=torch.int64)
    target[0, 0], target[1] = 0, -1

    figure = plots.reliability(probabilities, target, task="multilabel", ignore_index=-1)

    if labels == 2:
        assert curves(figure)[0] == ([0.75], [pytest.approx(2 / 3)])
        assert curves(figure)[1] == ([0.75], [1.0])
    else:
        assert curves(figure) == [([0.75], [pytest.approx(26 / 27)])]


def test_pixels_are_predictions():
    probabilities, target = torch.rand(2, 3, 5).softmax(1), torch.randint(3, (2, 5))
    target[0, 0] = 255

    dense = plots.reliability(probabilities, target, ignore_index=255)

    flat = plots.reliability(probabilities.movedim(1, -1).reshape(10, 3)[1:], target.flatten()[1:])
    assert curves(dense) == curves(flat)


def test_a_class_that_nobody_has_lies_at_zero():
    figure = plots.reliability(torch.tensor([[0.75, 0.25]]), torch.tensor([0]))

    assert curves(figure)[1] == ([0.25], [0.0])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            ({}, torch.tensor([0])),
            {},
            "`probabilities` must be a tensor, or at least one in a mapping from title to tensor, got an empty mapping.",
        ),
        ((torch.eye(2), torch.tensor([0, 1])), {"bins": 0}, "`bins` must be at least 1, got 0."),
        (
            (3 * torch.eye(2), torch.tensor([0, 1])),
            {},
            "`probabilities` must be between 0 and 1, got values from 0 to 3. Pass softmax or sigmoid of the logits.",
        ),
        (
            (torch.eye(2), torch.tensor([0, 2])),
            {},
            "targets must be class indices from 0 to 1, got 2. Pass a larger `num_classes` if it is a class, or `ignore_index=2` to leave such targets out.",
        ),
        (
            (torch.eye(2), torch.tensor([0, 1]), ["a"]),
            {},
            "`class_names` must have one name for each of the 2 classes, got 1: 'a'.",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(arguments, options, message):
    with pytest.raises(ValueError) as error:
        plots.reliability(*arguments, **options)

    assert str(error.value) == message
