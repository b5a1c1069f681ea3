"""A row for each class, from the most frequent at the top to the rarest at the bottom, for 2 classes and for 1,000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.drawing.canvas import new_picture
from lightning_imbalance.drawing.names import plain, shown_name
from lightning_imbalance.drawing.palette import ABSENT

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED_ROWS = 40
"""Up to this many classes each has a row of its own height and its name; of more, every so many-th is named."""

_NAMES_OF_MANY = 25
_SHADES = {"many": 0.4, "medium": 0.22, "few": 0.08}


def rows_by_frequency(counts: Sequence[int]) -> list[int]:
    """Return the class indices from the most frequent class to the rarest; equal ones in their own order.

    Args:
        counts: Samples of each class.

    Returns:
        The index of the class in each row.

    Example:
        >>> rows_by_frequency([5, 20, 5])
        [1, 0, 2]
    """
    return sorted(range(len(counts)), key=lambda index: -counts[index])


def class_rows(names: Sequence[str], what: str, width: float = 7, extra_height: float = 0) -> tuple[Figure, Axes]:
    """Begin a picture with a row for each class.

    Args:
        names: One name a row, from the top.
        what: Who draws, for the message without matplotlib.
        width: In inches.
        extra_height: Inches beside those of rows, axis and title: for a legend.

    Returns:
        The figure and its axes, on which row i lies at height i.

    Example:
        >>> figure, axes = class_rows(["cat", "dog"], "an example")
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['cat', 'dog']
    """
    figure = new_picture(width, rows_height(len(names), extra_height), what)
    axes = figure.subplots()
    name_rows(axes, names)
    return figure, axes


def rows_height(rows: int, extra_height: float = 0) -> float:
    """Return how high a picture of so many rows is, in inches.

    Args:
        rows: How many.
        extra_height: Inches beside those of rows, axis and title.

    Example:
        >>> rows_height(1000)
        9.2
    """
    return 1.2 + extra_height + (0.24 * max(rows, 2) if rows <= NAMED_ROWS else 8)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Make empty axes those of a row for each class.

    Args:
        axes: They belong to a figure, or to a part of one.
        names: One name a row, from the top.

    Example:
        >>> axes = new_picture(4, 3, "an example").subplots()
        >>> name_rows(axes, ["cat", "dog"])
        >>> axes.get_yticks().tolist()
        [0, 1]
    """
    rows = len(names)
    axes.set_ylim(rows - 0.5, -0.5)
    if rows <= NAMED_ROWS:
        named = list(range(rows))
    else:
        named = [round(place * (rows - 1) / (_NAMES_OF_MANY - 1)) for place in range(_NAMES_OF_MANY)]
        axes.set_ylabel(f"{rows:,} classes, of which {_NAMES_OF_MANY} are named")
    axes.set_yticks(named, [shown_name(names[row]) for row in named], **plain)
    axes.tick_params(axis="y", length=0 if rows <= NAMED_ROWS else 3, labelsize="small")
    axes.grid(axis="x", color=ABSENT, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def shade_groups(axes: Axes, sizes: Mapping[str, int]) -> dict[str, Artist]:
    """Shade the rows of the groups, darkest where there are many samples.

    Args:
        axes: Those of :func:`class_rows`.
        sizes: How many rows, from the top, are ``many``, ``medium`` and ``few``.

    Returns:
        The areas of the groups that are not empty, for a legend.

    Example:
        >>> figure, axes = class_rows(["cat", "dog"], "an example")
        >>> list(shade_groups(axes, {"many": 1, "medium": 0, "few": 1}))
        ['many', 'few']
    """
    areas: dict[str, Artist] = {}
    top = -0.5
    for group, shade in _SHADES.items():
        bottom = top + sizes[group]
        if sizes[group]:
            areas[group] = axes.axhspan(top, bottom, color=ABSENT, alpha=shade, linewidth=0, zorder=0)
        top = bottom
    return areas
