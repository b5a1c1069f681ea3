from __future__ import annotations

import json
import math

import pytest
import torch

from lightning_imbalance import ClassDistribution
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.functional import ConfusionCounts, confusion_counts


def report(predicted, target, names, **keywords) -> ClassReport:
    task = keywords.get("task", "multiclass")
    counts = confusion_counts(torch.tensor(predicted), torch.tensor(target), len(names), task)
    return ClassReport(counts, tuple(names), **keywords)


ABSENT = report([0, 2, 1, 1], [0, 0, 1, 1], ["cat", "dog", "eel"])


def test_a_class_without_samples_has_no_recall_and_is_named():
    assert ABSENT.recall["cat"] == 0.5
    assert math.isnan(ABSENT.recall["eel"])
    assert ABSENT.absent == ("eel",)


def test_aggregates_leave_absent_classes_out():
    assert ABSENT.aggregates() == {
        "balanced_accuracy": 0.75,
        "worst_class_recall": 0.5,
        "geometric_mean": pytest.approx(math.sqrt(0.5)),
        "macro_f1": pytest.approx((2 / 3 + 1 + 0) / 3),
    }


def test_groups_are_means_over_their_classes_by_training_count():
    counted = report(
        [0, 1, 2, 0], [0, 1, 2, 3], "abcd", distribution=ClassDistribution([500, 101, 50, 30], list("abcd"))
    )

    figures = counted.aggregates()

    assert (figures["recall_many"], figures["recall_medium"]) == (1.0, 0.5)
    assert "recall_few" not in figures


def test_bounds_of_groups_can_be_given():
    counted = report([0, 1], [0, 0], "ab", distribution=ClassDistribution([5, 2], ["a", "b"]), many=4, few=3)

    assert counted.aggregates()["recall_many"] == 0.5
    assert "recall_few" not in counted.aggregates()  # no sample of b was evaluated


def test_the_dictionary_holds_everything_by_name():
    values = ABSENT.to_dict()

    assert values["samples"] == {"cat": 2, "dog": 2, "eel": 0}
    assert values["predictions"] == {"cat": 1, "dog": 2, "eel": 1}
    assert values["true_positives"] == {"cat": 1, "dog": 2, "eel": 0}
    assert values["recall_interval"]["dog"] == (pytest.approx(0.34238, abs=1e-5), 1.0)
    assert values["balanced_accuracy"] == 0.75
    json.dumps(values)


def test_the_table_shows_a_dash_where_nothing_was_measured():
    assert str(ABSENT.table()).split("\n") == [
        "balanced accuracy 0.750, worst class recall 0.500 (cat)",
        "  class   samples   recall   95 % interval   predicted",
        " ──────────────────────────────────────────────────────",
        "  cat           2    0.500   0.095 - 0.905           1",
        "  dog           2    1.000   0.342 - 1.000           2",
        "  eel           0        -               -           1",
    ]


def test_samples_without_a_prediction_are_a_column_where_there_are_some():
    counted = report([0, -1, 1, -1], [0, 0, 1, 1], ["cat", "dog"])

    assert counted.undecided == {"cat": (1, 2), "dog": (1, 2)}
    assert counted.to_dict()["undecided"] == {"cat": 1, "dog": 1}
    assert str(counted.table()).split("\n") == [
        "balanced accuracy 0.500, worst class recall 0.500 (cat)",
        "  class   samples   recall   95 % interval   predicted   undecided",
        " ──────────────────────────────────────────────────────────────────",
        "  cat           2    0.500   0.095 - 0.905           1           1",
        "  dog           2    0.500   0.095 - 0.905           1           1",
    ]


def test_of_labels_those_without_a_prediction_are_out_of_all_that_were_judged():
    counted = report([[-1, 0], [0, 1], [-1, 1]], [[0, 0], [0, 1], [1, 1]], "ab", task="multilabel")

    assert counted.undecided == {"a": (2, 3)}


def test_training_counts_are_a_column_where_they_are_known():
    table = report([0, 1], [0, 0], "ab", distribution=ClassDistribution([12345, 2], ["a", "b"])).table()

    assert [column.header for column in table.columns][:3] == ["class", "trained on", "samples"]
    assert [row[1] for row in table.rows] == ["12,345", "2"]


def test_without_any_sample_the_table_says_so():
    empty = ClassReport(ConfusionCounts(*torch.zeros(5, 2, dtype=torch.int64)), ("a", "b"))

    assert empty.aggregates() == {}
    assert str(empty.table()).split("\n")[0] == "no sample was evaluated"


def test_labels_without_a_positive_anywhere_still_have_a_table():
    negatives = report([[0, 1], [0, 0]], [[0, 0], [0, 0]], "ab", task="multilabel")

    assert negatives.aggregates() == {"balanced_accuracy": 0.75, "macro_f1": 0.0}
    assert str(negatives.table()).split("\n")[0] == "balanced accuracy 0.750"


def test_names_are_shown_as_they_are():
    lines = str(report([0, 1], [0, 0], ["[bold]a", "<b>\n"]).table()).split("\n")

    assert lines[0] == "balanced accuracy 0.500, worst class recall 0.500 ([bold]a)"
    assert [line.split()[0] for line in lines[3:]] == ["[bold]a", "<b>\\n"]


def test_ten_thousand_classes_are_read_from_the_distribution_once(monkeypatch):
    n = 10_000
    names = tuple(map(str, range(n)))
    counts = confusion_counts(torch.arange(n), torch.arange(n), n)
    reads = []
    original = ClassDistribution.counts.fget
    monkeypatch.setattr(ClassDistribution, "counts", property(lambda self: reads.append(1) or original(self)))

    table = ClassReport(counts, names, distribution=ClassDistribution([5] * n, names)).table()

    assert len(table.rows) == n
    assert len(reads) < 5
