"""How far models are from one of them, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightning_imbalance.checks import listed
from lightning_imbalance.drawing import ABSENT, BLUE, VERMILLION, class_rows, legend_below
from lightning_imbalance.functional.paired import PairedDifference

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

_SIGNS: dict[str, dict[str, Any]] = {
    "higher": {"color": BLUE, "marker": "o"},
    "lower": {"color": VERMILLION, "marker": "s"},
    "no difference shown": {"color": "0.4", "marker": "o", "markerfacecolor": "none"},
}


def differences(
    gains: Mapping[str, PairedDifference],
    runs: Mapping[str, Sequence[float]] | None = None,
    label: str = "difference to the baseline",
) -> Figure:
    """Draw differences with their intervals, the largest at the top.

    Args:
        gains: A difference and its interval, by name.
        runs: The difference in each single run, by name: a small mark each.
        label: What is on the axis.

    Returns:
        The figure. What lies wholly above 0, wholly below, and neither, has its own colour and marker. A difference
        without an interval says so.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: There is no difference, or ``runs`` has other names.

    Example:
        >>> gains = {"weighted": PairedDifference(0.04, 0.01, 0.07), "focal": PairedDifference(0.01, -0.02, 0.04)}
        >>> figure = differences(gains)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['higher: 1', 'no difference shown: 1']
    """
    if not gains:
        msg = "`gains` must have a difference at least, got none."
        raise ValueError(msg)
    if runs is not None and set(runs) != set(gains):
        msg = f"`runs` must have the names of `gains` ({listed(list(gains))}), got {listed(list(runs))}."
        raise ValueError(msg)
    # What is no number comes last; a sort by itself would leave everything around it where it was.
    names = sorted(gains, key=lambda name: (math.isnan(gains[name].difference), -gains[name].difference))
    figure, axes = class_rows(names, "plots.differences", extra_height=0.35)
    signs: list[Artist] = []
    labels: list[str] = []
    for kind, style in _SIGNS.items():
        rows = [row for row, name in enumerate(names) if _kind(gains[name]) == kind]
        if not rows:
            continue
        chosen = [gains[names[row]] for row in rows]
        low, high = [gain.low for gain in chosen], [gain.high for gain in chosen]
        axes.hlines(rows, low, high, color=style["color"], linewidth=2)
        (points,) = axes.plot([gain.difference for gain in chosen], rows, linestyle="", markersize=7, zorder=3, **style)
        signs.append(points)
        labels.append(f"{kind}: {len(rows)}")
    if runs is not None:
        places = [(value, row + 0.3) for row, name in enumerate(names) for value in runs[name]]
        (single,) = axes.plot(*zip(*places, strict=True), linestyle="", marker="|", markersize=6, color=ABSENT)
        signs.append(single)
        labels.append("single runs")
    for row, name in enumerate(names):
        if math.isnan(gains[name].low):
            middle = 0 if math.isnan(gains[name].difference) else gains[name].difference
            axes.annotate(
                "no interval", (middle, row), (8, 0), textcoords="offset points", va="center", fontsize="small",
                color=ABSENT,
            )  # fmt: skip
    axes.axvline(0, color=ABSENT, linewidth=1, zorder=1)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.3g}" if value else "0")
    axes.set_xlabel(label)
    legend_below(figure, signs, labels, columns=4)
    return figure


def _kind(gain: PairedDifference) -> str:
    if gain.low > 0:
        return "higher"
    return "lower" if gain.high < 0 else "no difference shown"
