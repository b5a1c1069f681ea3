"""How many samples each class is to get."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution

WantedCounts = str | float | Mapping[str, int] | Mapping[int, int] | Sequence[int] | Tensor


def wanted_counts(distribution: ClassDistribution, counts: WantedCounts = "balance") -> Tensor:
    """Return how many samples to add to each class.

    Args:
        distribution: The classes as they are, ``multiclass`` or ``binary``.
        counts: ``"balance"`` adds what each class lacks to be as large as the largest. A float above 0 and up to 1 adds
            what it lacks to be that share of the largest, rounded up; larger classes stay as they are. A mapping from
            class name (or index) to a number adds that many, and none to the classes that it leaves out. Numbers, one a
            class, are added as they are.

    Returns:
        Shape ``(C,)``, int64, from 0 on. Under ``"balance"`` and a share a class without any sample gets none: there is
        nothing to make them of.

    Raises:
        TypeError: ``counts`` is none of these, or a number in it is no integer.
        ValueError: A number is negative, there is one for what is no class or not one for each, nothing would be added,
            or the task is ``multilabel``, where a sample has no class of its own.

    Example:
        >>> distribution = ClassDistribution([60, 30, 10], class_names=["nevus", "keratosis", "melanoma"])
        >>> wanted_counts(distribution, "balance")
        tensor([ 0, 30, 50])
        >>> wanted_counts(distribution, 0.5)
        tensor([ 0,  0, 20])
        >>> wanted_counts(distribution, {"melanoma": 25})
        tensor([ 0,  0, 25])
    """
    if distribution.task == "multilabel":
        msg = (
            "samples can be added to classes of which each sample has one, got a distribution for "
            '`task="multilabel"`. Add copies of rows, or weight the labels instead.'
        )
        raise ValueError(msg)
    added = _added(distribution, counts)
    if not any(added):
        got = "the classes are balanced already" if counts == "balance" else f"nothing to add from {counts!r}"
        msg = f"`counts` must add at least one sample, got {got} (the largest class has {max(_of(distribution))})."
        raise ValueError(msg)
    return torch.tensor(added, dtype=torch.int64)


def _added(distribution: ClassDistribution, counts: object) -> list[int]:
    present = _of(distribution)
    if isinstance(counts, str):
        if counts != "balance":
            msg = f"`counts` must be 'balance', a share, or numbers by class, got {counts!r}."
            raise ValueError(msg)
        return _up_to(present, 1.0)
    if isinstance(counts, Mapping):
        return _by_class(counts, distribution.class_names)
    if isinstance(counts, Real) and not isinstance(counts, Integral):
        if not 0 < float(counts) <= 1:
            msg = f"`counts` must be a share of the largest class, above 0 and at most 1, got {counts!r}."
            raise ValueError(msg)
        return _up_to(present, float(counts))
    numbers = counts.tolist() if hasattr(counts, "tolist") else counts
    if not isinstance(numbers, Sequence) or isinstance(numbers, bytes):
        msg = (
            "`counts` must be 'balance', a share of the largest class such as 0.5, a mapping from class to number, or "
            f"one number a class, got {counts!r}."
        )
        raise TypeError(msg)
    if len(numbers) != len(present):
        msg = f"`counts` must have one number for each of the {len(present)} classes, got {len(numbers)}."
        raise ValueError(msg)
    return [_number(number, name) for number, name in zip(numbers, distribution.class_names, strict=True)]


def _of(distribution: ClassDistribution) -> list[int]:
    counts: list[int] = distribution.counts.tolist()
    return counts


def _up_to(present: list[int], share: float) -> list[int]:
    # 0.1 * 30 is 3.0000000000000004, and 3 are meant.
    goal = math.ceil(share * max(present) * (1 - 1e-12))
    return [max(0, goal - count) if count else 0 for count in present]


def _by_class(counts: Mapping[object, object], class_names: tuple[str, ...]) -> list[int]:
    by_index = bool(counts) and all(isinstance(key, Integral) for key in counts)
    keys: Sequence[object] = range(len(class_names)) if by_index else class_names
    known = set(keys)
    unknown = [key for key in counts if key not in known]
    if unknown:
        msg = f"`counts` must be for classes ({listed(keys)}), got a number for {unknown[0]!r}, which is no class."
        raise ValueError(msg)
    return [_number(counts.get(key, 0), key) for key in keys]


def _number(value: object, name: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        msg = f"`counts` must be integers, the samples to add to each class, got {value!r} for {name!r}."
        raise TypeError(msg)
    if value < 0:
        msg = f"`counts` must be from 0 on, the samples to add to each class, got {value} for {name!r}."
        raise ValueError(msg)
    return int(value)
