from __future__ import annotations

import math
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.reports.training_log import read_training_log


@pytest.fixture
def fitted(blobs, tiny_trainer):
    """Fit for three epochs with the CSV logger, and return monitor and file."""

    def fit(classes: int):
        names = [f"class {i}" for i in range(classes)]
        data = L.LightningDataModule.from_datasets(
            blobs([6] * classes, names), blobs([3] * classes, names), batch_size=50
        )
        monitor = ImbalanceMonitor()
        logger = CSVLogger("logs")
        model = WeightedClassifier(torch.nn.Linear(classes, classes))
        tiny_trainer(max_epochs=3, callbacks=[monitor], logger=logger).fit(
            model, data.train_dataloader(), data.val_dataloader()
        )
        return monitor, Path(logger.log_dir) / "metrics.csv", names

    return fit


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
@pytest.mark.parametrize("classes", [3, 120])
def test_a_fit_is_read_back_also_where_the_recalls_are_logged_as_one_vector(fitted, classes):
    monitor, path, names = fitted(classes)

    log = read_training_log(path, names)

    assert log is not None
    assert log.epochs == 3
    history = monitor.history("val")
    assert list(log.recall) == list(history) == [0, 1, 2]
    for epoch, recalls in history.items():
        assert log.recall[epoch] == pytest.approx(recalls, abs=1e-6)
    assert list(log.losses) == ["training loss", "validation loss", "validation loss, unweighted"]
    assert all(list(curve) == [0, 1, 2] for curve in log.losses.values())
    assert log.figures["balanced accuracy"][2] == pytest.approx(monitor.results["val"]["balanced_accuracy"], abs=1e-6)


HEADER = "epoch,step,train_loss,val_balanced_accuracy,val_recall/a"


@pytest.mark.parametrize(
    "content",
    [
        "",
        HEADER,
        "name,price\nbread,3\n",
        f"{HEADER}\n,,,,\n",
        f"{HEADER}\n0,1",
        "\x00\xff,\n",
    ],
)
def test_a_file_that_says_nothing_gives_none(tmp_path, content):
    (tmp_path / "metrics.csv").write_text(content, encoding="latin-1")

    assert read_training_log(tmp_path / "metrics.csv", ["a"]) is None


def test_a_row_that_was_cut_off_and_a_loss_that_is_no_number_are_left_out(tmp_path):
    (tmp_path / "metrics.csv").write_text(
        f"{HEADER}\n0,1,0.5,,\n0,1,,0.25,1\n1,2,nan,,\n1,2,,0.5,\n2,3,0.", encoding="utf-8"
    )

    log = read_training_log(tmp_path / "metrics.csv", ["a", "b"])

    assert log is not None
    assert log.losses == {"training loss": {0: 0.5}}
    assert log.figures == {"balanced accuracy": {0: 0.25, 1: 0.5}}
    assert log.recall.keys() == {0}
    assert log.recall[0]["a"] == 1
    assert math.isnan(log.recall[0]["b"])
