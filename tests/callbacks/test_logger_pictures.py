from __future__ import annotations

import warnings

import pytest
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.logger import DummyLogger

from lightning_imbalance.callbacks.logger_pictures import send_picture, takes_pictures
from lightning_imbalance.drawing import new_picture


@pytest.fixture
def figure():
    return new_picture(2, 1, "a test")


class Recording:
    """An experiment that remembers how it was called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, method):
        return lambda *arguments, **keywords: self.calls.append((method, arguments, keywords))


def logger_of(module, **attributes):
    """A logger as an installed Lightning would give it: what counts is the module of its class."""
    kind = type("TheirLogger", (), {"__module__": f"lightning.pytorch.loggers.{module}", **attributes})
    return type("SubclassOfTheUsers", (kind,), {"__module__": "my.program"})()


def test_tensorboard_gets_the_figure(figure):
    experiment = Recording()

    send_picture(logger_of("tensorboard", experiment=experiment), "val_recall", figure, 7)

    assert experiment.calls == [("add_figure", ("val_recall", figure), {"global_step": 7, "close": False})]


def test_weights_and_biases_gets_an_image(figure):
    calls = []

    def log_image(self, key, images, step=None):
        calls.append((key, [image.size for image in images], step))

    send_picture(logger_of("wandb", log_image=log_image), "val_recall", figure, 7)

    assert calls == [("val_recall", [(200, 100)], 7)]


def test_mlflow_gets_an_artifact(figure):
    experiment = Recording()

    send_picture(logger_of("mlflow", experiment=experiment, run_id="r1"), "val_recall/dataloader_idx_1", figure, 7)

    assert experiment.calls == [
        ("log_figure", ("r1", figure, "pictures/val_recall-dataloader_idx_1-step=0000007.png"), {})
    ]


def test_a_csv_logger_gets_files_in_its_folder_and_does_not_mind(figure, tmp_path):
    logger = CSVLogger(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        send_picture(logger, "val_recall", figure, 7)
        send_picture(logger, "val_recall", figure, 8)
        logger.log_metrics({"a": 1.0}, step=8)
        logger.save()

    files = sorted(path.name for path in (tmp_path / "lightning_logs" / "version_0" / "pictures").iterdir())
    assert files == ["val_recall-step=0000007.png", "val_recall-step=0000008.png"]
    assert (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").exists()


def test_loggers_are_recognised_by_the_module_of_their_class():
    assert [takes_pictures(logger_of(each)) for each in ("tensorboard", "wandb", "mlflow", "csv_logs", "comet")] == [
        True,
        True,
        True,
        True,
        False,
    ]
    assert not takes_pictures(type("Mine", (), {"__module__": "my.wandb"})())


def test_the_logger_of_a_dry_run_keeps_nothing_and_is_no_stranger(figure):
    send_picture(DummyLogger(), "val_recall", figure, 0)

    assert takes_pictures(DummyLogger())
