"""The class of one sample of a stream."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels.batch import target_of


class ClassOf:
    """Finds the index of a sample's class among those of a distribution.

    Args:
        distribution: The classes.
        label_of: From a sample to its label: a class index (of Python, numpy or torch) or a class name.

    Raises:
        TypeError: ``distribution`` is none, or ``label_of`` no function; when called, the label is no index and no
            name.
        ValueError: The distribution is ``multilabel``; when called, the class is none of the distribution's, or it has
            none of its samples.

    Example:
        >>> ClassOf(ClassDistribution([3, 1], class_names=["cat", "dog"]))(("photo", "dog"))
        1
    """

    def __init__(self, distribution: ClassDistribution, label_of: Callable[[Any], Any] = target_of) -> None:
        if not isinstance(distribution, ClassDistribution):
            msg = (
                f"`distribution` must be a ClassDistribution, got {type(distribution).__name__}. Count a part of the "
                "stream: `ClassDistribution.from_dataset(dataset, max_samples=10_000)`."
            )
            raise TypeError(msg)
        if distribution.task == "multilabel":
            msg = "`distribution` must be of classes that exclude each other, got task 'multilabel'."
            raise ValueError(msg)
        if not callable(label_of):
            msg = f"`label_of` must be a function from a sample to its class, got {label_of!r}."
            raise TypeError(msg)
        self.label_of = label_of
        self._names = distribution.class_names
        self._indices = {name: index for index, name in enumerate(self._names)}
        self._counts = distribution.counts.tolist()

    def __call__(self, sample: Any) -> int:
        """Return the class index."""
        label = _unwrapped(self.label_of(sample))
        index = self._indices.get(label, -1) if isinstance(label, str) else _as_integer(label)
        if not 0 <= index < len(self._counts):
            msg = (
                f"each sample of the stream must be of one of the {len(self._counts)} classes of `distribution`, "
                f"got {label!r}."
            )
            raise ValueError(msg)
        if self._counts[index] == 0:
            msg = (
                "each sample of the stream must be of a class that has samples in `distribution`, "
                f"got class {self._names[index]!r}. Count a larger part of the stream."
            )
            raise ValueError(msg)
        return index


def _unwrapped(label: Any) -> Any:
    """Take a label out of an array or tensor that holds nothing else."""
    return label.item() if getattr(label, "shape", None) in {(), (1,)} else label


def _as_integer(label: Any) -> int:
    # A binary target may be 0.0 or 1.0.
    if isinstance(label, Integral) or (isinstance(label, float) and label.is_integer()):
        return int(label)
    got = f"shape {tuple(label.shape)}" if hasattr(label, "shape") else repr(label)
    msg = f"the label of a sample must be a class index or a class name, got {got}. Pass `label_of`."
    raise TypeError(msg)
