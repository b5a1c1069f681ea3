"""What counting the classes costs.

Two questions, each a ratio measured in one run:

- Labels in memory: ``ClassDistribution.from_labels(labels)`` in units of ``torch.bincount(labels)`` on the same tensor.
  Goal: at most 1.3 for 10 million integers. Shorter tensors are shown without a goal, since a fixed cost of some
  microseconds weighs more there.
- A folder of images: ``ClassDistribution.from_dataset(folder)`` in units of ``ImageFolder(root)``, which lists the
  files. The files are empty and the loader raises, so that opening one would end the run.

Usage::

    python benchmarks/counting.py
    python benchmarks/counting.py --sizes 100000 --files 1000 --rounds 5
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import torch
from interleaved import CLOCKS, Comparison, add_options, interleave, report, timed
from torch import Tensor
from torchvision.datasets import ImageFolder

from lightning_imbalance import ClassDistribution

GOAL = 1.3
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


def compare_folder(files: int, folders: int, rounds: int, clock: Callable[[], float]) -> Comparison:
    """Compare counting a folder that is listed with listing it."""
    with tempfile.TemporaryDirectory() as root:
        for i in range(folders):
            (Path(root) / f"class{i:03}").mkdir()
        for i in range(files):
            (Path(root) / f"class{i % folders:03}" / f"{i:07}.png").touch()
        folder = ImageFolder(root, loader=refuse)
        runs = {
            "from_dataset": timed(partial(ClassDistribution.from_dataset, folder), clock),
            "ImageFolder": timed(partial(ImageFolder, root, loader=refuse), clock),
        }
        name = f"{files:,} files in {folders} folders"
        return Comparison(f"{name}: from_dataset / ImageFolder", *interleave(name, runs, rounds).values())


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
    parser.add_argument("--files", type=int, default=50_000, help="files in the folder (default: %(default)s)")
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
    comparisons.append(compare_folder(options.files, options.folders, options.rounds, clock))
    report("counting classes", comparisons, options.clock)


if __name__ == "__main__":
    main()
