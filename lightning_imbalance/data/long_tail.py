"""Long-tailed subsets of balanced data, as the CIFAR-LT benchmarks make them.

Class 0 is the largest (the head) and the last class the smallest; the imbalance ratio is the largest count over the
smallest. Profile: Cui et al., *Class-Balanced Loss Based on Effective Number of Samples* (2019), section 5.1; step
imbalance: Buda et al., *A systematic study of the class imbalance problem in CNNs* (2018).
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Literal, get_args

import torch
from torch import Tensor

from lightning_imbalance.data.by_class import ClassIndices, as_class_indices, indices_by_class

Kind = Literal["exponential", "step"]


def long_tailed_counts(num_classes: int, largest: int, imbalance_ratio: float, kind: Kind = "exponential") -> Tensor:
    """Compute how many samples each class of a long-tailed data set has.

    ``exponential``: class i of C has ``largest * imbalance_ratio ** (-i / (C - 1))`` samples. ``step``: the first
    ``C // 2`` classes have ``largest``, all the others ``largest / imbalance_ratio``; with an odd C the middle class is
    one of the small ones. Both are truncated to whole samples, so that the largest count over the smallest can come out
    above the ratio (98 over 4 for 98 and 20).

    Args:
        num_classes: Number of classes C, at least 2.
        largest: Samples of class 0, at least 1.
        imbalance_ratio: Largest count over smallest count, 1 (balanced) or more.
        kind: ``"exponential"`` or ``"step"``.

    Returns:
        Samples of each class, shape ``(C,)``, int64, never ascending.

    Raises:
        TypeError: A number is none.
        ValueError: A number is out of its range, ``kind`` is unknown, or a class would get no sample.

    Example:
        >>> long_tailed_counts(10, 5000, 100).tolist()
        [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
        >>> long_tailed_counts(5, 60, 6, kind="step").tolist()
        [60, 60, 10, 10, 10]
    """
    _check_whole("num_classes", num_classes, 2)
    _check_whole("largest", largest, 1)
    check_profile(imbalance_ratio, kind)
    counts = _profile(num_classes, largest, imbalance_ratio, kind)
    if counts[-1] == 0:
        msg = (
            f"`imbalance_ratio` must be at most {largest}, got {imbalance_ratio}. "
            f"With {largest} samples of class 0, class {counts.index(0)} would get none."
        )
        raise ValueError(msg)
    return torch.tensor(counts)


def long_tailed(
    labels: ClassIndices,
    imbalance_ratio: float,
    kind: Kind = "exponential",
    seed: int = 0,
    largest: int | None = None,
    num_classes: int | None = None,
) -> Tensor:
    """Draw a long-tailed subset of labelled samples.

    The draw has a random generator of its own and depends on nothing but the arguments. With the same ``seed`` and
    ``largest``, the subset of a higher ratio lies within that of a lower one, so that results differ by the samples
    left out and not by the draw.

    Args:
        labels: One class index a sample, shape ``(N,)``: a tensor, an array, a pandas column or a list. Class 0 becomes
            the largest.
        imbalance_ratio: Largest count over smallest count, 1 (balanced) or more.
        kind: ``"exponential"`` or ``"step"``, see :func:`long_tailed_counts`.
        seed: Seed of the draw.
        largest: Samples of class 0; by default the highest number for which every class has enough samples.
        num_classes: Number of classes; by default the largest label plus one.

    Returns:
        Indices into ``labels``, ascending, without repeats, int64. The counts of the classes are exactly those of
        :func:`long_tailed_counts`.

    Raises:
        TypeError: The labels are not integers, or a number is none.
        ValueError: There are no labels, fewer than two classes, a class without a sample, a label outside the classes;
            a number is out of its range; or the samples do not suffice for the profile.

    Example:
        >>> labels = torch.arange(3).repeat(100)
        >>> indices = long_tailed(labels, imbalance_ratio=100)
        >>> torch.bincount(labels[indices]).tolist()
        [100, 10, 1]
    """
    check_profile(imbalance_ratio, kind)
    tensor = as_class_indices(labels)
    members = _members_of_every_class(tensor, num_classes)
    available = [len(indices) for indices in members]
    if largest is None:
        largest = _largest_that_fits(available, imbalance_ratio, kind)
        _check_last_class(available, largest, imbalance_ratio, kind)
    counts = long_tailed_counts(len(members), largest, imbalance_ratio, kind).tolist()
    for index, (count, there) in enumerate(zip(counts, available, strict=True)):
        if count > there:
            fits = _largest_that_fits(available, imbalance_ratio, kind)
            msg = (
                f"`largest` must be at most {fits}, got {largest}. "
                f"Class {index} has {there} samples and would need {count}."
            )
            raise ValueError(msg)
    generator = torch.Generator().manual_seed(seed)
    # The whole class is shuffled whatever the count, so that no class's draw depends on another's count.
    drawn = [
        indices[torch.randperm(len(indices), generator=generator)[:count]]
        for indices, count in zip(members, counts, strict=True)
    ]
    return torch.cat(drawn).sort().values


def check_profile(imbalance_ratio: float, kind: str) -> None:
    """Refuse a ratio or a kind that no number of samples could make good.

    Args:
        imbalance_ratio: Largest count over smallest count.
        kind: Name of the profile.

    Raises:
        TypeError: The ratio is no number.
        ValueError: The ratio is below 1 or not finite, or the kind is unknown.

    Example:
        >>> check_profile(20.0, "step")
    """
    if not isinstance(imbalance_ratio, Real) or isinstance(imbalance_ratio, bool):
        msg = f"`imbalance_ratio` must be a number, got {imbalance_ratio!r}."
        raise TypeError(msg)
    if not (1 <= imbalance_ratio < math.inf):
        msg = (
            f"`imbalance_ratio` must be a finite number of 1 or more, got {imbalance_ratio}. "
            "It is the largest count over the smallest."
        )
        raise ValueError(msg)
    if kind not in get_args(Kind):
        msg = f"`kind` must be 'exponential' or 'step', got {kind!r}."
        raise ValueError(msg)


def _profile(num_classes: int, largest: int, ratio: float, kind: str) -> list[int]:
    if kind == "step":
        head = num_classes // 2
        return [largest] * head + [_truncate(largest / ratio)] * (num_classes - head)
    return [_truncate(largest * ratio ** (-i / (num_classes - 1))) for i in range(num_classes)]


def _truncate(value: float) -> int:
    """Truncate to an integer, taking 49.99999999999999 for the 50 that it is without rounding errors."""
    nearest = round(value)
    return nearest if math.isclose(value, nearest, rel_tol=1e-12) else math.floor(value)


def _members_of_every_class(labels: Tensor, num_classes: int | None) -> list[Tensor]:
    """Return the samples of the classes 0 to C - 1, all of which must occur."""
    members = indices_by_class(labels)
    if num_classes is None:
        num_classes = int(labels.max()) + 1
        if num_classes == 1:
            msg = "`labels` must be of at least 2 classes, got class 0 alone."
            raise ValueError(msg)
    _check_whole("num_classes", num_classes, 2)
    if int(labels.max()) >= num_classes:
        msg = f"`labels` must be below `num_classes`, {num_classes}, got {int(labels.max())}."
        raise ValueError(msg)
    if len(members) < num_classes:
        absent = next(index for index in range(num_classes) if index not in members)
        msg = f"`labels` must have samples of every class from 0 to {num_classes - 1}, got none of class {absent}."
        raise ValueError(msg)
    return list(members.values())


def _largest_that_fits(available: list[int], ratio: float, kind: str) -> int:
    """Find the highest ``largest`` whose profile no class is too small for, by bisection: profiles grow with it."""
    low, high = 1, available[0]
    while low < high:
        middle = (low + high + 1) // 2
        needed = _profile(len(available), middle, ratio, kind)
        if all(count <= there for count, there in zip(needed, available, strict=True)):
            low = middle
        else:
            high = middle - 1
    return low


def _check_last_class(available: list[int], largest: int, ratio: float, kind: str) -> None:
    """Refuse a ratio whose profile, made as large as the samples allow, leaves the last class empty."""
    counts = _profile(len(available), largest, ratio, kind)
    if counts[-1] > 0:
        return
    # A ratio keeps the last class as long as it is not above the largest count it allows. That count falls with the
    # ratio, so going from one to the other ends at the highest ratio that works, or at 1, which always does.
    possible = largest
    while possible > (fits := _largest_that_fits(available, possible, kind)):
        possible = fits
    msg = (
        f"`imbalance_ratio` must be at most {possible} for these labels, got {ratio}. "
        f"Class {counts.index(0)} would get no sample."
    )
    raise ValueError(msg)


def _check_whole(name: str, value: object, lowest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"`{name}` must be an integer, got {value!r}."
        raise TypeError(msg)
    if value < lowest:
        msg = f"`{name}` must be at least {lowest}, got {value}."
        raise ValueError(msg)
