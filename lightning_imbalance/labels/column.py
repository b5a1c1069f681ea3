"""Targets as a dataset stores them, and the way from there to the labels it gives out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lightning_imbalance.labels.arrays import as_labels, select
from lightning_imbalance.labels.value import Labels


class NotSeparable(Exception):  # noqa: N818  # not an error: the answer "only a scan can tell"
    """A joint transform of image and target cannot be applied to the target alone."""


@dataclass(frozen=True)
class Column:
    """The stored targets of a dataset.

    Attributes:
        values: One target a sample: a tensor, array or list.
        class_names: The name of each class index.
        item: What the dataset does to a stored target before its ``target_transform`` sees it (``int``, often).
        target_transform: The dataset's function from a target to the label it gives out.

    Example:
        >>> import torch
        >>> Column(torch.tensor([5, 7]), item=int, target_transform=lambda y: y - 5).labels().values
        tensor([0, 2])
    """

    values: Any
    class_names: tuple[str, ...] | None = None
    item: Callable[[Any], Any] | None = None
    target_transform: Callable[[Any], Any] | None = None

    def labels(self, indices: Tensor | None = None) -> Labels:
        """Give the labels as the dataset would.

        The target transform is called once for each sample that is asked for, and for no other: it may know only
        the classes of a subset. Class names are left out when it changes a label.

        Args:
            indices: The samples, shape ``(M,)``, int64; by default all of them.

        Returns:
            The labels and the class names.

        Raises:
            TypeError: The targets are no labels.
            ValueError: An index is outside the dataset.

        Example:
            >>> import torch
            >>> Column([0, 1, 1], ("cat", "dog")).labels(torch.tensor([2, 0]))
            Labels(values=tensor([1, 0]), class_names=('cat', 'dog'))
        """
        stored = self.values if indices is None else select(self.values, indices)
        if self.target_transform is None:
            return Labels(as_labels(stored), self.class_names)
        targets = self._as_passed(stored)
        values = as_labels([self.target_transform(target) for target in targets])
        keeps = self.class_names is not None and _equal(as_labels(targets), values)
        return Labels(values, self.class_names if keeps else None)

    def _as_passed(self, stored: Any) -> list[Any]:
        if self.item is None:
            return list(stored)
        if self.item is int and hasattr(stored, "tolist"):
            stored = stored.tolist()  # one call for all: a hundred times faster than one int() each
        return [self.item(value) for value in stored]


def separate(transforms: Any) -> Callable[[Any], Any] | None:
    """Take the target's part out of a joint transform of torchvision.

    Args:
        transforms: A dataset's ``transforms``: None, torchvision's ``StandardTransform``, or any callable.

    Returns:
        The target transform, or None where the target stays as it is.

    Raises:
        NotSeparable: It is another callable, which needs the image too.

    Example:
        >>> separate(None) is None
        True
    """
    if transforms is None:
        return None
    if type(transforms).__name__ != "StandardTransform":
        raise NotSeparable
    transform: Callable[[Any], Any] | None = transforms.target_transform
    return transform


def target_transform_of(dataset: Any) -> Callable[[Any], Any] | None:
    """Find what a user's dataset does to its targets, by torchvision's convention.

    Args:
        dataset: Any dataset.

    Returns:
        Its ``target_transform``, or the one inside the ``transforms`` of a ``VisionDataset`` whose ``__getitem__``
        uses that; None where it has none.

    Raises:
        NotSeparable: It transforms image and target together.

    Example:
        >>> target_transform_of([0, 1]) is None
        True
    """
    if any(cls.__name__ == "VisionDataset" for cls in type(dataset).__mro__):
        code = getattr(type(dataset).__getitem__, "__code__", None)
        if code is None or "transforms" in code.co_names:
            return separate(dataset.transforms)
    transform = getattr(dataset, "target_transform", None)
    return transform if callable(transform) else None


def _equal(before: Tensor | list[str], after: Tensor | list[str]) -> bool:
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return before.shape == after.shape and bool((before.to(after.device) == after).all())
    return isinstance(before, list) and before == after
