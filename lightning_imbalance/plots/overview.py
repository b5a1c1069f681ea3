"""The classes of a data set and what weights would do to them, in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import draw_counts, name_rows, new_picture, rows_by_frequency, rows_height
from lightning_imbalance.plots.priors import USUAL, draw_priors, legend_height, shares_of
from lightning_imbalance.weighting import Weighting

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def overview(distribution: ClassDistribution, schemes: Sequence[Weighting] | Mapping[str, Weighting] = USUAL) -> Figure:
    """Draw :func:`counts`, and beside it :func:`priors` with the same rows.

    Args:
        distribution: The training data's classes.
        schemes: 1 to 8 weightings, or a mapping from what the picture shall call them.

    Returns:
        The figure.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: A weighting is none.
        ValueError: There are none, more than 8, or one does not fit the classes.

    Example:
        >>> figure = overview(ClassDistribution([90, 10]), ["uniform", "balanced"])
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['Samples of each class', 'Class prior that each weighting makes a model believe in']
    """
    shares = shares_of(distribution, schemes)
    counts = distribution.counts.tolist()
    names = [distribution.class_names[index] for index in rows_by_frequency(counts)]
    figure = new_picture(13, rows_height(len(names), legend_height(len(shares)) + 0.2), "plots.overview")
    places = figure.add_gridspec(1, 2)
    left, right = (figure.add_subfigure(places[column]).subplots() for column in (0, 1))
    for axes in (left, right):
        name_rows(axes, names)
    unit = "positives" if distribution.task == "multilabel" else "samples"
    draw_counts(left, counts, distribution.groups(), f"{unit.capitalize()} of each class", unit)
    draw_priors(right, distribution, shares)
    # Beside long names there is no room for the whole of what `priors` says.
    dotted = "yes as likely as no" if distribution.task == "multilabel" else "all equally likely"
    right.set_xlabel(f"share (logarithmic); dotted: {dotted}")
    right.set_title("Class prior that each weighting makes a model believe in", fontsize="medium", loc="left")
    return figure
