from __future__ import annotations

import math

import pytest
import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from lightning_imbalance.callbacks.extra_metrics import built, check_extra, measured, probabilities_of, values_by_name

KNOWN = "'average_precision', 'auroc', a torchmetrics Metric or MetricCollection, or a list of these"


@pytest.mark.parametrize("extra", [None, "auroc", ["auroc", "average_precision"], MulticlassAccuracy(3)], ids=str)
def test_one_or_several_are_taken(extra):
    assert check_extra(extra) == (() if extra is None else tuple(extra) if isinstance(extra, list) else (extra,))


@pytest.mark.parametrize(
    ("extra", "kind", "message"),
    [
        ("prauc", ValueError, f"`extra` must be {KNOWN}, got 'prauc'."),
        (3, TypeError, f"`extra` must be {KNOWN}, got 3."),
        ([3], TypeError, f"`extra` must be {KNOWN}, got 3."),
        (
            [MulticlassAccuracy],
            TypeError,
            f"`extra` must be {KNOWN}, got the class MulticlassAccuracy. Pass an instance, `MulticlassAccuracy(...)`.",
        ),
        (
            ["auroc", "auroc"],
            ValueError,
            "each metric of `extra` must have a name of its own, got 'auroc', which is logged twice. Rename it: `extra=MetricCollection({'my_name': metric})`.",
        ),
        (
            MetricCollection({"macro_f1": MulticlassF1Score(3)}),
            ValueError,
            "each metric of `extra` must have a name of its own, got 'macro_f1', which is a figure of the monitor itself. Rename it: `extra=MetricCollection({'my_name': metric})`.",
        ),
    ],
    ids=["unknown", "a number", "a list", "a class", "twice", "taken"],
)
def test_what_cannot_be_logged_is_refused(extra, kind, message):
    with pytest.raises(kind) as error:
        check_extra(extra)

    assert str(error.value) == message


def test_the_users_metric_stays_as_it_is():
    mine = MulticlassAccuracy(2)
    mine.update(torch.tensor([0]), torch.tensor([0]))

    (copy,) = built([mine], 2, "multiclass", None, torch.device("cpu"))
    copy.update(torch.tensor([1, 1]), torch.tensor([0, 0]))

    assert copy.compute() == {"MulticlassAccuracy": 0}
    assert mine.compute() == 1


def test_probabilities_of_nan_logits_leave_the_others_alone():
    logits = torch.tensor([[1.0, 2.0], [torch.nan, 0.0]])

    given = probabilities_of(logits, "multiclass")

    assert given.tolist() == [logits[0].softmax(0).tolist(), [0, 0]]


def test_numbers_are_named_and_what_was_not_measured_is_left_out_of_mean_and_log():
    values = values_by_name(
        {"auroc": torch.tensor([0.5, math.nan]), "mine": torch.tensor([0.25, 0.75]), "one": torch.tensor(3)},
        ["cat", "dog"],
    )

    assert measured(values) == {"auroc/cat": 0.5, "mean_auroc": 0.5, "mine/cat": 0.25, "mine/dog": 0.75, "one": 3}
    assert math.isnan(values["auroc/dog"])


def test_a_matrix_is_no_number_a_class():
    with pytest.raises(ValueError) as error:
        values_by_name({"mine": torch.zeros(2, 2)}, ["a", "b"])

    assert str(error.value) == (
        "a metric of `extra` must compute one number, or one for each of the 2 classes, got shape (2, 2) from 'mine'."
    )
