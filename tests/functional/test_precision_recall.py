from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from lightning_imbalance.functional import precision_recall


def slowly(scores: list[float], answers: list[bool]) -> tuple[list[float], list[float], float]:
    """Each threshold on its own, from the definitions."""
    precisions, recalls, average = [], [], 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [answer for score, answer in zip(scores, answers, strict=True) if score >= threshold]
        precisions.append(sum(taken) / len(taken))
        recalls.append(sum(taken) / sum(answers))
        average += (recalls[-1] - (recalls[-2] if len(recalls) > 1 else 0)) * precisions[-1]
    return precisions, recalls, average


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=25))
def test_the_curve_is_that_of_the_definitions_and_of_scikit_learn(pairs):
    scores, answers = [place / 8 for place, _ in pairs], [answer for _, answer in pairs]

    curve = precision_recall(torch.tensor(scores), torch.tensor(answers))

    if not any(answers):
        assert (len(curve.precision), len(curve.recall)) == (0, 0)
        assert math.isnan(curve.average_precision)
        return
    precisions, recalls, average = slowly(scores, answers)
    assert curve.precision.tolist() == pytest.approx(precisions)
    assert curve.recall.tolist() == pytest.approx(recalls)
    assert curve.average_precision.item() == pytest.approx(average)
    reference = precision_recall_curve(answers, scores)
    assert curve.precision.tolist() == pytest.approx(list(reference[0][:-1][::-1]))
    assert curve.average_precision.item() == pytest.approx(average_precision_score(answers, scores))


@given(st.permutations(range(8)))
def test_the_order_of_the_samples_does_not_matter(order):
    scores = torch.tensor([0.5, 0.5, 0.25, 0.75, 0.5, 0.25, 1.0, 0.0])
    answers = torch.tensor([1, 0, 1, 1, 0, 0, 0, 1]).bool()

    plain, shuffled = precision_recall(scores, answers), precision_recall(scores[order], answers[order])

    assert torch.equal(plain.precision, shuffled.precision)
    assert torch.equal(plain.recall, shuffled.recall)
    assert plain.average_precision == shuffled.average_precision


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((3, 1), (3, 1))])
def test_other_shapes_are_refused(shapes):
    scores, answers = (torch.zeros(shape) for shape in shapes)

    with pytest.raises(ValueError) as refused:
        precision_recall(scores, answers.bool())

    assert (
        str(refused.value)
        == f"`scores` and `answers` must have one value a sample, shape (N,), got shapes {shapes[0]} and {shapes[1]}."
    )
