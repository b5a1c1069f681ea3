"""Two real processes: what the monitor and the losses say is what one process says."""

from __future__ import annotations

import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# The same program with one device and with two. Nothing is padded: 16 samples are two batches of 4 on each of two
# processes, and the parameters stand still, so that only the sums can differ.
PROGRAM = """
import json
import sys
from functools import partial
import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset
from lightning_imbalance import ImbalanceMonitor, WeightedClassifier

torch.set_num_threads(1)
devices, folder = int(sys.argv[1]), sys.argv[2]
generator = torch.Generator().manual_seed(0)
target = torch.tensor([0] * 9 + [1] * 4 + [2] * 3)
inputs = 2 * torch.eye(3)[target] + 1.5 * torch.randn(16, 3, generator=generator)
data = DataLoader(TensorDataset(inputs, target), batch_size=4)
network = torch.nn.Linear(3, 3)
torch.nn.init.eye_(network.weight)
torch.nn.init.zeros_(network.bias)
model = WeightedClassifier(network, optimizer=partial(torch.optim.SGD, lr=0.0))
monitor = ImbalanceMonitor(train=True)
trainer = L.Trainer(
    accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto", max_epochs=1, logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, callbacks=[monitor],
)
trainer.fit(model, data, data)
logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
counts = {stage: monitor.results[stage]["true_positives"] for stage in ("train", "val")}
with open(f"{folder}/{devices}-{trainer.global_rank}.json", "w") as file:
    json.dump({"logged": logged, "counts": counts, "weights": model.class_weights.tolist()}, file)
"""


def in_processes(script: Path, devices: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, script, str(devices), script.parent],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


# On one worker, so that its two processes do not meet those of another test.
@pytest.mark.xdist_group("processes")
def test_two_processes_say_what_one_says(tmp_path, monkeypatch):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)

    in_processes(script, devices=2)
    monkeypatch.setattr(sys, "argv", [str(script), "1", str(tmp_path)])
    runpy.run_path(str(script))

    alone, first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1"))
    assert first == second
    assert first["counts"] == alone["counts"]
    assert first["weights"] == alone["weights"]
    assert first["logged"] == pytest.approx(alone["logged"], rel=1e-6)
    assert set(alone["logged"]) > {"train_loss", "val_loss", "val_balanced_accuracy", "train_recall/2"}
    assert 0.3 < alone["logged"]["val_balanced_accuracy"] < 1
