"""Every figure against scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn import metrics

from lightning_imbalance.reports.judgement import BINS, judge


def close(value):
    return pytest.approx(value, abs=1e-12)


def case(task: str, classes: int = 4, samples: int = 200):
    target = torch.multinomial(torch.tensor([0.7, 0.2, 0.07, 0.03][:classes]), samples, replacement=True)
    if task == "multiclass":
        return torch.randn(samples, classes) + 1.5 * torch.nn.functional.one_hot(target, classes), target
    if task == "binary":
        target = (target > 0).long()
        return torch.randn(samples) + 2.0 * target - 1, target
    rows = (torch.rand(samples, classes) < torch.tensor([0.6, 0.3, 0.1, 0.02])).long()
    rows[0] = 1
    return torch.randn(samples, classes) + 2.0 * rows - 1, rows


def test_multiclass_figures_are_scikit_learns():
    logits, target = case("multiclass")

    found = judge(logits, target, num_classes=4)

    predicted, probabilities = logits.argmax(1), logits.double().softmax(1)
    counts = found.counts
    assert (counts.true_positives / counts.samples).tolist() == pytest.approx(
        metrics.recall_score(target, predicted, average=None).tolist()
    )
    assert (counts.true_positives / counts.predictions).tolist() == pytest.approx(
        metrics.precision_score(target, predicted, average=None).tolist()
    )
    assert found.matrix.tolist() == metrics.confusion_matrix(target, predicted).tolist()
    assert found.accuracy == close(metrics.accuracy_score(target, predicted))
    assert found.log_loss == close(metrics.log_loss(target, probabilities))
    for index in range(4):
        expected = metrics.average_precision_score(target == index, probabilities[:, index])
        assert found.average_precision[index].item() == close(expected)


def test_binary_figures_are_scikit_learns_for_both_answers():
    logits, target = case("binary")

    found = judge(logits, target, num_classes=2, task="binary")

    predicted, probabilities = (logits > 0).long(), logits.double().sigmoid()
    assert found.matrix.tolist() == metrics.confusion_matrix(target, predicted).tolist()
    assert found.accuracy == close(metrics.accuracy_score(target, predicted))
    assert found.log_loss == close(metrics.log_loss(target, probabilities))
    assert found.average_precision[1].item() == close(metrics.average_precision_score(target, probabilities))
    assert found.average_precision[0].item() == close(metrics.average_precision_score(1 - target, 1 - probabilities))


def test_multilabel_figures_are_scikit_learns_label_by_label():
    logits, target = case("multilabel")

    found = judge(logits, target, num_classes=4, task="multilabel")

    predicted, probabilities = (logits > 0).long(), logits.double().sigmoid()
    assert found.matrix is None
    assert (
        found.counts.true_positives.tolist() == metrics.multilabel_confusion_matrix(target, predicted)[:, 1, 1].tolist()
    )
    assert found.average_precision.tolist() == pytest.approx(
        metrics.average_precision_score(target, probabilities, average=None).tolist()
    )
    assert found.log_loss == close(metrics.log_loss(target.flatten(), probabilities.flatten()))
    assert found.accuracy == close((predicted == target).double().mean().item())


def test_an_ignored_label_counts_nothing():
    logits, target = case("multilabel")
    hidden = target.clone()
    hidden[::3, 1] = -1

    found = judge(logits, hidden, num_classes=4, task="multilabel", ignore_index=-1)

    kept = torch.ones(len(target), dtype=torch.bool)
    kept[::3] = False
    rest = judge(logits[kept], target[kept], num_classes=4, task="multilabel")
    whole = judge(logits, target, num_classes=4, task="multilabel")
    assert found.average_precision[1] == rest.average_precision[1]
    assert found.average_precision[0] == whole.average_precision[0]
    known = hidden != -1
    right = ((logits > 0).long() == target)[known]
    assert found.accuracy == close(right.double().mean().item())
    expected = metrics.log_loss(target[known], logits.double().sigmoid()[known])
    assert found.log_loss == close(expected)


def test_the_calibration_error_is_that_of_the_definition():
    logits, target = case("multiclass")

    found = judge(logits, target, num_classes=4)

    confidence, predicted = logits.double().softmax(1).max(1)
    error = 0.0
    for place in range(BINS):
        inside = (confidence > place / BINS) & (confidence <= (place + 1) / BINS)
        if inside.any():
            accuracy = (predicted == target)[inside].double().mean()
            error += (inside.sum() / len(target) * (accuracy - confidence[inside].mean()).abs()).item()
    assert found.calibration_error == pytest.approx(error, abs=1e-7)


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_logits_that_are_no_numbers_are_missed_and_spoil_nothing(task):
    logits, target = case(task)
    broken = logits.clone()
    broken[5] = torch.nan

    found = judge(broken, target, num_classes=2 if task == "binary" else 4, task=task)

    rest = torch.arange(len(target)) != 5
    others = judge(logits[rest], target[rest], num_classes=2 if task == "binary" else 4, task=task)
    assert found.log_loss == others.log_loss
    assert found.calibration_error == others.calibration_error
    assert found.accuracy < judge(logits, target, 2 if task == "binary" else 4, task).accuracy or task == "multilabel"
    assert torch.equal(found.counts.true_positives, others.counts.true_positives)
    assert found.counts.undecided.sum() == (4 if task == "multilabel" else 1)
    assert found.average_precision.isfinite().all()


def test_a_class_without_samples_has_no_average_precision():
    logits, _ = case("multiclass", samples=20)

    found = judge(logits, torch.zeros(20, dtype=torch.int64), num_classes=4)

    assert [math.isnan(value) for value in found.average_precision.tolist()] == [False, True, True, True]


def test_an_answer_that_was_thought_impossible_costs_what_its_logit_says():
    found = judge(torch.tensor([[0.0, 5000.0]]), torch.tensor([0]), num_classes=2)

    assert found.log_loss == 5000


def test_beyond_2000_classes_there_is_no_matrix():
    assert judge(torch.zeros(2, 2001), torch.zeros(2, dtype=torch.int64), num_classes=2001).matrix is None
