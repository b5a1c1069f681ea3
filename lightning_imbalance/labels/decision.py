"""What can be decided about where a dataset keeps its labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lightning_imbalance.labels.column import Column
from lightning_imbalance.labels.names import as_names, class_names


@dataclass(frozen=True)
class Stored:
    """The labels stand in an attribute.

    Attributes:
        attribute: The attribute with one entry a sample.
        at: Where in an entry the label stands; None where the entry is the label.
        names: The attribute with the class names, where it is neither ``classes`` nor ``class_to_idx``.
        item: What ``__getitem__`` does to the label before the target transform.

    Example:
        >>> class Folder:
        ...     samples = [("a.png", 1), ("b.png", 0)]
        >>> Stored("samples", at=1).column(Folder()).values
        [1, 0]
    """

    attribute: str
    at: int | None = None
    names: str | None = None
    item: Callable[[Any], Any] | None = None

    def column(self, dataset: Any) -> Column:
        """Follow the attribute.

        Args:
            dataset: The dataset that has it.

        Returns:
            The stored labels; each is None where the attribute is.
        """
        values = getattr(dataset, self.attribute)
        if values is None:
            return Column([None] * len(dataset))
        if self.at is not None:
            values = [entry[self.at] for entry in values]
        names = class_names(dataset) if self.names is None else as_names(getattr(dataset, self.names))
        return Column(values, names, self.item)


@dataclass(frozen=True)
class NoLabel:
    """The targets are no class labels, though a target transform may make some of them.

    Attributes:
        carries: What the targets are, in the plural.
        column: Those targets where they are at hand; None where they come only with the sample.
    """

    carries: str
    column: Column | None = None


@dataclass(frozen=True)
class Scan:
    """The labels come only with the samples.

    Attributes:
        because: Why.
    """

    because: str
