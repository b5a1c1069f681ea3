"""How many of each class are found, and how far the figure can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import (
    ABSENT,
    BLUE,
    NAMED_ROWS,
    VERMILLION,
    class_rows,
    legend_below,
    shade_groups,
)
from lightning_imbalance.plots.evaluation import mean_recall, read_evaluation, rows_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def recall(
    evaluation: Mapping[str, Any], distribution: ClassDistribution | None = None, many: int = 100, few: int = 20
) -> Figure:
    """Draw the recall of each class with its 95 % Wilson interval, from the most frequent class to the rarest.

    Args:
        evaluation: ``monitor.results["val"]`` of an :class:`~lightning_imbalance.ImbalanceMonitor`, or any mapping with
            ``true_positives`` and ``samples`` by class name.
        distribution: The training data's classes: they decide the order, and their groups are shaded. Without, the
            order is that of the evaluation's samples.
        many: Classes with more training samples than this are in the group ``many``.
        few: Classes with fewer training samples than this are in the group ``few``.

    Returns:
        The figure. A dashed line is the balanced accuracy; a class without samples has no point and says so.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: ``evaluation`` is something else.
        ValueError: ``distribution`` has other classes, or ``few`` is greater than ``many``.

    Example:
        >>> evaluation = {"true_positives": {"cat": 9, "dog": 1}, "samples": {"cat": 10, "dog": 4}}
        >>> figure = recall(evaluation, ClassDistribution([500, 15], class_names=["cat", "dog"]))
        >>> figure.axes[0].lines[0].get_xdata().tolist()
        [0.9, 0.25]
    """
    figures = read_evaluation("evaluation", evaluation)
    order = rows_of(figures.names, figures.samples, distribution)
    figure, axes = class_rows([figures.names[index] for index in order], "plots.recall", extra_height=0.35)
    values = [figures.recall[index] for index in order]
    many_rows = len(order) > NAMED_ROWS
    (points,) = axes.plot(
        values, range(len(order)), color=BLUE, linestyle="", marker="o", markersize=2 if many_rows else 5, zorder=3
    )
    intervals = axes.hlines(
        range(len(order)),
        [figures.low[index] for index in order],
        [figures.high[index] for index in order],
        color=BLUE,
        linewidth=0.5 if many_rows else 1.5,
        alpha=0.35 if many_rows else 1,
    )
    signs: list[Artist] = [points, intervals]
    labels = ["recall", "95% interval"]
    if not math.isnan(figures.balanced_accuracy):
        signs.append(axes.axvline(figures.balanced_accuracy, color=VERMILLION, linestyle="--", linewidth=1.2))
        labels.append(f"balanced accuracy {figures.balanced_accuracy:.3f}")
    if not many_rows:
        for row, value in enumerate(values):
            if math.isnan(value):
                axes.text(0.01, row, "no sample", va="center", fontsize="small", color=ABSENT)
    if distribution is not None:
        sizes = {group: len(members) for group, members in distribution.groups(many, few).items()}
        top = 0
        for group, area in shade_groups(axes, sizes).items():
            signs.append(area)
            mean = mean_recall(values[top : top + sizes[group]])
            labels.append(f"{group}: no sample" if math.isnan(mean) else f"{group}: mean {mean:.3f}")
            top += sizes[group]
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("recall")
    absent = sum(map(math.isnan, values))
    if absent and many_rows:
        axes.set_title(f"{absent:,} of {len(order):,} classes have no sample", fontsize="medium", loc="left")
    legend_below(figure, signs, labels)
    return figure
