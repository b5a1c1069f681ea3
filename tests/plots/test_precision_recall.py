from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from lightning_imbalance import plots


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30))
def test_curves_are_those_of_scikit_learn(pairs):
    scores, answers = (
        torch.tensor([place / 8 for place, _ in pairs]),
        torch.tensor([int(answer) for _, answer in pairs]),
    )

    figure = plots.precision_recall(scores, answers, task="binary")

    line = figure.axes[0].lines[0]
    if not answers.any():
        assert line.get_xdata().tolist() == []
        assert legend(figure) == ["positive: no sample"]
        return
    precision, recall, _ = precision_recall_curve(answers, scores)
    # scikit-learn ends with a precision of 1 that no threshold has, and goes from low thresholds to high ones.
    assert line.get_xdata().tolist() == pytest.approx([0, *recall[:-1][::-1]])
    assert line.get_ydata().tolist()[1:] == pytest.approx(list(precision[:-1][::-1]))
    name, average, count = legend(figure)[0].split(" ", 2)
    assert (name, count) == ("positive:", f"({int(answers.sum())} of {len(pairs)})")
    assert float(average) == pytest.approx(average_precision_score(answers, scores), abs=5.1e-4)


def test_each_of_few_classes_has_a_curve_and_its_share():
    probabilities, target = torch.rand(50, 3).softmax(1), torch.arange(50) % 2

    figure = plots.precision_recall(probabilities, target, ["a", "b", "none"])

    assert legend(figure)[2] == "none: no sample"
    first, share_of_first, _, share_of_second, third = figure.axes[0].lines
    assert share_of_first.get_ydata() == share_of_second.get_ydata() == [0.5, 0.5]
    assert first.get_xdata()[-1] == 1
    assert len(third.get_xdata()) == 0


@pytest.mark.parametrize("classes", [9, 200])
def test_of_many_classes_each_has_a_row_with_its_average_precision(classes):
    target = torch.arange(400) % (classes - 1)
    target[:20] = 0
    probabilities = (torch.randn(400, classes) + 2 * torch.nn.functional.one_hot(target, classes)).softmax(1)

    figure = plots.precision_recall(probabilities, target)

    points, shares = figure.axes[0].lines[:2]
    counts = target.bincount(minlength=classes).tolist()
    order = sorted(range(classes), key=lambda index: -counts[index])
    assert points.get_xdata()[:-1].tolist() == [
        pytest.approx(average_precision_score(target == index, probabilities[:, index])) for index in order[:-1]
    ]
    assert math.isnan(points.get_xdata()[-1])
    assert shares.get_xdata()[:-1].tolist() == [pytest.approx(counts[index] / 400) for index in order[:-1]]
    if classes == 9:
        assert [text.get_text() for text in figure.axes[0].texts] == ["no sample"]
    else:
        assert figure.axes[0].get_title(loc="left") == "1 of 200 classes have no sample"


def test_probabilities_are_asked_for():
    with pytest.raises(ValueError) as error:
        plots.precision_recall(torch.tensor([[2.0, -1.0]]), torch.tensor([0]))

    assert str(error.value) == (
        "`probabilities` must be between 0 and 1, got values from -1 to 2. Pass softmax or sigmoid of the logits."
    )
