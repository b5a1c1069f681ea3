"""What counting the classes costs.

Each a ratio measured in one run:

- Labels in memory: ``ClassDistribution.from_labels(labels)`` in units of ``torch.bincount(labels)`` on the same tensor.
  Goal: at most 1.2 for 10 million integers. Shorter tensors are shown without a goal, since a fixed cost of some
  microseconds weighs more there.
- A folder of images: ``ClassDistribution.from_dataset(folder)`` in units of ``ImageFolder(root)``, which lists the
  files. The files are empty and the loader raises, so that opening one would end the run. The same for a ``Subset`` of
  half of them.
- Class weights of labels and of the folder, in units of the weights that torchsampler's ``ImbalancedDatasetSampler``
  computes when it is made, where it is installed. Goal: at most 0.02. It reads no labels of a ``Subset``.

Usage::

    python benchmarks/counting.py
    python benchmarks/counting.py --sizes 100000 --files 1000 --rounds 5
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import torch
from interleaved import CLOCKS, Comparison, add_options, interleave, report, timed
from torch import Tensor
from torch.utils.data import Subset
from torchvision.datasets import ImageFolder

from lightning_imbalance import ClassDistribution, class_weights

GOAL = 1.2
GOAL_OF_OTHERS = 0.02
GOAL_FROM = 10_000_000
KINDS = ((torch.int64, 10), (torch.int64, 1000), (torch.uint8, 10), (torch.uint8, 200))


def compare_labels(labels: Tensor, name: str, rounds: int, clock: Callable[[], float]) -> Comparison:
    """Compare counting with bincount; short tensors are counted often enough for the clock."""
    repeats = max(1, 1_000_000 // len(labels))
    runs = {
        "from_labels": timed(partial(ClassDistribution.from_labels, labels), clock, repeats),
        "bincount": timed(partial(torch.bincount, labels), clock, repeats),
    }
    goal = GOAL if len(labels) >= GOAL_FROM else None
    return Comparison(f"{name}: from_labels / bincount", *interleave(name, runs, rounds).values(), goal)


def compare_folder(files: int, folders: int, rounds: int, clock: Callable[[], float]) -> list[Comparison]:
    """Compare counting a folder that is listed with listing it, and weights with those of another package."""
    with tempfile.TemporaryDirectory() as root:
        for i in range(folders):
            (Path(root) / f"class{i:03}").mkdir()
        for i in range(files):
            (Path(root) / f"class{i % folders:03}" / f"{i:07}.png").touch()
        folder = ImageFolder(root, loader=refuse)
        subset = Subset(
            folder, torch.randperm(files, generator=torch.Generator().manual_seed(0))[: files // 2].tolist()
        )
        runs = {
            "from_dataset": partial(ClassDistribution.from_dataset, folder),
            "from_dataset of a Subset": partial(ClassDistribution.from_dataset, subset),
            "ImageFolder": partial(ImageFolder, root, loader=refuse),
        }
        name = f"{files:,} files in {folders} folders"
        times = interleave(name, {key: timed(run, clock) for key, run in runs.items()}, rounds)
        *ours, theirs = runs
        found = [Comparison(f"{name}: {key} / {theirs}", times[key], times[theirs]) for key in ours]
        return found + compare_weights(folder, ClassDistribution.from_dataset, name, rounds, clock)


def compare_weights(
    labelled: Any, count: Callable[[Any], ClassDistribution], name: str, rounds: int, clock: Callable[[], float]
) -> list[Comparison]:
    """Compare the weights of the classes with the weights of the samples that torchsampler computes."""
    if find_spec("torchsampler") is None:
        return []
    from torchsampler import ImbalancedDatasetSampler

    given = {"labels": labelled.numpy()} if isinstance(labelled, Tensor) else {}
    runs = {
        "class_weights": timed(lambda: class_weights(count(labelled)), clock),
        "torchsampler": timed(lambda: ImbalancedDatasetSampler(labelled, **given), clock),
    }
    times = interleave(f"weights of {name}", runs, min(rounds, 5))
    return [Comparison(f"{name}: class_weights / torchsampler", *times.values(), GOAL_OF_OTHERS)]


def refuse(path: str) -> NoReturn:
    """Stand in for the loader of images."""
    msg = f"counting must open no image, got a call for {path}"
    raise AssertionError(msg)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ratio of counting classes to torch.bincount and to listing a folder.")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100_000, 1_000_000, GOAL_FROM], help="labels in memory"
    )
    parser.add_argument("--files", type=int, default=60_000, help="files in the folder (default: %(default)s)")
    parser.add_argument("--folders", type=int, default=100, help="classes in the folder (default: %(default)s)")
    add_options(parser, rounds=21)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clock = CLOCKS[options.clock]
    comparisons = []
    for size in options.sizes:
        for dtype, num_classes in KINDS:
            labels = torch.randint(num_classes, (size,), generator=torch.Generator().manual_seed(0)).to(dtype)
            name = f"{size:,} {str(dtype).removeprefix('torch.')}, {num_classes} classes"
            comparisons.append(compare_labels(labels, name, options.rounds, clock))
        labels = torch.randint(10, (size,), generator=torch.Generator().manual_seed(0))
        count = ClassDistribution.from_labels
        comparisons += compare_weights(labels, count, f"{size:,} int64, 10 classes", options.rounds, clock)
    comparisons += compare_folder(options.files, options.folders, options.rounds, clock)
    report("counting classes", comparisons, options)


if __name__ == "__main__":
    main()
