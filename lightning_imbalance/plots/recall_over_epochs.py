"""How the classes learn, and which of them are forgotten."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import (
    COLOURS,
    DASHES,
    MARKERS,
    legend_below,
    new_picture,
    require_matplotlib,
    shown_name,
)
from lightning_imbalance.plots.evaluation import check_same_classes, mean_recall
from lightning_imbalance.plots.predictions import CURVES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def recall_over_epochs(
    history: Mapping[int, Mapping[str, float]],
    distribution: ClassDistribution | None = None,
    many: int = 100,
    few: int = 20,
) -> Figure:
    """Draw the recall of each class over the epochs; of more than 8 classes the groups', with the spread inside them.

    Args:
        history: Recall by class name, by epoch: ``monitor.history["val"]`` of an
            :class:`~lightning_imbalance.ImbalanceMonitor`. NaN where a class had no sample.
        distribution: The training data's classes. Up to 8 are drawn from the most frequent to the rarest, of more the
            groups follow from them; without, all classes are one group.
        many: Classes with more training samples than this are in the group ``many``.
        few: Classes with fewer training samples than this are in the group ``few``.

    Returns:
        The figure. A group's line is the mean recall of its classes, its area goes from the tenth part that is worst
        to the tenth part that is best.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: ``history`` is empty, its epochs or ``distribution`` have other classes, or ``few`` is greater than
            ``many``.

    Example:
        >>> figure = recall_over_epochs({0: {"cat": 1.0, "dog": 0.0}, 1: {"cat": 0.9, "dog": 0.5}})
        >>> [line.get_ydata().tolist() for line in figure.axes[0].lines]
        [[1.0, 0.9], [0.0, 0.5]]
    """
    if not history or not all(history.values()):
        msg = "`history` must have the recall of each class for at least one epoch, got none."
        raise ValueError(msg)
    epochs = sorted(history)
    names = list(history[epochs[0]])
    for epoch in epochs[1:]:
        check_same_classes(f"history[{epoch}]", list(history[epoch]), names)
    if distribution is not None:
        check_same_classes("distribution", distribution.class_names, names)
        counts = distribution.counts.tolist()
        names = [distribution.class_names[index] for index in sorted(range(len(counts)), key=lambda i: -counts[i])]
    lines = {name: [name] for name in names} if len(names) <= CURVES else _groups(names, distribution, many, few)
    require_matplotlib("plots.recall_over_epochs")
    from matplotlib.ticker import MaxNLocator

    figure = new_picture(7, 4.4 + 0.2 * math.ceil(len(lines) / 3), "plots.recall_over_epochs")
    axes = figure.subplots()
    signs: list[Artist] = []
    labels = []
    for place, (label, members) in enumerate(lines.items()):
        recalls = [[history[epoch][name] for name in members] for epoch in epochs]
        (line,) = axes.plot(
            epochs,
            [mean_recall(values) for values in recalls],
            color=COLOURS[place],
            linestyle=DASHES[place],
            marker=MARKERS[place],
            markersize=4 if len(epochs) <= 30 else 0,
            linewidth=1.6,
        )
        if len(names) > CURVES:
            low, high = zip(*map(_tenths, recalls), strict=True)
            axes.fill_between(epochs, low, high, color=COLOURS[place], alpha=0.15, linewidth=0)
        signs.append(line)
        labels.append(shown_name(label))
    axes.set(xlabel="epoch", ylabel="recall", ylim=(-0.02, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(names) > CURVES:
        axes.set_title("mean recall; shaded: all but the worst and the best tenth", fontsize="medium", loc="left")
    legend_below(figure, signs, labels)
    return figure


def _groups(
    names: Sequence[str], distribution: ClassDistribution | None, many: int, few: int
) -> dict[str, Sequence[str]]:
    if distribution is None:
        return {f"all {len(names):,} classes": names}
    groups = distribution.groups(many, few)
    return {
        f"{group}: {len(members):,} {'class' if len(members) == 1 else 'classes'}": [
            distribution.class_names[index] for index in members
        ]
        for group, members in groups.items()
        if members
    }


def _tenths(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the last decile of what is no NaN."""
    measured = [value for value in values if not math.isnan(value)]
    if len(measured) < 2:
        return (measured[0], measured[0]) if measured else (math.nan, math.nan)
    deciles = statistics.quantiles(measured, n=10, method="inclusive")
    return deciles[0], deciles[-1]
