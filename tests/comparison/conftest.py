"""Small data and small fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn

from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.remedies import resolve
from lightning_imbalance.comparison.source import FixedParts


@pytest.fixture
def datamodule(blobs: Callable[..., Any]) -> L.LightningDataModule:
    """Three classes with training, validation and test part."""
    names = ["cat", "dog", "eel"]
    train, val, test = (blobs(counts, names) for counts in ([40, 16, 6], [8, 8, 8], [12, 12, 10]))
    return L.LightningDataModule.from_datasets(train, val, test, batch_size=32)


def linear(num_classes: int) -> nn.Module:
    return nn.Linear(num_classes, num_classes)


@pytest.fixture
def experiment(datamodule: L.LightningDataModule) -> Callable[..., Experiment]:
    """Make an experiment of one epoch with a linear network."""

    def make(remedies: Sequence[Any] = ("none", "weighted"), **settings: Any) -> Experiment:
        given: dict[str, Any] = {
            "model": linear,
            "optimizer": torch.optim.AdamW,
            "lr_scheduler": None,
            "max_epochs": 1,
            "metric": "balanced_accuracy",
            "trainer": {"accelerator": "cpu"},
        }
        return Experiment(parts=FixedParts(datamodule), remedies=resolve(remedies, "none"), **{**given, **settings})

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"
