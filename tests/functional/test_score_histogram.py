from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from lightning_imbalance.functional import (
    binned_auroc,
    binned_average_precision,
    log_odds_thresholds,
    score_histogram,
)

EVEN = torch.linspace(0, 1, 11)


def histogram(scores, positive, thresholds=EVEN):
    column = torch.as_tensor(scores).float()[:, None]
    answers = torch.as_tensor(positive).bool()[:, None]
    return score_histogram(column, answers, torch.ones_like(answers), thresholds)


def test_thresholds_are_even_in_log_odds():
    thresholds = log_odds_thresholds(34)

    assert thresholds[0] == 0
    assert thresholds[1:18].double().logit().tolist() == pytest.approx(list(range(-16, 1)), rel=1e-4)
    assert bool((thresholds.diff() >= 0).all())


def test_counts_are_those_of_a_loop():
    scores, positive = torch.rand(50, 3), torch.rand(50, 3) < 0.3
    counted = torch.rand(50, 3) < 0.8
    scores[0] = torch.tensor([0.0, 1.0, 0.5])  # on a threshold

    counts = score_histogram(scores, positive, counted, EVEN)

    expected = torch.zeros(2, 3, 11, dtype=torch.int64)
    for row in range(50):
        for column in range(3):
            reached = max(t for t in range(11) if scores[row, column] >= EVEN[t])
            expected[int(positive[row, column]), column, reached] += int(counted[row, column])
    assert counts.tolist() == expected.tolist()


answers = st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: {answer for _, answer in pairs} == {True, False}
)


@given(answers)
def test_scores_on_the_thresholds_have_the_exact_figures_of_scikit_learn(pairs):
    places, positive = zip(*pairs, strict=True)
    scores = EVEN[list(places)]

    counts = histogram(scores, positive)

    assert binned_average_precision(counts).item() == pytest.approx(average_precision_score(positive, scores))
    assert binned_auroc(counts).item() == pytest.approx(roc_auc_score(positive, scores))


def test_figures_between_the_thresholds_are_the_binned_ones_of_torchmetrics():
    positive = torch.rand(200) < 0.2
    scores = (torch.rand(200) + 0.3 * positive).clamp(0, 1)

    counts = histogram(scores, positive)

    theirs = [each(scores, positive.long(), thresholds=EVEN) for each in (binary_average_precision, binary_auroc)]
    assert [binned_average_precision(counts).item(), binned_auroc(counts).item()] == [
        pytest.approx(value.item(), abs=1e-6) for value in theirs
    ]


def test_small_scores_of_a_rare_class_are_told_apart():
    generator = torch.Generator().manual_seed(0)
    positive = torch.arange(20_000) < 40
    scores = (torch.randn(20_000, generator=generator) - 9 + 2.5 * positive).sigmoid()  # all below 0.05
    exact = average_precision_score(positive, scores)

    ours = binned_average_precision(histogram(scores, positive, log_odds_thresholds(400))).item()
    even = binned_average_precision(histogram(scores, positive, torch.linspace(0, 1, 400))).item()

    assert ours == pytest.approx(exact, rel=0.06)
    assert abs(even - exact) > 8 * abs(ours - exact)
    assert binned_auroc(histogram(scores, positive, log_odds_thresholds(400))).item() == pytest.approx(
        roc_auc_score(positive, scores), abs=1e-3
    )


def test_a_class_without_samples_has_no_figure_and_one_without_others_no_area():
    assert math.isnan(binned_average_precision(histogram([0.5], [False])).item())
    assert math.isnan(binned_auroc(histogram([0.5], [False])).item())
    assert math.isnan(binned_auroc(histogram([0.5], [True])).item())
    assert binned_average_precision(histogram([0.5], [True])).item() == 1


def test_a_score_of_nan_is_the_lowest():
    assert histogram([math.nan, 0.95], [True, True])[1, 0].tolist() == [1, *[0] * 8, 1, 0]
