"""A legend that takes class names as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.drawing.names import plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure, SubFigure


def legend_below(
    figure: Figure | SubFigure, artists: Sequence[Artist], labels: Sequence[str], columns: int = 3, title: str = ""
) -> None:
    """Write below a figure what its signs mean.

    Args:
        figure: A figure with the constrained layout, or a part of one.
        artists: Lines, bars or areas.
        labels: What each means.
        columns: At most so many beside each other.
        title: A line above them.

    Example:
        >>> from lightning_imbalance.drawing import new_picture
        >>> figure = new_picture(4, 3, "an example")
        >>> legend_below(figure, figure.subplots().plot([0, 1]), ["_a line"])
        >>> figure.legends[0].get_texts()[0].get_text()
        '_a line'
    """
    # matplotlib leaves out what begins with an underscore, so the texts are written afterwards.
    legend = figure.legend(
        artists,
        ["label"] * len(artists),
        loc="outside lower center",
        ncols=min(columns, len(artists)),
        frameon=False,
        fontsize="small",
        title=title or None,
        title_fontsize="small",
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set(text=label, **plain)
