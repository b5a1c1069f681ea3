"""What the figures of a validation cost.

Each row is what ``ImbalanceMonitor`` adds to a validation of 50,000 samples, in units of what torchmetrics adds: a
``MetricCollection`` of recalls and macro F1 that gives the same figures, which ends with one ``log_dict`` of the means,
or with one ``self.log`` a class. What is added is the time of a validation with it less that of one without, both of
the same round; the logits of a batch are the same for all batches, so that no network takes part. From 10,000 classes
on the samples are a tenth: torchmetrics counts a matrix of C x C numbers for each batch, and takes minutes. Goal: at
most 0.5.

The memory is the most that torch had allocated at a time, beyond the batch, in units of a confusion matrix of C x C
numbers of 64 bits, which the monitor does without.

Usage::

    python benchmarks/monitor.py
    python benchmarks/monitor.py --samples 1000 --classes 10 --rounds 2
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import lightning as L
import torch
from allocated import peak_bytes
from interleaved import CLOCKS, MEBIBYTES, Comparison, add_options, interleave, report, timed
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassF1Score, MulticlassRecall

from lightning_imbalance import ImbalanceMonitor

GOAL = 0.5
BATCH = 128
MANY = 10_000


class Bare(L.LightningModule):
    """Has its logits already.

    Args:
        logits: Of a batch, shape ``(N, C)``.
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def validation_step(self, target: Tensor, batch_idx: int) -> dict[str, Tensor]:
        """Return logits and targets, as a module does that a monitor watches."""
        del batch_idx
        return {"logits": self.logits, "target": target}


class WithCollection(Bare):
    """The same with torchmetrics, put together as its documentation does.

    Args:
        logits: Of a batch, shape ``(N, C)``.
        each_class: Log the recall of each class with ``self.log``, too.
    """

    def __init__(self, logits: Tensor, *, each_class: bool) -> None:
        super().__init__(logits)
        classes = logits.shape[1]
        self.each_class = each_class
        self.metrics = MetricCollection(
            {
                "recall": MulticlassRecall(classes, average="none"),
                "balanced_accuracy": MulticlassRecall(classes, average="macro"),
                "macro_f1": MulticlassF1Score(classes, average="macro"),
            }
        )

    def validation_step(self, target: Tensor, batch_idx: int) -> dict[str, Tensor]:
        """Update the collection."""
        self.metrics.update(self.logits, target)
        return super().validation_step(target, batch_idx)

    def on_validation_epoch_end(self) -> None:
        """Log the figures."""
        values = self.metrics.compute()
        recall = values.pop("recall")
        found = {"worst_class_recall": recall.min(), "geometric_mean": recall.log().mean().exp()}
        self.log_dict({f"val_{name}": value for name, value in (values | found).items()})
        if self.each_class:
            for index, value in enumerate(recall):
                self.log(f"val_recall/{index}", value)
        self.metrics.reset()


def validate(
    make: Callable[[Tensor], L.LightningModule],
    watched_by: Callable[[], list[L.Callback]],
    logits: Tensor,
    batches: Sequence[Tensor],
) -> None:
    """Validate once."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            accelerator="cpu",
            logger=CSVLogger(folder),
            callbacks=watched_by(),
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.validate(make(logits), DataLoader(batches, batch_size=None), verbose=False)  # type: ignore[arg-type]


def compare(classes: int, samples: int, rounds: int, clock: Callable[[], float]) -> list[Comparison]:
    """Compare the monitor with torchmetrics for a number of classes."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH, classes, generator=generator)
    batches = list((torch.arange(samples) % classes).split(BATCH))
    batches = [batch for batch in batches if len(batch) == BATCH]
    one_by_one, together = (partial(WithCollection, each_class=each) for each in (True, False))
    ways: dict[str, tuple[Callable[[Tensor], L.LightningModule], Callable[[], list[L.Callback]]]] = {
        "nothing": (Bare, list),
        "monitor": (Bare, lambda: [ImbalanceMonitor()]),
        "MetricCollection": (together, list),
        "a log for each class": (one_by_one, list),
    }
    runs: dict[str, Callable[[], None]] = {
        name: partial(validate, make, watched_by, logits, batches) for name, (make, watched_by) in ways.items()
    }
    times = interleave(f"{classes:,} classes", {name: timed(run, clock) for name, run in runs.items()}, rounds)
    added: dict[str, list[float]] = {
        # A validation that adds less than the noise has added nothing that can be divided by.
        name: [max(each - bare, 1e-6) for each, bare in zip(seconds, times["nothing"], strict=True)]
        for name, seconds in times.items()
    }
    found = [
        Comparison(f"{classes:,} classes: monitor / {name}", added["monitor"], added[name], GOAL)
        for name in ("MetricCollection", "a log for each class")
    ]
    beyond: dict[str, Any] = {name: peak_bytes(runs[name]) for name in ("monitor", "MetricCollection")}
    matrix = 8 * classes**2
    for name, peak in beyond.items():
        found.append(Comparison(f"{classes:,} classes, memory: {name} / matrix", [peak], [matrix], unit=MEBIBYTES))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description="Ratio of what a monitor adds to a validation to what torchmetrics does."
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 1000, 10_000], help="(default: %(default)s)")
    parser.add_argument("--samples", type=int, default=50_000, help="of the validation (default: %(default)s)")
    add_options(parser, rounds=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    comparisons = []
    for classes in options.classes:
        samples = options.samples // (10 if classes >= MANY else 1)
        comparisons += compare(classes, samples, options.rounds, CLOCKS[options.clock])
    report(f"figures of {options.samples:,} samples", comparisons, options)


if __name__ == "__main__":
    main()
