"""However the processes are started, they say what one process says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("processes")

# The same program for each strategy. 17 samples do not divide by two processes, and the parameters stand still, so that
# only the sums can differ. What is read is what the process that starts the others has afterwards.
PROGRAM = """
import json
import sys
from functools import partial
import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset
from lightning_imbalance import ImbalanceMonitor, WeightedClassifier

if __name__ == "__main__":
    torch.set_num_threads(1)
    strategy, path = sys.argv[1:]
    target = torch.tensor([0] * 9 + [1] * 5 + [2] * 3)
    inputs = 2 * torch.eye(3)[target] + 1.5 * torch.randn(17, 3, generator=torch.Generator().manual_seed(0))
    data = DataLoader(TensorDataset(inputs, target), batch_size=4)
    network = torch.nn.Linear(3, 3)
    torch.nn.init.eye_(network.weight)
    torch.nn.init.zeros_(network.bias)
    model = WeightedClassifier(network, optimizer=partial(torch.optim.SGD, lr=0.0))
    trainer = L.Trainer(
        accelerator="cpu", devices=1 if strategy == "auto" else 2, strategy=strategy, max_epochs=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        callbacks=[ImbalanceMonitor()],
    )
    trainer.fit(model, data, data)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val")}
    if trainer.global_rank == 0:
        buffers = {"weights": model.class_weights.tolist(), "counts": model.class_counts.tolist()}
        with open(path, "w") as file:
            json.dump({"logged": logged, **buffers}, file)
"""


def run(strategy: str, folder: Path) -> dict[str, object]:
    script, path = folder / "program.py", folder / f"{strategy}.json"
    script.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, script, strategy, path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, object]:
    return run("auto", tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn", "ddp_fork"])
def test_two_processes_say_what_one_says(strategy, alone, tmp_path):
    together = run(strategy, tmp_path)

    assert together["counts"] == alone["counts"] == [9, 5, 3]
    assert together["weights"] == alone["weights"]
    assert together["logged"] == pytest.approx(alone["logged"], rel=1.2e-7)
    assert {"val_loss", "val_balanced_accuracy", "val_recall/2"} < set(alone["logged"])
    assert 0.3 < alone["logged"]["val_balanced_accuracy"] < 1
