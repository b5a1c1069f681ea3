"""What a comparison found: figures, differences with intervals, and what follows from them."""

from __future__ import annotations

import csv
import html
import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_imbalance.comparison.figures import LESS_IS_BETTER
from lightning_imbalance.functional.paired import PairedDifference
from lightning_imbalance.tables import Column, Table

if TYPE_CHECKING:
    from rich.console import Group

_HEADERS = {"worst_class_recall": "worst class", "expected_calibration_error": "calibration error"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Remedies side by side; prints itself in a terminal and in a notebook.

    Args:
        metric: The figure that decides.
        baseline: Name of the remedy that the others are compared with.
        seeds: The seeds.
        figures: Of each remedy, the figures on the test part by name, one number a seed.
        all_differences: For each figure, the difference of each other remedy to the baseline.
        confidence: Probability with which the intervals of a figure hold, all remedies together.
        test_samples: How many samples the figures are taken on.
        checkpoints: Of each trained remedy, the checkpoint that was best on validation data; a remedy that trains
            nothing has that of the networks it takes.
        notes: What a reader must know beside the numbers.

    Example:
        >>> found = Comparison(
        ...     metric="balanced_accuracy", baseline="none", seeds=(0, 1),
        ...     figures={"none": {"balanced_accuracy": (0.70, 0.72)}, "weighted": {"balanced_accuracy": (0.80, 0.81)}},
        ...     all_differences={"balanced_accuracy": {"weighted": PairedDifference(0.095, 0.02, 0.17)}},
        ...     confidence=0.95, test_samples=500, checkpoints={}, notes=())
        >>> found.recommended
        'weighted'
        >>> print(found.table())
        Balanced accuracy on 500 test samples, mean of 2 seeds
         remedy     balanced accuracy   difference     95 % interval
        ─────────────────────────────────────────────────────────────
         none                   0.710
         weighted               0.805       +0.095   +0.020 … +0.170
    """

    metric: str
    baseline: str
    seeds: tuple[int, ...]
    figures: Mapping[str, Mapping[str, tuple[float, ...]]]
    all_differences: Mapping[str, Mapping[str, PairedDifference]]
    confidence: float
    test_samples: int
    checkpoints: Mapping[str, Path]
    notes: tuple[str, ...]

    @property
    def differences(self) -> Mapping[str, PairedDifference]:
        """How far each other remedy is above the baseline in :attr:`metric`, by name."""
        return self.all_differences[self.metric]

    @property
    def recommended(self) -> str | None:
        """The remedy with the largest difference among those whose whole interval is above 0; ``None`` without one."""
        better = self._shown(better=True)
        return better[0] if better else None

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint of the recommended remedy, or of the baseline where none is recommended."""
        return self.checkpoints.get(self.recommended or self.baseline)

    def mean(self, remedy: str, figure: str) -> float:
        """Return the mean of a figure over the seeds."""
        return statistics.fmean(self.figures[remedy][figure])

    def verdict(self) -> str:
        """Return what the comparison shows, in a few sentences."""
        words = _words(self.metric)
        name = self.recommended or max(self.differences, key=lambda each: self.differences[each].difference)
        gain = self.differences[name]
        change = (
            f"{words} from {self.mean(self.baseline, self.metric):.3f} to {self.mean(name, self.metric):.3f} "
            f"({gain.difference:+.3f}, interval {gain.low:+.3f} to {gain.high:+.3f})"
        )
        if self.recommended is None:
            said = (
                f"No remedy was shown to be better than {self.baseline!r}. The highest, {name!r}, changed {change}, no "
                f"more than other test samples and other seeds may by chance. Stay with {self.baseline!r}, or compare "
                "with more seeds or more test samples."
            )
        else:
            said = f"Recommended: {name!r}. It raised {change}."
        others = self._shown(better=True)[1:]
        if others:
            named = ", ".join(map(repr, others))
            said += f" Better than {self.baseline!r} too: {named}; which of these is best was not tested."
        worse = self._shown(better=False)
        if worse:
            said += f" Worse than {self.baseline!r}: {', '.join(map(repr, worse))}."
        together = "holds" if len(self.differences) == 1 else f"hold together for the {len(self.differences)} remedies"
        intervals = "The interval" if len(self.differences) == 1 else "The intervals"
        return (
            f"{said} {intervals} {together} at {self.confidence:.4g} confidence, for other test samples and other "
            f"seeds ({self.test_samples:,} and {len(self.seeds)} here), not for another split."
        )

    def table(self) -> Table:
        """Return the decision as a table: the metric, the difference to the baseline, its interval."""
        words = _words(self.metric)
        percent = f"{100 * self.confidence:.4g} %"
        rows = []
        for name in self.figures:
            gain = self.differences.get(name)
            cells = ("", "") if gain is None else (f"{gain.difference:+.3f}", f"{gain.low:+.3f} … {gain.high:+.3f}")
            rows.append((name, f"{self.mean(name, self.metric):.3f}", *cells))
        return Table(
            (Column("remedy", "left"), Column(words), Column("difference"), Column(f"{percent} interval")),
            tuple(rows),
            title=f"{words.capitalize()} on {self.test_samples:,} test samples, mean of {len(self.seeds)} seeds",
        )

    def figure_table(self) -> Table:
        """Return the means of all figures as a table; a star marks one whose difference to the baseline is shown."""
        names = list(self.figures[self.baseline])
        rows = []
        for remedy, values in self.figures.items():
            cells = [remedy]
            for figure in names:
                gain = self.all_differences.get(figure, {}).get(remedy)
                star = "*" if gain is not None and gain.shown else " "
                cells.append(f"{statistics.fmean(values[figure]):.3f}{star}")
            rows.append(tuple(cells))
        headers = [_HEADERS.get(name, _words(name.removeprefix("recall_"))) for name in names]
        less = [_HEADERS.get(name, _words(name)) for name in names if name in LESS_IS_BETTER]
        caption = f"* differs from {self.baseline!r}" + (f"; of {' and '.join(less)} less is better" if less else "")
        return Table(
            (Column("remedy", "left"), *map(Column, headers)),
            tuple(rows),
            title="All figures; many, medium and few are mean recalls",
            caption=caption,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and strings; ``None`` where nothing could be measured."""
        return {
            "metric": self.metric,
            "baseline": self.baseline,
            "recommended": self.recommended,
            "verdict": self.verdict(),
            "confidence": self.confidence,
            "seeds": list(self.seeds),
            "test_samples": self.test_samples,
            "figures": {
                remedy: {figure: [_finite(value) for value in values] for figure, values in figures.items()}
                for remedy, figures in self.figures.items()
            },
            "differences": {
                figure: {
                    remedy: {name: _finite(value) for name, value in gain._asdict().items()}
                    for remedy, gain in gains.items()
                }
                for figure, gains in self.all_differences.items()
            },
            "checkpoints": {remedy: str(path) for remedy, path in self.checkpoints.items()},
            "notes": list(self.notes),
        }

    def to_json(self, path: str | Path) -> None:
        """Write :meth:`to_dict` into a file.

        Args:
            path: The file, which is replaced.
        """
        Path(path).write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def to_csv(self, path: str | Path) -> None:
        """Write one row for each remedy and figure: mean, difference, interval, and the figure of each seed.

        Args:
            path: The file, which is replaced.
        """
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            seeds = [f"seed {seed}" for seed in self.seeds]
            writer.writerow(["remedy", "figure", "mean", "difference", "low", "high", *seeds])
            for remedy, figures in self.figures.items():
                for figure, values in figures.items():
                    gain = self.all_differences.get(figure, {}).get(remedy)
                    writer.writerow([remedy, figure, statistics.fmean(values), *(gain or ("", "", "")), *values])

    def to_html(self, path: str | Path, *, name: str | None = None, command: str | None = None) -> None:
        """Write the report: one HTML file that needs nothing beside it.

        Args:
            path: The file, which is replaced.
            name: What the data are called, for the title.
            command: The command that makes the report again.

        Raises:
            ModuleNotFoundError: What the extra ``plots`` installs is missing.
            OSError: The file cannot be written.
        """
        from lightning_imbalance.comparison.report import comparison_page

        comparison_page(self, name, command).write(path)

    def __str__(self) -> str:
        notes = [f"Note: {note}." for note in self.notes]
        return "\n".join([str(self.table()), self.verdict(), str(self.figure_table()), *notes])

    def __rich__(self) -> Group:
        """Return the tables and the words between them."""
        from rich.console import Group
        from rich.text import Text

        notes = [Text(f"Note: {note}.") for note in self.notes]
        return Group(self.table(), Text(self.verdict()), self.figure_table(), *notes)

    def _repr_html_(self) -> str:
        """Return the same as HTML; notebooks call this."""
        notes = "".join(f"<p>Note: {html.escape(note)}.</p>" for note in self.notes)
        verdict = f"<p>{html.escape(self.verdict())}</p>"
        return f"{self.table()._repr_html_()}{verdict}{self.figure_table()._repr_html_()}{notes}"

    def _shown(self, *, better: bool) -> list[str]:
        """Return the remedies that are shown to be better (worse) than the baseline, the farthest away first."""
        gains = {name: gain for name, gain in self.differences.items() if (gain.low > 0 if better else gain.high < 0)}
        return sorted(gains, key=lambda name: -abs(gains[name].difference))


def _words(figure: str) -> str:
    return figure.replace("_", " ").replace("f1", "F1")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
