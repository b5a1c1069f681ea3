"""What an epoch of training and validation costs.

Each row is the time of an epoch with this package in units of the same epoch without it, in fits that take turns:

- ``WeightedClassifier`` / a hand-written LightningModule with ``F.cross_entropy(weight=...)`` that logs ``train_loss``
  and ``val_loss`` by ``self.log`` (see ``handwritten.py``). Goal: at most 1.00. WeightedClassifier logs more: the exact
  mean of the training loss over the epoch, and the unweighted validation loss.
- the same with ``ImbalanceMonitor`` / the hand-written module with a collection of torchmetrics (recall of each class,
  balanced accuracy, worst class recall, macro F1). Goal: at most 1.00. A second row of this kind has torchmetrics'
  checks of values switched off (``validate_args=False``).
- the hand-written module / itself: how far from 1 the noise of the machine alone takes a ratio.

Both sides have the same data, seed, network, optimizer and Trainer: CPU, one thread, a ``CSVLogger`` in a temporary
folder, neither progress bar nor checkpoints. An epoch is timed inside the fit, from the start of one to the start of
the next (the last one to the end of training), so that everything that is done at its end counts. The first epoch of a
fit does not. ``mlp`` is the worst case, since its steps are the shortest; its batches are small for the same reason.
An epoch of ``resnet18`` has a tenth of the batches.

Usage::

    python benchmarks/epoch.py
    python benchmarks/epoch.py --networks mlp --classes 10 --steps 20 --val-steps 5 --rounds 2
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import lightning as L
import torch
from handwritten import Handwritten, HandwrittenWithMetrics
from interleaved import CLOCKS, Comparison, add_options, interleave, report
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier, class_weights

GOAL = 1.0


def mlp(num_classes: int) -> nn.Module:
    """Make a network whose step takes almost no time."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 64), nn.ReLU(), nn.Linear(64, num_classes))


def convnet(num_classes: int) -> nn.Module:
    """Make a small convolutional network."""
    layers: list[nn.Module] = []
    for width, out in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 2 * 2, num_classes))


def resnet(num_classes: int) -> nn.Module:
    """Make torchvision's ResNet-18."""
    from torchvision.models import resnet18

    network: nn.Module = resnet18(num_classes=num_classes)
    return network


NETWORKS: dict[str, Callable[[int], nn.Module]] = {"mlp": mlp, "convnet": convnet, "resnet18": resnet}
HEAVY = {"resnet18": 10}
"""Networks whose epochs have so many times fewer batches."""


class Stopwatch(L.Callback):
    """Takes the time of each epoch.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.marks: list[float] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End the epoch before, begin this one."""
        del trainer, pl_module
        self.marks.append(self.clock())

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End the last epoch."""
        del trainer, pl_module
        self.marks.append(self.clock())

    def epochs(self) -> list[float]:
        """Return the seconds of each epoch."""
        return [end - start for start, end in zip(self.marks, self.marks[1:], strict=False)]


@dataclass(frozen=True)
class Setting:
    """What both sides of a comparison share.

    Attributes:
        network: Key of ``NETWORKS``.
        num_classes: Number of classes.
        batch_size: Samples a batch.
        steps: Batches of an epoch's training.
        val_steps: Batches of its validation.
        epochs: Epochs that are timed in a fit.
        clock: Returns seconds.
    """

    network: str
    num_classes: int
    batch_size: int
    steps: int
    val_steps: int
    epochs: int
    clock: Callable[[], float]

    def data(self, batches: int) -> TensorDataset:
        """Make pictures of noise; class 0 has half of the samples, the others share the rest."""
        generator = torch.Generator().manual_seed(batches)
        target = torch.arange(batches * self.batch_size) % (2 * self.num_classes)
        target[target >= self.num_classes] = 0
        target[-1] = self.num_classes - 1  # so that few samples show how many classes there are, too
        return TensorDataset(torch.randn(len(target), 3, 16, 16, generator=generator), target)

    def weight(self) -> Tensor:
        """Return the class weights of the training data, for the hand-written modules."""
        return class_weights(ClassDistribution.from_dataset(self.data(self.steps)))

    def fit(self, build: Callable[[nn.Module], L.LightningModule], callbacks: Sequence[L.Callback] = ()) -> float:
        """Train once and return the median seconds of an epoch."""
        L.seed_everything(0, verbose=False)
        module = build(NETWORKS[self.network](self.num_classes))
        train = DataLoader(self.data(self.steps), self.batch_size, shuffle=True)
        val = DataLoader(self.data(self.val_steps), self.batch_size)
        stopwatch = Stopwatch(self.clock)
        with tempfile.TemporaryDirectory() as folder:
            trainer = L.Trainer(
                accelerator="cpu",
                max_epochs=1 + self.epochs,
                logger=CSVLogger(folder),
                callbacks=[*callbacks, stopwatch],
                enable_checkpointing=False,
                enable_model_summary=False,
                enable_progress_bar=False,
                num_sanity_val_steps=0,
            )
            trainer.fit(module, train, val)
        return median(stopwatch.epochs()[1:])


def comparisons_of(setting: Setting, rounds: int) -> list[Comparison]:
    """Compare all pairs in one setting."""
    weight = setting.weight()
    handwritten = partial(setting.fit, partial(Handwritten, weight=weight))
    checked, unchecked = (
        partial(setting.fit, partial(HandwrittenWithMetrics, weight=weight, validate_args=validate_args))
        for validate_args in (True, False)
    )
    runs = {
        "hand-written": handwritten,
        "hand-written again": handwritten,
        "WeightedClassifier": partial(setting.fit, WeightedClassifier),
        "with ImbalanceMonitor": lambda: setting.fit(WeightedClassifier, [ImbalanceMonitor()]),
        "with torchmetrics": checked,
        "with torchmetrics, unchecked": unchecked,
    }
    name = f"{setting.network}, {setting.num_classes} classes"
    times = interleave(name, runs, rounds)
    pairs = (
        ("hand-written again", "hand-written", None),
        ("WeightedClassifier", "hand-written", GOAL),
        ("with ImbalanceMonitor", "with torchmetrics", GOAL),
        ("with ImbalanceMonitor", "with torchmetrics, unchecked", None),
    )
    return [Comparison(f"{name}: {ours} / {theirs}", times[ours], times[theirs], goal) for ours, theirs, goal in pairs]


def quieten() -> None:
    """Keep Lightning's advice for real trainings out of the output."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="The '\\w+' does not have many workers")
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than the logging interval")
    warnings.filterwarnings("ignore", message="`isinstance\\(treespec, LeafSpec\\)` is deprecated")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ratio of an epoch with this package to one written by hand.")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["mlp", "resnet18"])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000], help="numbers of classes")
    parser.add_argument("--batch-size", type=int, default=32, help="samples a batch (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="training batches an epoch (default: %(default)s)")
    parser.add_argument("--val-steps", type=int, default=50, help="validation batches an epoch (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs a fit (default: %(default)s)")
    add_options(parser, rounds=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    quieten()
    results = []
    for network in options.networks:
        for num_classes in options.classes:
            fewer = HEAVY.get(network, 1)
            steps, val_steps = (max(1, number // fewer) for number in (options.steps, options.val_steps))
            sizes = (options.batch_size, steps, val_steps, options.epochs)
            results += comparisons_of(Setting(network, num_classes, *sizes, CLOCKS[options.clock]), options.rounds)
    report(f"an epoch of {options.steps} training and {options.val_steps} validation batches", results, options)


if __name__ == "__main__":
    main()
