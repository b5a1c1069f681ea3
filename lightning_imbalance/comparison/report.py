"""The report of a comparison, as a page."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from lightning_imbalance import plots
from lightning_imbalance.functional.paired import PairedDifference
from lightning_imbalance.reports import DataTable, Facts, Notice, Page, Picture, Section, Text
from lightning_imbalance.reports.environment import environment_section
from lightning_imbalance.tables import Column, Table

if TYPE_CHECKING:
    from lightning_imbalance.comparison.result import Comparison


def comparison_page(comparison: Comparison, name: str | None = None, command: str | None = None) -> Page:
    """Return the report of a comparison: the verdict, what it rests on, and every number.

    Args:
        comparison: What was found.
        name: What the data are called.
        command: The command that makes the report again.

    Returns:
        The page.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> from lightning_imbalance.comparison import Comparison
        >>> from lightning_imbalance.functional import PairedDifference
        >>> found = Comparison(
        ...     metric="balanced_accuracy", baseline="none", seeds=(0, 1),
        ...     figures={"none": {"balanced_accuracy": (0.70, 0.72)}, "weighted": {"balanced_accuracy": (0.80, 0.81)}},
        ...     all_differences={"balanced_accuracy": {"weighted": PairedDifference(0.095, 0.02, 0.17)}},
        ...     confidence=0.95, test_samples=500, checkpoints={}, notes=())
        >>> [section.title for section in comparison_page(found).sections]
        ['Decision', 'All figures', 'Every seed', 'Environment']
    """
    sections = [
        _decision(comparison),
        Section("All figures", (DataTable(comparison.figure_table()),)),
        Section("Every seed", (DataTable(seeds_table(comparison)),)),
        *([_checkpoints(comparison)] if comparison.checkpoints else []),
        environment_section(),
    ]
    title = "Which remedy helps?" if name is None else f"Which remedy helps on {name}?"
    return Page(title, comparison.verdict(), sections, _facts(comparison), command)


def seeds_table(comparison: Comparison) -> Table:
    """Return every figure of every remedy: its mean, its difference to the baseline, and its value with each seed.

    Args:
        comparison: What was found.
    """
    rows = []
    for figure in comparison.figures[comparison.baseline]:
        gains = comparison.all_differences.get(figure, {})
        for remedy, figures in comparison.figures.items():
            values = figures[figure]
            cells = (
                f"{statistics.fmean(values):.3f}",
                *_change(gains.get(remedy)),
                *(f"{each:.3f}" for each in values),
            )
            rows.append((_words(figure), remedy, *cells))
    columns = (
        Column("figure", "left"),
        Column("remedy", "left"),
        *map(Column, ("mean", "difference", f"{100 * comparison.confidence:.4g} % interval")),
        *(Column(f"seed {seed}") for seed in comparison.seeds),
    )
    caption = f"The differences are those to {comparison.baseline!r}; the intervals of one figure hold together."
    return Table(columns, tuple(rows), caption=caption)


def _facts(comparison: Comparison) -> Facts:
    recommended, metric = comparison.recommended, comparison.metric
    best = recommended or max(comparison.differences, key=lambda name: comparison.differences[name].difference)
    values = (comparison.mean(name, metric) for name in (comparison.baseline, best))
    return Facts(
        (
            ("recommended", recommended or "none is shown to be better"),
            (f"{_words(metric)}, {comparison.baseline} → {best}", " → ".join(f"{value:.3f}" for value in values)),
            ("seeds", f"{len(comparison.seeds):,}"),
            ("test samples", f"{comparison.test_samples:,}"),
        )
    )


def _decision(comparison: Comparison) -> Section:
    metric, baseline = comparison.metric, comparison.figures[comparison.baseline][comparison.metric]
    runs = {
        name: [ours - theirs for ours, theirs in zip(comparison.figures[name][metric], baseline, strict=True)]
        for name in comparison.differences
    }
    label = f"{_words(metric)}: difference to {comparison.baseline!r}"
    picture = Picture(
        plots.differences(comparison.differences, runs, label),
        f"How much higher the {_words(metric)} of each remedy is than that of {comparison.baseline!r}, with intervals "
        f"that hold together at {comparison.confidence:.4g} confidence; small marks are the single seeds. A remedy "
        "helps if its whole interval lies to the right of 0.",
    )
    said = Text(
        "Every remedy was trained with the same seeds on the same data. The epoch of each run, and what is fitted "
        "after training, is chosen on validation data; the test samples are looked at once. Differences are paired, "
        "seed by seed and sample by sample."
    )
    notes = [Notice(f"{note[:1].upper()}{note[1:]}.") for note in comparison.notes]
    return Section("Decision", (DataTable(comparison.table()), picture, said, *notes))


def _checkpoints(comparison: Comparison) -> Section:
    table = Table(
        (Column("remedy", "left"), Column("checkpoint", "left")),
        tuple((name, str(path)) for name, path in comparison.checkpoints.items()),
    )
    said = Text("Of the runs of each remedy the one that was best on validation data.")
    return Section("Checkpoints", (said, DataTable(table)))


def _change(gain: PairedDifference | None) -> tuple[str, str]:
    if gain is None:
        return "", ""
    return f"{gain.difference:+.3f}", "-" if math.isnan(gain.low) else f"{gain.low:+.3f} … {gain.high:+.3f}"


def _words(figure: str) -> str:
    return figure.replace("_", " ").replace("f1", "F1")
