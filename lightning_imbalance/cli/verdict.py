"""What two runs show when they are put side by side, in a table and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional import balanced_accuracy_difference
from lightning_imbalance.tables import Column, Table


@dataclass(frozen=True)
class Run:
    """One trained model and what it said about the test part."""

    name: str
    predicted: Tensor
    report: ClassReport
    checkpoint: Path
    log: Path
    seconds: float


def side_by_side(first: Run, second: Run, trained_on: ClassDistribution) -> Table:
    """Return the recall of each class in both runs."""
    names = trained_on.class_names
    rows: list[tuple[str, ...]] = [
        (
            name,
            f"{trained_on.counts[i]:,}",
            f"{first.report.counts.samples[i]:,}",
            *_recalls(first.report.recall[name], second.report.recall[name]),
        )
        for i, name in enumerate(names)
    ]
    figures = [run.report.aggregates()["balanced_accuracy"] for run in (first, second)]
    total = int(first.report.counts.samples.sum())
    summary = ("balanced accuracy", f"{trained_on.num_samples:,}", f"{total:,}")
    rows.append((*summary, *(f"{figure:.3f}" for figure in figures), f"{figures[1] - figures[0]:+.3f}"))
    return Table(
        (
            Column("class", "left"),
            Column("train"),
            Column("test"),
            Column(first.name),
            Column(second.name),
            Column("difference"),
        ),
        tuple(rows),
        title="Samples and recall of each class",
    )


def verdict(first: Run, second: Run, target: Tensor, trained_on: ClassDistribution) -> str:
    """Say in a sentence or two what the weights did, from the numbers alone."""
    before, after = (run.report.aggregates()["balanced_accuracy"] for run in (first, second))
    gain = balanced_accuracy_difference(first.predicted, second.predicted, target)
    samples = f"{len(target):,} test samples"
    numbers = f"{gain.difference:+.3f}, 95 % interval {gain.low:+.3f} to {gain.high:+.3f}, {samples}"
    change = f"balanced accuracy from {before:.3f} to {after:.3f} ({numbers})"
    if not gain.shown:
        said = (
            f"No difference shown: the weights {second.name!r} changed {change}, "
            "no more than two models on as few test samples may differ by chance."
        )
    elif gain.difference > 0:
        said = f"The weights {second.name!r} raised {change}."
    else:
        said = f"The weights {second.name!r} lowered {change}: they did not help here."
    tested = first.report.counts.samples.tolist()
    counted = [(count, i) for i, count in enumerate(trained_on.counts.tolist()) if count and tested[i]]
    index = min(counted)[1]
    rarest, of_rarest = trained_on.class_names[index], tested[index]
    recalls = [run.report.recall[rarest] for run in (first, second)]
    return (
        f"{said} Of the rarest class, {rarest!r}, {recalls[0]:.0%} of {of_rarest} test samples were found without "
        f"weights and {recalls[1]:.0%} with them. The interval is that of the test samples; another seed trains "
        "other models."
    )


def _recalls(before: float, after: float) -> tuple[str, str, str]:
    if math.isnan(before):  # no sample of the class was tested
        return "-", "-", "-"
    return f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}"
