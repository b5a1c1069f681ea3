"""Labels to counts: one pass over the labels, for each of the three tasks.

Counting is the one step that every later number rests on, so the labels are checked here, where they enter, and
nowhere in a training step. The check costs one minimum and maximum beside :func:`torch.bincount`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Task = Literal["multiclass", "binary", "multilabel"]
TASKS: tuple[Task, ...] = get_args(Task)

# Beyond this an index is a mistake (an id, a hash, a timestamp), and counting it would allocate gigabytes.
_MAX_INFERRED_CLASSES = 10_000_000

# Labels counted at once: a block that the check has read is still in the cache when bincount reads it again.
_BLOCK = 2**19

_COUNTABLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class Counts(NamedTuple):
    """What one pass over labels found.

    Attributes:
        per_class: Samples of each class (for ``multilabel``, positives of each label), shape ``(C,)``, int64.
        num_samples: Labels that were counted (for ``multilabel``, rows).

    Example:
        >>> Counts(torch.tensor([2, 1]), 3).num_samples
        3
    """

    per_class: Tensor
    num_samples: int

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]  # a tuple's + joins; ours counts on
        """Add the counts of another part of the data; the shorter one is filled with zeros."""
        length = max(len(self.per_class), len(other.per_class))
        total = torch.zeros(length, dtype=torch.int64)
        for part in (self.per_class, other.per_class):
            total[: len(part)] += part
        return Counts(total, self.num_samples + other.num_samples)


def count_labels(
    labels: Tensor, *, task: Task = "multiclass", num_classes: int | None = None, ignore_index: int | None = None
) -> Counts:
    """Count the samples of each class.

    Args:
        labels: ``multiclass``: class indices of any shape (``(N,)``, or ``(N, d1, ...)`` for dense labels).
            ``binary``: 0 and 1 of any shape. ``multilabel``: 0 and 1, shape ``(N, C)`` or ``(N, C, d1, ...)``.
            Integers or booleans; for ``binary`` and ``multilabel`` also floats that are exactly 0 or 1.
        task: What a label means.
        num_classes: Length of the result; by default the largest label plus one (2 for ``binary``).
        ignore_index: Labels of this value are left out.

    Returns:
        The counts per class and the number of labels counted.

    Raises:
        TypeError: The labels are fractions where class indices are needed.
        ValueError: A label is negative or not below ``num_classes``, or has the wrong shape.

    Example:
        >>> count_labels(torch.tensor([0, 2, 2, -100]), ignore_index=-100)
        Counts(per_class=tensor([1, 0, 2]), num_samples=3)
    """
    labels = labels.detach().cpu()
    if task == "multilabel":
        return _count_multilabel(labels, num_classes, ignore_index)
    if task == "binary":
        labels, num_classes = _zeros_and_ones(labels, ignore_index), 2
    return _count_indices(labels, num_classes, ignore_index)


def encode(names: Sequence[str], class_names: Sequence[str] | None) -> Tensor:
    """Turn labels that are strings into class indices.

    Args:
        names: One name a sample.
        class_names: The class at each index.

    Returns:
        The indices, shape ``(N,)``, int64.

    Raises:
        ValueError: ``class_names`` is missing, or a label is not among them.

    Example:
        >>> encode(["dog", "cat", "dog"], ["cat", "dog"])
        tensor([1, 0, 1])
    """
    if class_names is None:
        found = ", ".join(repr(name) for name in sorted(set(names))[:5])
        msg = (
            f"`class_names` must be given when labels are strings, got labels {found} and no names. "
            "Pass the names in the order of the model's outputs, for example `class_names=sorted(set(labels))`."
        )
        raise ValueError(msg)
    index = {name: i for i, name in enumerate(class_names)}
    try:
        return torch.tensor([index[name] for name in names], dtype=torch.int64)
    except KeyError as error:
        known = ", ".join(map(repr, class_names[:10])) + (", ..." if len(class_names) > 10 else "")
        msg = f"each label must be one of the class names {known}, got {error.args[0]!r}."
        raise ValueError(msg) from None


def _count_indices(labels: Tensor, num_classes: int | None, ignore_index: int | None) -> Counts:
    if labels.dtype.is_floating_point or labels.dtype.is_complex:
        example = labels.flatten()[0].item() if labels.numel() else "none"
        msg = (
            f"labels must be class indices (integers), got {_name(labels.dtype)} values such as {example}. Convert "
            'them with `.long()` if they are whole numbers, use `task="binary"` if they are 0 and 1 for one logit; for '
            "class probabilities pass counts instead: `ClassDistribution(counts)`."
        )
        raise TypeError(msg)
    total = Counts(torch.zeros(num_classes or 0, dtype=torch.int64), 0)
    for block in torch.split(labels.flatten(), _BLOCK):
        total += _count_block(block, num_classes, ignore_index)
    return total


def _count_block(labels: Tensor, num_classes: int | None, ignore_index: int | None) -> Counts:
    if labels.dtype not in _COUNTABLE:
        labels = labels.to(torch.int64)
    if ignore_index is not None:
        labels = _without(labels, ignore_index)
    if labels.numel() == 0:
        return Counts(torch.zeros(num_classes or 0, dtype=torch.int64), 0)
    low, high = (int(bound) for bound in torch.aminmax(labels))
    if low < 0:
        hint = "" if ignore_index is not None else f" Pass `ignore_index={low}` to leave such labels out."
        msg = f"labels must be class indices from 0 on, got {low}.{hint}"
        raise ValueError(msg)
    if num_classes is not None and high >= num_classes:
        way_out = f"Pass a larger `num_classes` if it is a class, or `ignore_index={high}` to leave such labels out."
        hint = "" if ignore_index is not None else f" {way_out}"
        msg = f"labels must be below the number of classes, {num_classes}, got {high}.{hint}"
        raise ValueError(msg)
    if num_classes is None and high >= _MAX_INFERRED_CLASSES:
        msg = (
            f"labels must be class indices from 0 on, got {high}, which would mean {high + 1:,} classes. "
            "Map identifiers to indices first, or pass `num_classes`."
        )
        raise ValueError(msg)
    if labels.dtype == torch.int64:
        # Known to be small, they are counted in a third of the time as small integers.
        labels = labels.to(torch.uint8 if high < 2**8 else torch.int16 if high < 2**15 else torch.int64)
    return Counts(torch.bincount(labels, minlength=num_classes or 0), labels.numel())


def _count_multilabel(labels: Tensor, num_classes: int | None, ignore_index: int | None) -> Counts:
    if labels.ndim < 2:
        msg = (
            f"multilabel labels must have shape (N, C) with a 0 or 1 for each label, got shape {tuple(labels.shape)}. "
            'For one class index a sample, use `task="multiclass"`.'
        )
        raise ValueError(msg)
    if num_classes is not None and labels.shape[1] != num_classes:
        msg = f"multilabel labels must have {num_classes} columns, one a class, got shape {tuple(labels.shape)}."
        raise ValueError(msg)
    rows = labels.movedim(1, -1).flatten(end_dim=-2)
    if ignore_index is not None and not rows.is_floating_point():
        rows = rows.to(torch.int64)
    ignored = torch.zeros_like(rows, dtype=torch.bool) if ignore_index is None else rows == ignore_index
    if bool(ignored.any()):
        msg = (
            f"multilabel labels must be 0 or 1 to be counted, got {int(ignored.sum()):,} entries of {ignore_index} "
            "(`ignore_index`), which a weight would take for negatives. Count without them, and give the result: "
            "`ClassDistribution(counts, task='multilabel', num_samples=...)`."
        )
        raise ValueError(msg)
    positive = rows == 1
    bad = ~(positive | (rows == 0) | ignored)
    if bool(bad.any()):
        msg = f"multilabel labels must be 0 or 1, got {rows[bad][0].item()}."
        raise ValueError(msg)
    return Counts((positive & ~ignored).sum(0), len(rows))


def _zeros_and_ones(labels: Tensor, ignore_index: int | None) -> Tensor:
    keep = labels if ignore_index is None else _without(labels, ignore_index)
    bad = (keep != 0) & (keep != 1)
    if bool(bad.any()):
        msg = f'binary labels must be 0 or 1, got {keep[bad][0].item()}. For more classes, use `task="multiclass"`.'
        raise ValueError(msg)
    return keep.to(torch.uint8)


def _without(labels: Tensor, ignore_index: int) -> Tensor:
    if not labels.is_floating_point():
        info = torch.iinfo(labels.dtype if labels.dtype != torch.bool else torch.uint8)
        # torch would wrap -100 to 156 in uint8 and leave out the samples of class 156.
        if not info.min <= ignore_index <= info.max:
            return labels
    return labels[labels != ignore_index]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
