"""Ten remedies on small tables: is one of them better than another, over data sets?

Tables that scikit-learn brings or makes, their training rows thinned out until the first class has many times the rows
of the last; validation and test rows stay as they are. ``compare`` trains each remedy with each seed, a small network
and 60 epochs. On each table the remedies are ranked by the mean balanced accuracy of their seeds, 1 the best; what is
tested is the mean rank over the tables (Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets"):
Friedman's test says whether any differ, and Nemenyi's critical difference how far apart two must be. It is
conservative, and the seeds do not enter: the tables are the sample.

Finished runs are kept in ``--output`` and not made again.

Usage::

    python benchmarks/tabular.py --picture benchmarks/tabular.png
    python benchmarks/tabular.py --tables iris wine --remedies none weighted posthoc --seeds 2 --epochs 1
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import friedmanchisquare, rankdata, studentized_range
from sklearn import datasets

from lightning_imbalance import compare
from lightning_imbalance.data import long_tailed, stratified_split
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule
from lightning_imbalance.datamodules.tabular import TableRows
from lightning_imbalance.tables import Column, Table

REMEDIES = (
    "none",
    "weighted",
    "square_root_weighted",
    "focal",
    "balanced_softmax",
    "balanced_sampler",
    "crt",
    "mixup",
    "smote",
    "posthoc",
)
FRACTIONS = (0.6, 0.15, 0.25)


class Rows(NamedTuple):
    """A table, balanced or nearly so, and how far it is thinned out.

    Attributes:
        features: Shape ``(N, F)``.
        classes: Shape ``(N,)``.
        ratio: The first class has so many times the training rows of the last.
    """

    features: np.ndarray
    classes: np.ndarray
    ratio: float


def bundled(name: str, ratio: float, *, turned: bool = False) -> Rows:
    """Load a table of scikit-learn's; turned, its last class comes first."""
    features, classes = getattr(datasets, f"load_{name}")(return_X_y=True)
    return Rows(features, classes.max() - classes if turned else classes, ratio)


def made(classes: int, ratio: float, **settings: float) -> Rows:
    """Make a table of Gaussian clusters with noise in features and labels."""
    rows = datasets.make_classification(
        n_samples=600 * classes,
        n_features=20,
        n_informative=8,
        n_classes=classes,
        n_clusters_per_class=2,
        random_state=0,
        **settings,
    )
    return Rows(*rows, ratio)


TABLES: Mapping[str, Callable[[], Rows]] = {
    "breast cancer": lambda: bundled("breast_cancer", 20, turned=True),
    "digits": lambda: bundled("digits", 15),
    "iris": lambda: bundled("iris", 5),
    "wine": lambda: bundled("wine", 4, turned=True),
    "2 clusters, apart": lambda: made(2, 50, class_sep=1.0, flip_y=0.0),
    "2 clusters, mixed": lambda: made(2, 50, class_sep=0.5, flip_y=0.05),
    "5 clusters": lambda: made(5, 50, class_sep=1.0, flip_y=0.0),
    "10 clusters": lambda: made(10, 100, class_sep=1.0, flip_y=0.0),
}


class Thinned(PartsDataModule):
    """A table whose training rows are thinned out, standardised by what is left of them.

    Args:
        rows: The table.
    """

    def __init__(self, rows: Rows) -> None:
        super().__init__(batch_size=32, num_workers=0, seed=0)
        self.rows = rows

    def make_parts(self) -> Parts:
        """Split by class, and thin out the training rows."""
        labels = torch.as_tensor(self.rows.classes).long()
        train, val, test = stratified_split(labels, FRACTIONS, seed=self.seed)
        train = train[long_tailed(labels[train], self.rows.ratio, seed=self.seed)]
        features = torch.as_tensor(self.rows.features, dtype=torch.float32)
        mean, deviation = features[train].mean(0), features[train].std(0).clamp_min(1e-6)
        names = [str(index) for index in range(int(labels.max()) + 1)]
        parts = [TableRows((features[part] - mean) / deviation, labels[part], names) for part in (train, val, test)]
        return Parts(*parts, names)


def ranks(figures: Sequence[Sequence[float]]) -> np.ndarray:
    """Rank remedies on each table: 1 the largest figure, the same for the same."""
    return np.stack([rankdata([-figure for figure in row]) for row in figures])


def critical_difference(remedies: int, tables: int, alpha: float = 0.05) -> float:
    """Return how far apart two mean ranks must be (Demšar 2006, eq. in section 3.2.2, Nemenyi's test)."""
    q = studentized_range.ppf(1 - alpha, remedies, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(remedies * (remedies + 1) / (6 * tables)))


def cliques(mean_ranks: Sequence[float], difference: float) -> list[tuple[float, float]]:
    """Return the widest groups of neighbouring ranks that are not shown to differ, as their ends."""
    ordered = sorted(mean_ranks)
    groups = []
    for first in ordered:
        last = max(rank for rank in ordered if rank - first <= difference)
        if last > first and not any(last <= end for _, end in groups):
            groups.append((first, last))
    return groups


def draw(names: Sequence[str], mean_ranks: Sequence[float], difference: float, path: Path) -> None:
    """Draw mean ranks on a line, with a bar over those that are not shown to differ."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lightning_imbalance.drawing import BLUE, VERMILLION

    ordered = sorted(zip(mean_ranks, names, strict=True))
    half = (len(ordered) + 1) // 2
    groups = cliques(mean_ranks, difference)
    depth = 0.28 * len(groups) + 0.3
    figure = Figure(figsize=(9, 1.6 + 0.32 * half + 0.2 * len(groups)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    low, high = 1, len(names)
    axes.plot([low, high], [0, 0], color="0.2", linewidth=1.2)
    for rank in range(low, high + 1):
        axes.plot([rank, rank], [0, 0.12], color="0.2", linewidth=1)
        axes.text(rank, 0.2, str(rank), ha="center", va="bottom", fontsize="small")
    for place, (rank, name) in enumerate(ordered):
        left = place < half
        row = depth + 0.45 * (place if left else len(ordered) - 1 - place)
        end = low - 0.3 if left else high + 0.3
        axes.plot([rank, rank, end], [0, -row, -row], color=BLUE, linewidth=1)
        axes.text(
            end,
            -row,
            f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}",
            ha="right" if left else "left",
            va="center",
        )
    for level, (first, last) in enumerate(groups):
        axes.plot([first - 0.05, last + 0.05], [-0.2 - 0.28 * level] * 2, color=VERMILLION, linewidth=3)
    axes.plot([low, low + difference], [0.75, 0.75], color=VERMILLION, linewidth=2)
    axes.text(
        low + difference / 2, 0.83, f"critical difference {difference:.2f}", ha="center", va="bottom", fontsize="small"
    )
    axes.set_xlim(low - 3, high + 3)
    axes.axis("off")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train, rank, print and draw."""
    parser = argparse.ArgumentParser(description="Mean ranks of remedies over small tables.")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--remedies", nargs="+", default=list(REMEDIES), help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=60, help="of each run (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("tabular-runs"), help="folder of the runs")
    parser.add_argument("--picture", type=Path, help="draw into this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = []
    for name in options.tables:
        result = compare(
            Thinned(TABLES[name]()),
            options.remedies,
            seeds=options.seeds,
            max_epochs=options.epochs,
            output=options.output / name.replace(" ", "-").replace(",", ""),
            trainer={"accelerator": "cpu"},
        )
        figures.append([fmean(result.figures[remedy]["balanced_accuracy"]) for remedy in options.remedies])
    mean_ranks = ranks(figures).mean(0).tolist()
    difference = critical_difference(len(options.remedies), len(options.tables))
    p = friedmanchisquare(*zip(*figures, strict=True)).pvalue if len(options.tables) > 1 else math.nan
    order = np.argsort(mean_ranks)
    columns = (Column("remedy", "left"), *map(Column, (*options.tables, "mean rank")))
    rows = [
        (options.remedies[i], *(f"{row[i]:.3f}" for row in figures), f"{mean_ranks[i]:.2f}") for i in order.tolist()
    ]
    title = f"Balanced accuracy on the test rows, mean of {options.seeds} seeds, {options.epochs} epochs"
    print(Table(columns, tuple(rows), title))
    print(
        f"Friedman's test: p = {p:.2g}. Two mean ranks over {len(options.tables)} tables differ at 0.05 if they are "
        f"{difference:.2f} apart (Nemenyi)."
    )
    if options.picture is not None:
        draw(options.remedies, mean_ranks, difference, options.picture)


if __name__ == "__main__":
    main()
