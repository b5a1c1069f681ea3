"""What a remedy did to each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import ABSENT, BLUE, NAMED_ROWS, VERMILLION, class_rows, legend_below
from lightning_imbalance.plots.evaluation import check_same_classes, read_evaluation, rows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def recall_change(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    distribution: ClassDistribution | None = None,
    labels: tuple[str, str] = ("before", "after"),
) -> Figure:
    """Draw the recall of each class in two evaluations, joined by a line, from the most frequent class to the rarest.

    Whether a difference is more than chance is another question:
    :func:`~lightning_imbalance.functional.balanced_accuracy_difference` answers it.

    Args:
        before: An evaluation, as :func:`recall` takes it.
        after: Another one of the same classes.
        distribution: The training data's classes, for the order. Without, the order is that of the samples ``before``.
        labels: What the two are called.

    Returns:
        The figure. A class without samples in one of the two has no line.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: An evaluation is something else.
        ValueError: The classes differ.

    Example:
        >>> plain = {"true_positives": {"cat": 9, "dog": 1}, "samples": {"cat": 10, "dog": 4}}
        >>> weighted = {"true_positives": {"cat": 8, "dog": 3}, "samples": {"cat": 10, "dog": 4}}
        >>> figure = recall_change(plain, weighted, labels=("plain", "weighted"))
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['plain', 'weighted', 'higher: 1 class', 'lower: 1 class']
    """
    first, second = read_evaluation("before", before), read_evaluation("after", after)
    check_same_classes("after", second.names, first.names)
    order = rows_of(first.names, first.samples, distribution)
    names = [first.names[index] for index in order]
    recall_after = dict(zip(second.names, second.recall, strict=True))
    old, new = [first.recall[index] for index in order], [recall_after[name] for name in names]
    figure, axes = class_rows(names, "plots.recall_change", extra_height=0.4)
    many_rows = len(order) > NAMED_ROWS
    size = 2 if many_rows else 6
    rows = range(len(order))
    (start,) = axes.plot(
        old, rows, linestyle="", marker="o", markersize=size, color=ABSENT, markerfacecolor="none", zorder=3
    )
    (end,) = axes.plot(new, rows, linestyle="", marker="o", markersize=size, color="0.25", zorder=3)
    signs, texts = [start, end], list(labels)
    directions = {
        "higher": (BLUE, "-", [row for row in rows if new[row] > old[row]]),
        "lower": (VERMILLION, "--", [row for row in rows if new[row] < old[row]]),
    }
    for direction, (colour, dash, changed) in directions.items():
        lines = axes.hlines(
            changed,
            [old[row] for row in changed],
            [new[row] for row in changed],
            color=colour,
            linestyle="-" if many_rows else dash,
            linewidth=1 if many_rows else 2.5,
        )
        signs.append(lines)  # type: ignore[arg-type]  # an artist as the others are
        texts.append(f"{direction}: {len(changed):,} {'class' if len(changed) == 1 else 'classes'}")
    if not many_rows:
        for row in rows:
            if math.isnan(old[row]) or math.isnan(new[row]):
                axes.text(0.01, row, "no sample", va="center", fontsize="small", color=ABSENT)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("recall")
    legend_below(figure, signs, texts, columns=4)
    return figure
