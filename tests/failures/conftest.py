"""Programs that meet a failure, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

from lightning_imbalance import WeightedClassifier

# What every program begins with. A failure comes before the second batch of the second epoch, when there is a checkpoint.
BEGINNING = """
import os
import resource
import signal
import sys
import tempfile
import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info
from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.checkpoint_io import WholeFileCheckpointIO

torch.set_num_threads(1)


class Then(L.Callback):
    def __init__(self, action):
        self.action = action

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == (1, 1):
            self.action()


def fit(folder, action=int, data=TensorDataset(torch.randn(32, 3), torch.arange(32) % 3), workers=0, **options):
    last = ModelCheckpoint(folder, "last", enable_version_counter=False)
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=3, logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[ImbalanceMonitor(), last, Then(action)], **({"plugins": [WholeFileCheckpointIO()]} | options),
    )
    trainer.fit(WeightedClassifier(torch.nn.Linear(3, 3)), DataLoader(data, 4, num_workers=workers))
    print("trained to the end")

"""


class Ended(NamedTuple):
    """How a program ended; ``code`` is negative after a signal."""

    code: int
    out: str
    err: str


class Program:
    """A program that was started."""

    def __init__(self, script: Path, *arguments: str | Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        )

    def end(self) -> Ended:
        """Wait for it, in bounded time: a program that hangs fails the test."""
        out, err = self.process.communicate(timeout=120)
        return Ended(self.process.returncode, out, err)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program: ``start(source, argument, ..., VARIABLE="value")``."""
    programs: list[Program] = []
    # What a killed process leaves lies in here. The path of a socket must be short, and another user must get in.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        Path(temporary).chmod(0o755)

        def start(source: str, *arguments: str | Path, **environment: str) -> Program:
            script = tmp_path / "program.py"
            script.write_text(BEGINNING + source)
            programs.append(Program(script, *arguments, **({"TMPDIR": temporary} | environment)))
            return programs[-1]

        yield start
        for program in programs:
            program.process.kill()
            program.process.communicate()


@pytest.fixture
def epoch_of() -> Callable[[Path], int]:
    """Load a checkpoint, the model too, and give the epoch that it was written in."""

    def epoch_of(path: Path) -> int:
        model = WeightedClassifier.load_from_checkpoint(path, model=nn.Linear(3, 3))
        assert model.class_counts.tolist() == [11, 11, 10]
        epoch: int = torch.load(path)["epoch"]
        return epoch

    return epoch_of
