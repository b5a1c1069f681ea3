"""The training step on a GPU: whether it makes the host wait, and what it costs beside the hand-written one.

    python benchmarks/long_tail/step.py

The weighted ResNet-32 of this benchmark, batches of 128, without CUDA graphs, so that launching is what costs. Both
modules are trained by Lightning's Trainer on the same batches in mixed precision.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from batches import DeviceImages, loader
from resnet import ResNet
from torch.optim import AdamW

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.data import long_tailed_counts
from lightning_imbalance.quiet import quiet

# Beside the benchmarks that measure the cost of everything else.
sys.path.append(str(Path(__file__).resolve().parents[1]))
from handwritten import Handwritten
from interleaved import Comparison, add_options, interleave, report

NO_GPU = "No GPU: whether a step waits for one, and what it costs there, was not measured."


class RefuseToWait(L.Callback):
    """Turns every wait of the host for the device into an error, from the start of a training batch to its end.

    Args:
        after: So many batches may wait first: the one whose targets are checked, and those that allocate.
    """

    def __init__(self, after: int = 5) -> None:
        self.after = after
        self.watched = 0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Watch."""
        del trainer, pl_module, batch
        if batch_idx >= self.after:
            torch.cuda.set_sync_debug_mode("error")
            self.watched += 1

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *outputs: Any) -> None:
        """Watch no longer."""
        del trainer, pl_module, outputs
        torch.cuda.set_sync_debug_mode("default")

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Watch no longer."""
        del trainer, pl_module, exception
        torch.cuda.set_sync_debug_mode("default")


def images(steps: int, device: torch.device) -> DeviceImages:
    """Return noise with the labels of CIFAR-10-LT, enough for some batches of 128."""
    counts = long_tailed_counts(10, 5000, 100)
    labels = torch.multinomial(counts.double(), 128 * steps, replacement=True)
    labels[:10] = torch.arange(10)  # every class is there
    pixels = torch.randint(256, (len(labels), 32, 32, 3), dtype=torch.uint8)
    return DeviceImages(pixels, labels, device, augment=True)


def network(depth: int, device: torch.device) -> torch.nn.Module:
    """Return the network that is trained by both."""
    torch.manual_seed(0)
    resnet: torch.nn.Module = ResNet(depth, 10)
    return resnet.to(device, memory_format=torch.channels_last)


def fit(model: L.LightningModule, data: DeviceImages, *callbacks: L.Callback) -> float:
    """Train an epoch; return the seconds of a step."""
    on_gpu = data.images.is_cuda
    with quiet():
        trainer = L.Trainer(
            max_epochs=1,
            accelerator="gpu" if on_gpu else "cpu",
            devices=1,
            precision="bf16-mixed",
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        batches = loader(data, 128)
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        trainer.fit(model, batches)
        if on_gpu:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / len(batches)


def runs(depth: int, data: DeviceImages) -> dict[str, partial[float]]:
    """Return what is compared: the hand-written module with torch's weighted loss, and ours."""
    device = data.images.device
    weight = class_weights(ClassDistribution.from_dataset(data), "balanced").to(device)
    written = Handwritten(network(depth, device), weight)
    ours = WeightedClassifier(network(depth, device), 10, weighting="balanced", optimizer=AdamW)
    return {"hand-written": partial(fit, written, data), "WeightedClassifier": partial(fit, ours, data)}


def main() -> None:
    """Watch a step, and time it; without a GPU say that neither was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=200, help="of a round (default: 200)")
    parser.add_argument("--depth", type=int, default=32, help="layers of the ResNet (default: 32)")
    add_options(parser, rounds=9)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(NO_GPU)
        return
    data = images(options.steps, torch.device("cuda"))
    compared = runs(options.depth, data)
    refusing = RefuseToWait()
    compared["WeightedClassifier"](refusing)
    print(f"{torch.cuda.get_device_name()}: {refusing.watched} training steps made the host wait for nothing.")
    times = interleave("a step", compared, options.rounds)
    name = f"a step of ResNet-{options.depth}: WeightedClassifier / hand-written"
    report("on a GPU", [Comparison(name, times["WeightedClassifier"], times["hand-written"], 1.0)], options.clock)


if __name__ == "__main__":
    main()
