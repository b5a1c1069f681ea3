"""What every picture of this package looks like: its colours, its rows of classes, and names that are only text.

Nothing here knows a distribution or a metric, so that :class:`~lightning_imbalance.ClassDistribution` can draw itself
as it prints itself. matplotlib is imported inside the functions.
"""

from lightning_imbalance.drawing.canvas import new_picture, require_matplotlib
from lightning_imbalance.drawing.class_rows import (
    NAMED_ROWS,
    class_rows,
    name_rows,
    rows_by_frequency,
    rows_height,
    shade_groups,
)
from lightning_imbalance.drawing.count_bars import count_bars, draw_counts
from lightning_imbalance.drawing.legends import legend_below
from lightning_imbalance.drawing.names import plain, shown_name
from lightning_imbalance.drawing.palette import ABSENT, BLUE, COLOURS, DASHES, MARKERS, VERMILLION

__all__ = [
    "ABSENT",
    "BLUE",
    "COLOURS",
    "DASHES",
    "MARKERS",
    "NAMED_ROWS",
    "VERMILLION",
    "class_rows",
    "count_bars",
    "draw_counts",
    "legend_below",
    "name_rows",
    "new_picture",
    "plain",
    "require_matplotlib",
    "rows_by_frequency",
    "rows_height",
    "shade_groups",
    "shown_name",
]
