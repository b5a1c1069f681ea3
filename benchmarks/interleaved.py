"""Things timed in turns, and what one costs in units of another.

The runs alternate, A B, B A, A B, ..., so that whatever slows the machine down slows all of them; each round gives one
ratio, and the median over the rounds is the result. A time alone says nothing about another machine, so it is never
printed alone. One round before the first is not counted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from lightning_imbalance.tables import Column, Table

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
Run = Callable[[], float]
Times = Mapping[str, Sequence[float]]


class Unit(NamedTuple):
    """How the cost of a baseline is printed: times what, and called what."""

    factor: float
    name: str


MILLISECONDS = Unit(1000, "ms")
MEBIBYTES = Unit(2.0**-20, "MiB")


@dataclass(frozen=True)
class Comparison:
    """What one run costs, measured against another of the same rounds.

    Attributes:
        name: What was compared.
        ours: Seconds in each round.
        theirs: Seconds of the baseline in each round.
        goal: The largest median ratio that is good enough, ``None`` where there is no goal.
        unit: Of what is compared, where it is no time.
    """

    name: str
    ours: Sequence[float]
    theirs: Sequence[float]
    goal: float | None = None
    unit: Unit = MILLISECONDS

    @property
    def ratios(self) -> list[float]:
        """One a round."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return name, median, extremes and goal, for programs."""
        ratios = self.ratios
        found = {"name": self.name, "median": median(ratios), "min": min(ratios), "max": max(ratios)}
        return {**found, "goal": self.goal}

    def row(self) -> tuple[str, ...]:
        """Return the name, the median, the extremes, the goal and whether it is met, and the baseline's time."""
        ratios = self.ratios
        verdict = "" if self.goal is None else "met" if median(ratios) <= self.goal else "missed"
        return (
            self.name,
            f"{median(ratios):.3f}",
            f"{min(ratios):.3f} - {max(ratios):.3f}",
            "" if self.goal is None else f"{self.goal:.2f}",
            verdict,
            f"{self.unit.factor * median(self.theirs):,.4g} {self.unit.name}",
        )


def interleave(name: str, runs: Mapping[str, Run], rounds: int) -> Times:
    """Run all in turns, in the opposite order in every second round.

    Args:
        name: What is measured, for the line that says so.
        runs: Each runs once and returns its seconds.
        rounds: How often.

    Returns:
        The seconds of each run, one a round.
    """
    times: dict[str, list[float]] = {key: [] for key in runs}
    for i in range(rounds + 1):
        print(f"\rmeasuring {name}: round {i} of {rounds}", end="", file=sys.stderr, flush=True)
        for key in reversed(runs) if i % 2 else runs:
            times[key].append(runs[key]())
    print(file=sys.stderr)
    return {key: seconds[1:] for key, seconds in times.items()}


def timed(function: Callable[[], object], clock: Callable[[], float], repeats: int = 1) -> Run:
    """Make a run out of a function: called ``repeats`` times, garbage collected before, seconds of one call."""

    def run() -> float:
        gc.collect()
        start = clock()
        for _ in range(repeats):
            function()
        return (clock() - start) / repeats

    return run


def add_options(parser: argparse.ArgumentParser, *, rounds: int) -> None:
    """Add the options that every benchmark has."""
    parser.add_argument("--rounds", type=int, default=rounds, help="ratios a row (default: %(default)s)")
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="wall time, or the processor time of this process, which other processes disturb less (default: wall)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios into this file too")


def report(
    title: str, comparisons: Sequence[Comparison] | Mapping[str, Sequence[Comparison]], options: argparse.Namespace
) -> None:
    """Print where the ratios come from, and the ratios; write them into the file that the options name.

    Args:
        title: What was measured.
        comparisons: The ratios, or several tables of them by what is added to the title.
        options: As :func:`add_options` made them.
    """
    tables = comparisons if isinstance(comparisons, Mapping) else {"": comparisons}
    every = [comparison for table in tables.values() for comparison in table]
    packages = ("torch", "lightning", "torchmetrics", "lightning-imbalance")
    columns = (Column("", "left"), *map(Column, ("ratio", "min - max", "goal", "", "baseline")))
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in packages)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch.set_num_threads({torch.get_num_threads()})")
    print(f"{options.clock} time, median of {len(every[0].ours)} interleaved rounds")
    for name, table in tables.items():
        print()
        print(Table(columns, tuple(comparison.row() for comparison in table), f"{title}{name and ': '}{name}"))
    if options.json is not None:
        rows = [comparison.to_dict() for comparison in every]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
