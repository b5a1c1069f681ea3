from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from lightning_imbalance.functional import (
    balanced_accuracy,
    class_recall,
    confusion_counts,
    geometric_mean,
    macro_f1,
    worst_class_recall,
)


def random_cases() -> list[tuple[np.ndarray, np.ndarray, int]]:
    """200 cases of targets and predictions; classes are absent from either, often."""
    generator = np.random.default_rng(0)
    cases = []
    for _ in range(200):
        num_classes, size = int(generator.integers(2, 10)), int(generator.integers(1, 60))
        target = generator.choice(num_classes, size, p=generator.dirichlet([0.4] * num_classes))
        guess = generator.choice(num_classes, size, p=generator.dirichlet([0.6] * num_classes))
        cases.append((target, np.where(generator.random(size) < 0.5, target, guess), num_classes))
    return cases


CASES = random_cases()


def counts_of(target, predicted, num_classes, task="multiclass"):
    return confusion_counts(torch.tensor(predicted), torch.tensor(target), num_classes, task)


def sklearns_balanced_accuracy(target, predicted) -> float:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true|A single label was found")
        return balanced_accuracy_score(target, predicted)


def test_the_cases_hold_classes_that_are_absent_and_some_of_them_predicted():
    absent = [set(range(c)) - set(target.tolist()) for target, _, c in CASES]
    predicted = [found & set(guess.tolist()) for found, (_, guess, _) in zip(absent, CASES, strict=True)]

    assert sum(map(bool, absent)) > 100
    assert sum(map(bool, predicted)) > 50


def test_figures_are_scikit_learns_in_200_random_cases_with_absent_classes():
    for target, predicted, num_classes in CASES:
        counts = counts_of(target, predicted, num_classes)

        classes = list(range(num_classes))
        recall = recall_score(target, predicted, labels=classes, average=None, zero_division=np.nan)
        np.testing.assert_allclose(class_recall(counts), recall, rtol=1e-14, equal_nan=True)
        assert balanced_accuracy(counts).item() == pytest.approx(
            sklearns_balanced_accuracy(target, predicted), rel=1e-13
        )
        assert macro_f1(counts).item() == pytest.approx(
            f1_score(target, predicted, average="macro", zero_division=0), rel=1e-13
        )
        assert worst_class_recall(counts).item() == np.nanmin(recall)


def test_geometric_mean_is_the_root_of_the_product_over_present_classes():
    for target, predicted, num_classes in CASES:
        present = sorted(set(target.tolist()))
        product = math.prod(float((predicted[target == c] == c).mean()) for c in present)

        mean = geometric_mean(counts_of(target, predicted, num_classes)).item()

        assert mean == pytest.approx(product ** (1 / len(present)), rel=1e-12, abs=0)


def test_geometric_mean_of_a_thousand_small_recalls_does_not_underflow():
    target = np.repeat(np.arange(1000), 100)
    predicted = np.where(np.arange(100_000) % 100 == 0, target, (target + 1) % 1000)

    assert geometric_mean(counts_of(target, predicted, 1000)).item() == pytest.approx(0.01, rel=1e-12)


def test_a_class_never_found_makes_the_geometric_mean_zero():
    assert geometric_mean(counts_of([0, 1, 1], [0, 0, 0], 3)).item() == 0


def test_a_class_that_is_predicted_but_absent_does_not_lower_balanced_accuracy():
    assert balanced_accuracy(counts_of([0, 0, 1], [0, 2, 1], 3)).item() == 0.75


def test_binary_figures_are_those_of_two_classes():
    generator = np.random.default_rng(1)
    target, predicted = generator.random((2, 200)) < [[0.1], [0.2]]
    counts = counts_of(target, predicted, 2, "binary")

    assert balanced_accuracy(counts, "binary").item() == pytest.approx(
        balanced_accuracy_score(target, predicted), rel=1e-14
    )
    assert macro_f1(counts).item() == pytest.approx(f1_score(target, predicted, average="macro"), rel=1e-14)


def test_multilabel_figures_are_scikit_learns_label_by_label():
    generator = np.random.default_rng(2)
    for _ in range(50):
        shape = (int(generator.integers(1, 12)), int(generator.integers(1, 6)))
        target, predicted = generator.random((2, *shape)) < generator.random((2, 1, shape[1]))
        counts = counts_of(target, predicted, shape[1], "multilabel")

        columns = list(zip(target.T, predicted.T, strict=True))
        balanced = [sklearns_balanced_accuracy(t, p) for t, p in columns]
        recall = [recall_score(t, p, zero_division=np.nan) for t, p in columns]
        f1 = [f1_score(t, p) for t, p in columns if t.any() or p.any()]
        np.testing.assert_allclose(class_recall(counts), recall, rtol=1e-14, equal_nan=True)
        assert balanced_accuracy(counts, "multilabel").item() == pytest.approx(np.mean(balanced), rel=1e-13)
        assert macro_f1(counts).item() == pytest.approx(np.mean(f1) if f1 else math.nan, rel=1e-13, nan_ok=True)


def test_ignored_entries_of_a_label_are_judged_neither_way():
    target = torch.tensor([[1, 0], [-1, 0], [0, -1]])
    counts = confusion_counts(torch.tensor([[1, 1], [1, 0], [0, 1]]), target, 2, "multilabel", ignore_index=-1)

    assert balanced_accuracy(counts, "multilabel").item() == 0.75  # 1 of 1 and 1 of 1; 1 of 2 negatives


@pytest.mark.parametrize("figure", [balanced_accuracy, geometric_mean, macro_f1, worst_class_recall])
def test_without_samples_there_is_no_figure(figure):
    empty = confusion_counts(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), 3)

    value = figure(empty)

    assert math.isnan(value.item())
    assert (value.shape, value.dtype) == ((), torch.float64)


def test_counts_beyond_two_to_the_53_samples_are_not_needed_but_a_billion_is_exact():
    counts = counts_of([0, 1], [0, 1], 2)
    billion = type(counts)(*(vector * 3_000_000_000 for vector in counts))

    assert class_recall(billion).tolist() == [1, 1]
    assert macro_f1(billion).item() == 1
