from __future__ import annotations

import json
import math

import lightning as L
import pytest
import torch
from rich.console import Console
from sklearn import metrics
from torch import nn
from torch.utils.data import TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.quiet import quiet
from lightning_imbalance.reports.model_report import model_report

NAMES = ("cat", "dog", "eel")
WITHOUT_TRAINING = "The data have no training part, so that nobody can see here whether the model was trained on the samples that it is measured on."


def of_shares(shares, samples=150):
    return torch.multinomial(
        torch.tensor(shares), samples, replacement=True, generator=torch.Generator().manual_seed(0)
    )


def test_rows_are_scikit_learns(make_report):
    target = of_shares([0.7, 0.2, 0.1])

    report = make_report(target, NAMES, settings={"weighting": "uniform"})

    # The logits are the inputs: the decision is their largest.
    predicted = report.judgement.probabilities.argmax(1)
    assert torch.equal(report.judgement.target, target)
    precision, recall, f1, samples = metrics.precision_recall_fscore_support(target, predicted)
    rows = report.rows()
    for name, expected in {"precision": precision, "recall": recall, "f1": f1, "samples": samples}.items():
        assert [row[name] for row in rows] == pytest.approx(list(expected))
    assert [row["predictions"] for row in rows] == torch.bincount(predicted, minlength=3).tolist()
    assert report.figures()["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(target, predicted))
    assert report.figures()["macro_f1"] == pytest.approx(metrics.f1_score(target, predicted, average="macro"))
    assert report.figures()["mean_average_precision"] == pytest.approx(
        sum(row["average_precision"] for row in rows) / 3
    )


def test_the_figures_are_those_that_the_test_logs(blobs, tiny_trainer):
    data = L.LightningDataModule.from_datasets(
        blobs([40, 10], NAMES[:2]), blobs([8, 8], NAMES[:2]), blobs([30, 20], NAMES[:2]), batch_size=16
    )
    model, monitor = WeightedClassifier(nn.Linear(2, 2)), ImbalanceMonitor()
    trainer = tiny_trainer(callbacks=[monitor], max_epochs=3)
    with quiet():
        trainer.fit(model, datamodule=data)
        trainer.test(model, datamodule=data, verbose=False)

    report = model_report(model, data)

    logged = monitor.results["test"]
    assert report.classes.to_dict() == {name: value for name, value in logged.items() if name != "extra"}
    assert report.notices == ()
    assert report.trained_with == {"loss": "WeightedCrossEntropy()", "weighting": "'balanced'"}
    assert report.prior.training.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


def test_decisions_and_probabilities_are_those_that_predict_gives(make_report):
    target = of_shares([0.7, 0.2, 0.1])
    plain = make_report(target, NAMES, settings={"weighting": "uniform"}, counts=[700, 200, 100])

    moved = make_report(
        target, NAMES, settings={"weighting": "uniform", "target_prior": "uniform"}, counts=[700, 200, 100]
    )

    expected = plain.judgement.probabilities / torch.tensor([7.0, 2.0, 1.0])
    assert torch.allclose(moved.judgement.probabilities, expected / expected.sum(1, keepdim=True))
    assert moved.prior.target.tolist() == pytest.approx([1 / 3] * 3)
    # For the samples' shares both say the same.
    assert torch.allclose(moved.adjusted, plain.adjusted)
    assert moved.figures()["expected_calibration_error_for_these_shares"] == pytest.approx(
        plain.figures()["expected_calibration_error_for_these_shares"]
    )


def test_it_says_what_a_reader_must_know(make_report):
    report = make_report(of_shares([0.7, 0.3]), NAMES, notices=["From before."])

    assert report.notices == (
        "From before.",
        WITHOUT_TRAINING,
        "No sample of 'eel' is in the test part: nothing is known of it.",
    )


def test_validation_data_and_another_training_part_are_named():
    model = WeightedClassifier(nn.Identity(), 2)
    model.adopt(ClassDistribution([30, 10], NAMES[:2]))
    data = TensorDataset(torch.eye(2).repeat(5, 1), torch.tensor([0, 1]).repeat(5))

    asked, chosen = (
        model_report(model, L.LightningDataModule.from_datasets(data, data), part) for part in ("val", None)
    )

    validation = "The validation part is measured, by which the epoch or the settings may have been chosen: on new data the figures will be a little lower."
    other = (
        "The training part of these data is not what the model was trained on: that were 40 samples ('cat' 30, 'dog' 10), and these are "
        "10 samples ('cat' 5, 'dog' 5). If both come from the same samples, the split is another one, and the model may have been trained "
        "on samples that it is measured on."
    )
    assert asked.notices == (validation, other)
    assert chosen.notices == (f"The data have no test part. {validation}", other)


def test_logits_that_are_no_numbers_are_counted_and_named(make_report):
    target = of_shares([0.5, 0.3, 0.2], 20)
    logits = torch.randn(20, 3)
    logits[3:5] = torch.nan

    report = make_report(target, NAMES, logits=logits)

    assert report.notices[-1] == "The model gives no number (NaN) for 2 samples, which count as missed."
    assert report.samples == 20
    assert len(report.judgement.probabilities) == len(report.adjusted) == 18


def test_a_model_that_gives_no_number_at_all_has_a_report(make_report):
    report = make_report(of_shares([0.5, 0.5]), NAMES[:2], logits=torch.full((150, 2), torch.nan))

    assert report.figures()["balanced_accuracy"] == 0
    assert "log_loss" not in report.figures()
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_every_task_prints_and_is_plain_numbers(make_report, task):
    names = NAMES[:2] if task == "binary" else NAMES
    target = of_shares([0.6, 0.4] if task == "binary" else [0.6, 0.3, 0.1])
    if task == "multilabel":
        target = nn.functional.one_hot(target, 3) | nn.functional.one_hot(target.flip(0), 3)

    report = make_report(target, names, task)

    assert report.samples == 150
    assert [row["name"] for row in report.rows()] == list(names)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["task"] == task
    assert found["figures"]["balanced_accuracy"] > 0.5
    assert str(report).startswith("Classes, on 150 samples of the test part\n  class ")
    assert "Notice: The data have no training part" in str(report)
    assert (report.adjusted is None) == (task == "multilabel")


def test_pixels_are_samples(make_report):
    report = make_report(of_shares([0.7, 0.2, 0.1], 5 * 36).reshape(5, 6, 6), NAMES)

    assert report.samples == 180


def test_the_verdict_names_what_is_found_least(make_report):
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    report = make_report(torch.tensor([0, 0, 1, 1]), NAMES[:2], logits=logits)

    assert report.verdict() == (
        "Balanced accuracy 0.750 on 4 samples of the test part. Found least is 'dog': 1 of 2, a recall of 0.500 (95 % interval 0.095 to 0.905)."
    )


def test_what_could_not_be_measured_is_a_dash_and_none(make_report):
    report = make_report(torch.tensor([0, 0]), NAMES[:2], logits=torch.tensor([[1.0, 0.0], [1.0, 0.0]]))

    assert report.table().rows[1] == ("dog", "199", "0", "-", "-", "-", "-")
    assert report.table(whole=True).rows[1] == ("dog", "199", "0", "0", "-", "-", "-", "-", "-", "many")
    row = report.to_dict()["classes"][1]
    assert (row["recall"], row["precision"], row["average_precision"]) == (None, None, None)
    assert math.isnan(report.rows()[1]["recall"])


def test_a_terminal_shows_names_as_they_are(make_report):
    console = Console(width=100, force_terminal=False)
    with console.capture() as shown:
        console.print(make_report(torch.tensor([0, 1]), ["[bold]", "\x1b[31m"]))

    assert "[bold]" in shown.get()
    assert "\\x1b[31m" in shown.get()


def test_a_notebook_shows_names_as_they_are(make_report):
    html = make_report(torch.tensor([0, 1]), ["<script>", "b"], notices=["<i>"])._repr_html_()

    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "<p>Notice: &lt;i&gt;</p>" in html


def test_its_repr_fits_in_a_line(make_report):
    assert repr(make_report(torch.tensor([0, 1]), ["a", "b"])) == "ModelReport(part='test', samples=2, classes=2)"
