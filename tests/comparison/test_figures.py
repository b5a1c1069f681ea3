"""The figures of a test part, against scikit-learn and against what the rest of the package measures."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import f1_score, log_loss, recall_score
from torch import Tensor

from lightning_imbalance import ClassDistribution
from lightning_imbalance.comparison.figures import Evidence, Judge
from lightning_imbalance.functional import balanced_accuracy_difference, expected_calibration_error

TRAINED_ON = ClassDistribution([300, 60, 12, 0])


def evidence_of(likely: Tensor, target: Tensor) -> Evidence:
    confidence, predicted = likely.max(1)
    return Evidence(predicted, -likely.gather(1, target[:, None]).squeeze(1).log(), confidence, predicted)


def drawn(seed: int, samples: int = 200) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 3, (samples,), generator=generator)
    return (torch.randn(samples, 4, generator=generator).double() + torch.eye(4)[target]).softmax(1), target


def test_the_figures_are_those_of_scikit_learn() -> None:
    likely, target = drawn(0)

    figures = Judge(target, TRAINED_ON).figures(evidence_of(likely, target))

    predicted = likely.argmax(1)
    recalls = recall_score(target, predicted, average=None, labels=[0, 1, 2])
    weight = torch.tensor([300, 60, 12]) / torch.bincount(target)
    expected = {
        "balanced_accuracy": recalls.mean(),
        "worst_class_recall": min(recalls),
        "macro_f1": f1_score(target, predicted, average="macro"),
        "recall_many": recalls[0],
        "recall_medium": recalls[1],
        "recall_few": recalls[2],
        "log_loss": log_loss(target, likely, labels=[0, 1, 2, 3], sample_weight=weight[target]),
    }
    assert {name: value for name, value in figures.items() if name != "expected_calibration_error"} == pytest.approx(
        expected
    )


def test_calibration_error_is_that_of_the_package_where_the_shares_are_those_of_the_training_data() -> None:
    likely, target = drawn(1)
    as_tested = ClassDistribution([*torch.bincount(target).tolist(), 0])

    figures = Judge(target, as_tested).figures(evidence_of(likely, target))

    assert figures["expected_calibration_error"] == pytest.approx(expected_calibration_error(likely, target).item())


def test_samples_count_for_calibration_as_often_as_their_class_occurs_in_the_training_data() -> None:
    likely, target = drawn(2, samples=60)
    repeats = torch.tensor([5, 3, 1])
    again = torch.arange(60).repeat_interleave(repeats[target])
    counts = torch.bincount(target[again]).tolist()

    few = Judge(target, ClassDistribution([*counts, 0])).figures(evidence_of(likely, target))
    many = Judge(target[again], ClassDistribution([*counts, 0])).figures(evidence_of(likely[again], target[again]))

    for name in ("log_loss", "expected_calibration_error"):
        assert few[name] == pytest.approx(many[name])


def test_a_sample_without_a_prediction_is_missed() -> None:
    target = torch.tensor([0, 0, 1, 1])
    judge = Judge(target, ClassDistribution([10, 10]))
    undecided = Evidence(torch.tensor([-1, 0, 1, 1]), *torch.zeros(2, 4).double(), target)

    figures = judge.figures(undecided)

    assert figures["balanced_accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_changes_are_differences_of_the_figures_run_by_run() -> None:
    _, target = drawn(3)
    judge = Judge(target, TRAINED_ON)
    runs = [[evidence_of(drawn(10 * k + r)[0], target) for r in range(2)] for k in range(3)]

    changes = judge.changes(runs[0], runs[1:])

    for name in judge.names:
        for k in range(2):
            for r in range(2):
                expected = judge.figures(runs[k + 1][r])[name] - judge.figures(runs[0][r])[name]
                assert changes[name].per_run[k, r].item() == pytest.approx(expected)


def test_the_covariance_of_draws_is_that_of_the_closed_form_up_to_its_added_pairs() -> None:
    _, target = drawn(4, samples=900)
    judge = Judge(target, TRAINED_ON)
    runs = [[evidence_of(drawn(10 * k + r, samples=900)[0], target) for r in range(2)] for k in range(2)]

    changes = judge.changes(runs[0], runs[1:])

    # With one class in each group the mean of their recalls is the balanced accuracy.
    drawn_variance = sum(
        changes[f"recall_{group}"].covariance[0, 0, 0, 0].item() for group in ("many", "medium", "few")
    )
    exact = changes["balanced_accuracy"].covariance[0, 0, 0, 0].item()
    assert drawn_variance / 9 == pytest.approx(exact, rel=0.15)


def test_the_balanced_accuracy_is_compared_as_elsewhere_in_the_package() -> None:
    likely, target = drawn(5)
    judge = Judge(target, TRAINED_ON)
    first, second = evidence_of(likely, target), evidence_of(drawn(6)[0], target)

    (change,) = judge.changes([first], [[second]])["balanced_accuracy"].per_run.flatten().tolist()

    assert change == pytest.approx(balanced_accuracy_difference(first.predicted, second.predicted, target).difference)


def test_a_group_without_a_tested_class_has_no_figure() -> None:
    judge = Judge(torch.tensor([0, 0]), ClassDistribution([300, 60, 12]))

    assert judge.names == (
        "balanced_accuracy",
        "worst_class_recall",
        "macro_f1",
        "recall_many",
        "log_loss",
        "expected_calibration_error",
    )


def test_a_class_that_was_not_trained_on_counts_nothing_for_the_log_loss() -> None:
    target = torch.tensor([0, 1, 1])
    judge = Judge(target, ClassDistribution([10, 0]))
    evidence = Evidence(
        torch.zeros(3).long(),
        torch.tensor([0.5, torch.inf, torch.inf]).double(),
        torch.ones(3).double(),
        torch.zeros(3).long(),
    )

    assert judge.figures(evidence)["log_loss"] == 0.5
