"""Runs that are finished: one line of JSON each, in a file that is only ever added to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recipe import Scale

Run = dict[str, Any]


def read(file: Path) -> list[Run]:
    """Return the runs in a file, in the order in which they finished; none where there is no file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def add(file: Path, run: Run) -> None:
    """Add a run."""
    with file.open("a") as lines:
        lines.write(json.dumps(run) + "\n")


def to_do(runs: list[Run], scale: Scale, methods: list[str], seeds: int) -> list[tuple[str, int]]:
    """Return method and seed of what is not finished at a scale, method by method.

    Args:
        runs: The finished ones.
        scale: At which scale.
        methods: In which order.
        seeds: How many seeds each, from 0 on.

    Returns:
        What is left to train.
    """
    done = {(run["method"], run["seed"]) for run in runs if run["scale"] == scale.as_dict()}
    return [(method, seed) for method in methods for seed in range(seeds) if (method, seed) not in done]
