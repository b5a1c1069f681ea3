"""How many samples each class has, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.drawing.class_rows import NAMED_ROWS, class_rows, rows_by_frequency, shade_groups
from lightning_imbalance.drawing.legends import legend_below
from lightning_imbalance.drawing.palette import BLUE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def count_bars(
    names: Sequence[str], counts: Sequence[int], groups: Mapping[str, Sequence[int]], title: str, unit: str = "samples"
) -> Figure:
    """Draw a bar for each class on a scale that is linear up to 1 and logarithmic from there on.

    So every bar begins at 0, and a class without samples has none.

    Args:
        names: One name a class.
        counts: Samples of each class.
        groups: Indices of the classes that are ``many``, ``medium`` and ``few``.
        title: Text above the bars.
        unit: What was counted.

    Returns:
        The figure; nothing is shown, and pyplot does not know it.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> groups = {"many": [], "medium": [1], "few": [0]}
        >>> figure = count_bars(["cat", "dog"], [5, 60], groups, title="2 classes")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['60', '5']
    """
    order = rows_by_frequency(counts)
    figure, axes = class_rows([names[index] for index in order], "plots.counts", extra_height=0.3)
    draw_counts(axes, counts, groups, title, unit)
    return figure


def draw_counts(
    axes: Axes, counts: Sequence[int], groups: Mapping[str, Sequence[int]], title: str, unit: str = "samples"
) -> None:
    """Draw what :func:`count_bars` draws into axes that have a row for each class.

    Args:
        axes: Those of :func:`~lightning_imbalance.drawing.name_rows`, most frequent class first.
        counts: Samples of each class.
        groups: Indices of the classes that are ``many``, ``medium`` and ``few``.
        title: Text above the bars.
        unit: What was counted.

    Example:
        >>> figure, axes = class_rows(["dog", "cat"], "an example")
        >>> draw_counts(axes, [5, 60], {"many": [], "medium": [1], "few": [0]}, "2 classes")
        >>> [text.get_text() for text in axes.texts]
        ['60', '5']
    """
    order = rows_by_frequency(counts)
    sizes = {group: len(members) for group, members in groups.items()}
    areas = shade_groups(axes, sizes)
    ordered = [counts[index] for index in order]
    if len(order) <= NAMED_ROWS:
        bars = axes.barh(range(len(order)), ordered, height=0.72, color=BLUE)
        axes.bar_label(bars, [f"{count:,}" for count in ordered], padding=3, fontsize="small")
    else:
        edges = [row - 0.5 for row in range(len(order) + 1)]
        axes.stairs(ordered, edges, orientation="horizontal", fill=True, color=BLUE)
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xlim(0, max(2, *ordered) * 2.5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(f"{unit} (logarithmic)")
    axes.set_title(title, fontsize="medium", loc="left")
    total = sum(counts)
    shares = {group: sum(counts[index] for index in groups[group]) / total if total else 0 for group in areas}
    labels = [
        f"{group}: {sizes[group]:,} {'class' if sizes[group] == 1 else 'classes'}, {shares[group]:.1%}"
        for group in areas
    ]
    legend_below(
        axes.figure, list(areas.values()), labels, title=f"shaded: classes by size, and their share of the {unit}"
    )
