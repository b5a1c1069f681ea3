"""How many samples each class has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_imbalance.distribution import ClassDistribution

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def counts(distribution: ClassDistribution, many: int = 100, few: int = 20) -> Figure:
    """Draw a bar for each class, from the most frequent to the rarest: :meth:`ClassDistribution.plot`.

    Args:
        distribution: The classes.
        many: Classes with more samples than this are in the group ``many``.
        few: Classes with fewer samples than this are in the group ``few``.

    Returns:
        The figure. The scale is linear up to 1 and logarithmic from there on, so that a class without samples has no
        bar.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: ``few`` is greater than ``many``.

    Example:
        >>> figure = counts(ClassDistribution([60, 30, 10], class_names=["nevus", "keratosis", "melanoma"]))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['nevus', 'keratosis', 'melanoma']
    """
    return distribution.plot(many, few)
