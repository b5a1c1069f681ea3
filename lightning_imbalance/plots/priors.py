"""Which class shares each weighting makes the model believe in."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import (
    ABSENT,
    COLOURS,
    DASHES,
    MARKERS,
    NAMED_ROWS,
    class_rows,
    legend_below,
    rows_by_frequency,
)
from lightning_imbalance.prior import effective_prior
from lightning_imbalance.weighting import Weighting, class_weights, described

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

USUAL = ("uniform", "complement", "inverse_sqrt", "effective_number", "balanced")
"""The weightings that people choose from."""


def priors(distribution: ClassDistribution, schemes: Sequence[Weighting] | Mapping[str, Weighting] = USUAL) -> Figure:
    r"""Draw the effective class prior of each weighting, :math:`\pi_c w_c / \sum_k \pi_k w_k`.

    It says what the weights do: ``balanced`` makes all classes equally likely, and ``complement`` leaves a long tail
    almost as it was. A class without samples has no prior.

    Args:
        distribution: The training data's classes.
        schemes: 1 to 8 weightings, as :func:`~lightning_imbalance.class_weights` takes them, or a mapping from what the
            picture shall call them.

    Returns:
        The figure: a line for each weighting, the share of each class on a logarithmic scale, and a dotted line where
        all classes are equally likely.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: A weighting is none.
        ValueError: There are none, more than 8, or one does not fit the classes.

    Example:
        >>> figure = priors(ClassDistribution([90, 10]), ["uniform", "balanced"])
        >>> [line.get_xdata().round(2).tolist() for line in figure.axes[0].lines[:2]]
        [[0.9, 0.1], [0.5, 0.5]]
    """
    shares = shares_of(distribution, schemes)
    order = rows_by_frequency(distribution.counts.tolist())
    figure, axes = class_rows(
        [distribution.class_names[index] for index in order], "plots.priors", extra_height=legend_height(len(shares))
    )
    draw_priors(axes, distribution, shares)
    return figure


def shares_of(
    distribution: ClassDistribution, schemes: Sequence[Weighting] | Mapping[str, Weighting]
) -> dict[str, list[float]]:
    """Return the effective prior of each class under each weighting, NaN of a class without samples.

    Args:
        distribution: The training data's classes.
        schemes: As :func:`priors` takes them.

    Raises:
        TypeError: A weighting is none.
        ValueError: There are none, more than 8, or one does not fit the classes.

    Example:
        >>> shares_of(ClassDistribution([5, 5]), ["uniform"])
        {'uniform': [0.5, 0.5]}
    """
    if isinstance(schemes, str) or not isinstance(schemes, (Mapping, Sequence)):
        msg = f"`schemes` must be several weightings in a list, or a mapping from name to weighting, got {schemes!r}."
        raise TypeError(msg)
    named = dict(schemes) if isinstance(schemes, Mapping) else {_name(scheme): scheme for scheme in schemes}
    if not 1 <= len(named) <= len(COLOURS):
        got = f"{len(named)} ({listed(list(named))})" if named else "none"
        msg = f"`schemes` must be from 1 to {len(COLOURS)} weightings to be told apart, got {got}."
        raise ValueError(msg)
    return {name: _shares(distribution, scheme) for name, scheme in named.items()}


def legend_height(schemes: int) -> float:
    """Return the inches that the legend of so many weightings needs.

    Args:
        schemes: How many.

    Example:
        >>> round(legend_height(2), 1)
        0.3
    """
    return 0.1 + 0.2 * math.ceil(schemes / 3)


def draw_priors(axes: Axes, distribution: ClassDistribution, shares: Mapping[str, list[float]]) -> None:
    """Draw what :func:`priors` draws into axes that have a row for each class.

    Args:
        axes: Those of :func:`~lightning_imbalance.drawing.name_rows`, most frequent class first.
        distribution: The training data's classes.
        shares: Those of :func:`shares_of`.

    Example:
        >>> figure, axes = class_rows(["dog", "cat"], "an example")
        >>> draw_priors(axes, ClassDistribution([75, 25]), {"uniform": [0.75, 0.25]})
        >>> axes.get_xscale()
        'log'
    """
    order = rows_by_frequency(distribution.counts.tolist())
    few_rows = len(order) <= NAMED_ROWS
    drawn = []
    for place, values in enumerate(shares.values()):
        # Equal shares would hide each other.
        shift = (place - (len(shares) - 1) / 2) * 0.6 / len(shares) if few_rows else 0
        (line,) = axes.plot(
            [values[index] for index in order],
            [row + shift for row in range(len(order))],
            color=COLOURS[place],
            linestyle=DASHES[place],
            linewidth=1.2,
            marker=MARKERS[place] if few_rows else "",
            markersize=5,
        )
        drawn.append(line)
    equal = 0.5 if distribution.task == "multilabel" else 1 / max(1, len(order) - len(distribution.absent))
    axes.axvline(equal, color=ABSENT, linestyle=":", linewidth=1, zorder=1)
    axes.set_xscale("log")
    _label_shares(axes)
    axes.set_xlabel("effective class prior (logarithmic); dotted: all classes equally likely")
    if distribution.task == "multilabel":
        axes.set_xlabel("effective prior of each label (logarithmic); dotted: yes as likely as no")
    legend_below(axes.figure, drawn, list(shares))


def _label_shares(axes: Axes) -> None:
    """Label the axis in per cent, as densely as there is room for; the usual labels would run into each other."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_xlim()
    digits = range(1, 10) if high < 5 * low else (1, 2, 5) if high < 100 * low else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=digits))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _name(scheme: Weighting) -> str:
    return scheme if isinstance(scheme, str) else described(scheme)


def _shares(distribution: ClassDistribution, scheme: Weighting) -> list[float]:
    with warnings.catch_warnings():
        # What an absent class weighs does not matter here: its prior is 0.
        warnings.filterwarnings("ignore", message="no training sample of class")
        weights = class_weights(distribution, scheme)
    return [share or math.nan for share in effective_prior(distribution, weights).tolist()]
