"""What counts, names and numbers by class may be made of: each is checked once, with one message."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from numbers import Integral

import torch
from torch import Tensor

from lightning_imbalance.counting import TASKS, Task


def check_class_names(class_names: Sequence[str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Return the names as a tuple after checking that each class has one of its own.

    Args:
        class_names: The names, or ``None``.
        num_classes: How many there must be.

    Returns:
        The names, or ``None`` where none were given.

    Raises:
        TypeError: ``class_names`` is one string, or holds something else than strings.
        ValueError: The number of names is wrong, or two classes share one.

    Example:
        >>> check_class_names(["cat", "dog"], 2)
        ('cat', 'dog')
    """
    if class_names is None:
        return None
    # A set has no order, and a string would be a sequence of letters.
    ordered = not isinstance(class_names, (str, AbstractSet)) and isinstance(class_names, Iterable)
    names = tuple(class_names) if ordered else ()
    if not ordered or not all(isinstance(name, str) for name in names):
        msg = f"`class_names` must be a sequence of strings, one a class, got {class_names!r}."
        raise TypeError(msg)
    # numpy's strings are strings too, but torch.load(weights_only=True) refuses them.
    names = tuple(map(str, names))
    if len(names) != num_classes:
        msg = (
            f"`class_names` must have one name for each of the {num_classes} classes, "
            f"got {len(names)}: {listed(names)}."
        )
        raise ValueError(msg)
    if "" in names:
        msg = f"`class_names` must not be empty, got '' for class {names.index('')}."
        raise ValueError(msg)
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        msg = f"`class_names` must all be different, got {repeated[0]!r} more than once."
        raise ValueError(msg)
    return names


def check_task(task: Task) -> Task:
    """Return ``task`` if it is one of the three; raise a ``ValueError`` that lists them otherwise.

    Example:
        >>> check_task("binary")
        'binary'
    """
    if task not in TASKS:
        msg = f"`task` must be one of {', '.join(map(repr, TASKS))}, got {task!r}."
        raise ValueError(msg)
    return task


def check_counts(counts: Sequence[int] | Tensor, task: Task) -> tuple[int, ...]:
    """Return the counts as integers after checking that they can be the samples of each class.

    Args:
        counts: Samples of each class, shape ``(C,)``.
        task: What is counted; ``binary`` has two entries, and only ``multilabel`` may be all zero.

    Returns:
        The counts.

    Raises:
        TypeError: They are not integers.
        ValueError: They are empty, negative, all zero, or of the wrong number.

    Example:
        >>> check_counts(torch.tensor([3, 1]), "multiclass")
        (3, 1)
    """
    try:
        tensor = torch.as_tensor(counts)
    except (OverflowError, RuntimeError, TypeError, ValueError):
        msg = (
            f"`counts` must be integers, the number of samples of each class, got {type(counts).__name__}: {counts!r}."
        )
        raise TypeError(msg) from None
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex or tensor.dtype == torch.bool:
        if tensor.numel():
            kind = str(tensor.dtype).removeprefix("torch.")
            msg = f"`counts` must be integers, the number of samples of each class, got {kind} values."
            raise TypeError(msg)
        tensor = tensor.long()
    if tensor.ndim != 1 or tensor.numel() == 0:
        msg = f"`counts` must have shape (C,), one count a class, got shape {tuple(tensor.shape)}."
        raise ValueError(msg)
    values = tuple(tensor.tolist())
    if min(values) < 0:
        msg = f"`counts` must be at least 0, got {min(values)} for class {values.index(min(values))}."
        raise ValueError(msg)
    if task == "binary" and len(values) != 2:
        msg = f'`counts` must have two entries for `task="binary"`, negative then positive, got {len(values)}.'
        raise ValueError(msg)
    if task != "multilabel" and sum(values) == 0:
        msg = f"`counts` must hold at least one sample, got {len(values)} classes without any."
        raise ValueError(msg)
    return values


def check_num_samples(num_samples: int | None, counts: tuple[int, ...], task: Task) -> int:
    """Return the number of samples; the counts say it themselves, except for ``multilabel``.

    Args:
        num_samples: What was given.
        counts: Samples of each class.
        task: What is counted.

    Returns:
        The number of samples.

    Raises:
        TypeError: It is no integer.
        ValueError: It is missing for ``multilabel``, or contradicts the counts.

    Example:
        >>> check_num_samples(None, (3, 1), "multiclass")
        4
    """
    if task != "multilabel":
        if num_samples not in (None, sum(counts)):
            msg = f"`num_samples` must be the sum of the counts, {sum(counts)}, got {num_samples}. It can be left out."
            raise ValueError(msg)
        return sum(counts)
    if num_samples is None:
        msg = '`num_samples` must be given for `task="multilabel"`, the number of rows, got None.'
        raise ValueError(msg)
    if not isinstance(num_samples, Integral):
        msg = f"`num_samples` must be an integer, the number of rows, got {num_samples!r}."
        raise TypeError(msg)
    if num_samples < max(1, *counts):
        msg = f"`num_samples` must be at least the largest count, {max(counts)}, and at least 1, got {num_samples}."
        raise ValueError(msg)
    return int(num_samples)


def check_num_classes(num_classes: object, task: Task) -> int | None:
    """Return the number of classes, where it is known: 2 for ``binary``.

    Args:
        num_classes: What was given, or ``None``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        The number of classes, or ``None``.

    Raises:
        ValueError: It is no integer, below 2 (below 1 for ``multilabel``), or not 2 for ``binary``.

    Example:
        >>> check_num_classes(None, "binary")
        2
    """
    if task == "binary":
        if num_classes not in (None, 2):
            msg = f'`num_classes` must be 2 for `task="binary"` (or be left out), got {num_classes!r}.'
            raise ValueError(msg)
        return 2
    least = 1 if task == "multilabel" else 2
    if num_classes is None:
        return None
    if not isinstance(num_classes, Integral) or num_classes < least:
        msg = f'`num_classes` must be an integer from {least} on for `task="{task}"`, got {num_classes!r}.'
        raise ValueError(msg)
    return int(num_classes)


def check_ignore_index(ignore_index: object) -> int | None:
    """Return the target that counts nothing as an integer, where there is one.

    Args:
        ignore_index: What was given, or ``None``.

    Returns:
        The integer, or ``None``.

    Raises:
        TypeError: It is neither.

    Example:
        >>> check_ignore_index(torch.tensor(255))
        255
    """
    try:
        return None if ignore_index is None else operator.index(ignore_index)  # type: ignore[arg-type]  # refused below
    except TypeError:
        msg = f"`ignore_index` must be an integer or None, got {ignore_index!r}."
        raise TypeError(msg) from None


def values_in_order(mapping: Mapping[str, float], class_names: Sequence[str], argument: str, value: str) -> list[float]:
    """Return the values of a mapping from class to number in the order of the classes.

    By index too, since a class without a name has no other handle: ``{0: 1.0, 1: 5.0}``.

    Args:
        mapping: One entry a class, by name or by index.
        class_names: The names, in order.
        argument: What the mapping is for, as the message calls it: ``"weighting"``.
        value: What it gives each class: ``"weight"``.

    Returns:
        The values, one a class.

    Raises:
        ValueError: A class is missing, or there is an entry for what is no class.

    Example:
        >>> values_in_order({"dog": 5.0, "cat": 1.0}, ["cat", "dog"], "weighting", "weight")
        [1.0, 5.0]
    """
    names: Sequence[object] = class_names
    if mapping and all(isinstance(key, Integral) for key in mapping):
        names = range(len(class_names))
    missing = [name for name in names if name not in mapping]
    known = set(names)
    unknown = [key for key in mapping if key not in known]
    if missing or unknown:
        problem = f"no {value} for {missing[0]!r}" if missing else f"a {value} for {unknown[0]!r}, which is no class"
        nameless = list(names) == [str(i) for i in range(len(names))] and all(isinstance(key, str) for key in unknown)
        way_out = " Pass `class_names=[...]` in the order of the labels: the data name no classes." if nameless else ""
        msg = (
            f"the {argument} must give a {value} to each class ({listed(names)}) and to nothing else, got {problem}."
            f"{way_out if unknown else ''}"
        )
        raise ValueError(msg)
    return [mapping[name] for name in names]  # type: ignore[index]  # the names are its keys


def listed(names: Sequence[object]) -> str:
    """Return the first ten names in quotes, for a message that must stay readable with a thousand classes.

    Example:
        >>> listed(["cat", "dog"])
        "'cat', 'dog'"
    """
    shown = ", ".join(map(repr, names[:10]))
    return f"{shown}, ... ({len(names)})" if len(names) > 10 else shown
