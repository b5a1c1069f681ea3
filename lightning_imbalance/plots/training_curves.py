"""How a fit went: losses and figures over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightning_imbalance.drawing import (
    COLOURS,
    DASHES,
    MARKERS,
    legend_below,
    new_picture,
    require_matplotlib,
    shown_name,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, Mapping[int, float]]


def training_curves(losses: Curves, figures: Curves) -> Figure:
    """Draw losses and figures such as the balanced accuracy over the epochs, side by side.

    A training loss that falls while the validation loss rises, and figures that fall with it, are overfitting; a
    validation loss that rises while the balanced accuracy does is a model that becomes too sure.

    Args:
        losses: Loss by epoch, by name; drawn on a scale of its own, on the left.
        figures: Figures from 0 to 1 by epoch, by name, on the right. Either may be empty, not both; NaN is a gap.

    Returns:
        The figure.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: There is nothing to draw, or more than 8 curves are to go into one half.

    Example:
        >>> figure = training_curves({"training loss": {0: 0.7, 1: 0.4}}, {"balanced accuracy": {0: 0.5, 1: 0.8}})
        >>> [axes.lines[0].get_ydata().tolist() for axes in figure.axes]
        [[0.7, 0.4], [0.5, 0.8]]
    """
    halves = {"losses": losses, "figures": figures}
    for argument, curves in halves.items():
        if len(curves) > len(COLOURS):
            msg = f"`{argument}` must be at most {len(COLOURS)}, which can be told apart, got {len(curves)}."
            raise ValueError(msg)
    drawn = {argument: curves for argument, curves in halves.items() if any(curves.values())}
    if not drawn:
        msg = "`losses` or `figures` must have at least one epoch, got none."
        raise ValueError(msg)
    require_matplotlib("plots.training_curves")
    figure = new_picture(4 * len(drawn) + 1.5, 4.2, "plots.training_curves")
    signs: list[Artist] = []
    labels: list[str] = []
    for axes, (argument, curves) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn.items(), strict=True):
        # The colours go on in the second half, so that the legend below both has each once.
        for label, line in _drawn(axes, curves, 0 if argument == "losses" else len(losses)).items():
            signs.append(line)
            labels.append(shown_name(label))
        axes.set(xlabel="epoch", ylabel="loss" if argument == "losses" else "share")
        if argument == "figures":
            axes.set_ylim(-0.02, 1.02)
    legend_below(figure, signs, labels)
    return figure


def _drawn(axes: Axes, curves: Curves, first: int) -> dict[str, Artist]:
    from matplotlib.ticker import MaxNLocator

    lines: dict[str, Artist] = {}
    for place, (label, curve) in enumerate(curves.items(), start=first):
        look = place % len(COLOURS)
        epochs = sorted(curve)
        (line,) = axes.plot(
            epochs,
            [curve[epoch] for epoch in epochs],
            color=COLOURS[look],
            linestyle=DASHES[look],
            marker=MARKERS[look],
            markersize=4 if len(epochs) <= 30 else 0,
            linewidth=1.6,
        )
        lines[label] = line
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return lines
