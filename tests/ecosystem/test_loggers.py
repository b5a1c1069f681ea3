"""What experiment loggers are given: settings that each of them takes, and names that none of them confuses."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.logger import _flatten_dict
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.losses import FocalLoss, LDAMLoss
from lightning_imbalance.schemes import EffectiveNumber
from lightning_imbalance.synthesis import Mixup

NAMES = ["cat (wild)", "größe", "n/a"]
COUNTS = [20, 6, 4]
BY_NAME = dict(zip(NAMES, [1.0, 2.0, 3.5], strict=True))

# What MLflow allows in the name of a parameter, and how long a value may be in all of its releases.
MLFLOW_NAME = re.compile(r"[/\w.\- :]*")
MLFLOW_VALUE = 500

SETTINGS = [
    {},
    {"weighting": BY_NAME, "class_names": NAMES},
    {"weighting": BY_NAME, "class_names": np.array(NAMES), "target_prior": dict(zip(NAMES, [0.5, 0.3, 0.2], strict=True))},
    {"weighting": torch.tensor([1.0, 2.0, 3.5]), "target_prior": np.array([0.5, 0.3, 0.2])},
    {"weighting": EffectiveNumber(0.99), "loss": LDAMLoss(max_margin=0.3)},
    {"weighting": lambda d: d.priors.rsqrt(), "loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
    {"loss": FocalLoss(1.0), "batch_transform": Mixup(0.2), "weighting": "uniform"},
    {"loss": nn.functional.cross_entropy, "weighting": "uniform", "num_classes": 3, "ignore_index": -1},
]  # fmt: skip


class Records(Logger):
    """Keeps what it is given, as each logger of Lightning is given it."""

    name, version = "records", 0

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, object] = {}
        self.metrics: dict[str, float] = {}

    def log_hyperparams(self, params, *_):
        self.settings.update(params)

    def log_metrics(self, metrics, step=None):
        self.metrics.update(metrics)


def fitted(tiny_trainer, blobs, logger, *callbacks, **settings):
    """A model that was fitted with this logger, and its Trainer."""
    model = WeightedClassifier(nn.Linear(3, 3), optimizer=partial(torch.optim.SGD, lr=0.1), **settings)
    trainer = tiny_trainer(logger=logger, callbacks=list(callbacks), log_every_n_steps=1)
    trainer.fit(model, DataLoader(blobs(COUNTS, NAMES), 10, shuffle=True), DataLoader(blobs(COUNTS, NAMES), 10))
    return model, trainer


def is_plain(value) -> bool:
    """Whether a value is a string, a number or None, or made of these."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(type(key) is str for key in value) and all(map(is_plain, value.values()))
    return value is None or type(value) in {bool, int, float, str}


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: ", ".join(settings) or "defaults")
def test_settings_are_flat_plain_and_short(settings, tiny_trainer, blobs):
    logger = Records()

    model, _ = fitted(tiny_trainer, blobs, logger, ImbalanceMonitor(), **settings)

    assert set(logger.settings) == set(model.hparams)
    assert is_plain(logger.settings)
    assert json.loads(json.dumps(logger.settings))["task"] == "multiclass"
    flat = _flatten_dict(logger.settings)  # as MLflow, Comet and Neptune are given them
    assert [name for name in flat if not MLFLOW_NAME.fullmatch(name)] == []
    assert max(len(str(value)) for value in flat.values()) <= MLFLOW_VALUE
    assert [value for value in flat.values() if re.search(r"tensor\(|array\(|Linear\(| at 0x", str(value))] == []


def test_what_goes_by_class_name_can_be_read_from_the_logger_and_loaded_from_the_checkpoint(
    tiny_trainer, blobs, tmp_path
):
    logger = Records()
    model, trainer = fitted(tiny_trainer, blobs, logger, weighting=BY_NAME, class_names=NAMES)
    trainer.save_checkpoint(tmp_path / "a.ckpt")

    again = WeightedClassifier.load_from_checkpoint(tmp_path / "a.ckpt", model=nn.Linear(3, 3))

    assert json.loads(logger.settings["weighting"]) == BY_NAME
    assert model.hparams["weighting"] == again.weighting == BY_NAME


def test_no_name_of_a_metric_is_the_folder_of_another(tiny_trainer, blobs):
    # MLflow's file store keeps a metric in a file of its name, and TensorBoard shows what stands before "/" as a group.
    logger = Records()

    fitted(tiny_trainer, blobs, logger, ImbalanceMonitor(train=True, extra=["auroc", "average_precision"]))

    names = set(logger.metrics)
    assert {"val_auroc/größe", "val_mean_auroc", "train_recall/größe"} < names
    assert {str(parent) for name in names for parent in PurePosixPath(name).parents} & names == set()


def test_the_settings_of_a_subclass_are_its_own(tiny_trainer, blobs):
    class Mine(WeightedClassifier):
        def __init__(self, width, weighting):
            super().__init__(nn.Linear(width, 3), weighting=weighting, class_names=NAMES)
            self.save_hyperparameters()

    logger = Records()
    trainer = tiny_trainer(logger=logger)

    trainer.fit(Mine(3, BY_NAME), DataLoader(blobs(COUNTS, NAMES), 10))

    assert logger.settings == {"width": 3, "weighting": json.dumps(BY_NAME, ensure_ascii=False)}


@pytest.mark.filterwarnings("ignore")  # of MLflow's own, and of Lightning's about its names of metrics
def test_mlflow_takes_settings_metrics_and_pictures(tiny_trainer, blobs, tmp_path):
    pytest.importorskip("mlflow")
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger("runs", tracking_uri=f"sqlite:///{tmp_path / 'm.db'}", artifact_location=f"file:{tmp_path}/a")

    fitted(
        tiny_trainer, blobs, logger, ImbalanceMonitor(plot=True, extra="auroc"), weighting=BY_NAME, class_names=NAMES
    )

    run = logger.experiment.get_run(logger.run_id)
    assert json.loads(run.data.params["weighting"]) == BY_NAME
    assert run.data.params["loss"] == "cross_entropy"
    assert {"val_balanced_accuracy", "val_mean_auroc", "val_recall/n/a", "train_loss"} < set(run.data.metrics)
    assert [file.path for file in logger.experiment.list_artifacts(logger.run_id)] == ["pictures"]


@pytest.mark.filterwarnings("ignore")  # of wandb's own
def test_wandb_takes_settings_metrics_and_pictures(tiny_trainer, blobs, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    from lightning.pytorch.loggers import WandbLogger

    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = WandbLogger(project="p", save_dir=tmp_path, offline=True)

    fitted(
        tiny_trainer, blobs, logger, ImbalanceMonitor(plot=True, extra="auroc"), weighting=BY_NAME, class_names=NAMES
    )

    config, summary = dict(logger.experiment.config), dict(logger.experiment.summary)
    wandb.finish()
    assert json.loads(config["weighting"]) == BY_NAME
    assert list(config["class_names"]) == NAMES
    assert {"val_balanced_accuracy", "val_mean_auroc", "val_recall/n/a", "val_confusion_matrix"} < set(summary)
