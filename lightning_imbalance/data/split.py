"""Splits in which every part has the classes in the same shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lightning_imbalance.data.by_class import ClassIndices, as_class_indices, indices_by_class


def stratified_split(labels: ClassIndices, fractions: Sequence[float], seed: int = 0) -> tuple[Tensor, ...]:
    """Split labelled samples into parts, each class on its own.

    The samples of a class are apportioned by the largest remainder (ties go to the earlier part). A class with at
    least as many samples as there are parts then has one in each: a part without any takes one from the part with the
    most. A smaller class is missing from some parts.

    Args:
        labels: One class index a sample, shape ``(N,)``: a tensor, an array, a pandas column or a list. Classes may be
            missing.
        fractions: Share of each part, above 0, with sum 1.
        seed: Seed of the draw, which has a random generator of its own.

    Returns:
        For each part, ascending indices into ``labels``, int64. The parts are disjoint and together hold every sample.

    Raises:
        TypeError: The labels are not integers.
        ValueError: There are no labels, one is negative, a fraction is not above 0, or the sum is not 1.

    Example:
        >>> labels = torch.tensor([0] * 8 + [1] * 4)
        >>> train, val = stratified_split(labels, [0.75, 0.25])
        >>> torch.bincount(labels[train]).tolist(), torch.bincount(labels[val]).tolist()
        ([6, 3], [2, 1])
    """
    shares = _check_fractions(fractions)
    tensor = as_class_indices(labels)
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in shares]
    for members in indices_by_class(tensor).values():
        shuffled = members[torch.randperm(len(members), generator=generator)]
        for part, piece in zip(parts, torch.split(shuffled, _apportion(len(members), shares)), strict=True):
            part.append(piece)
    return tuple(torch.cat(part).sort().values for part in parts)


def split_off(
    labels: ClassIndices, shares: Mapping[str, float], seed: int = 0, sample: str = "sample"
) -> dict[str, Tensor]:
    """Split the parts that are missing off the training part, by class.

    Args:
        labels: One class index a training sample, shape ``(N,)``.
        shares: Share of each part that is missing; 0 for none.
        seed: Seed of the draw.
        sample: What the message calls a sample.

    Returns:
        The indices of ``"train"``, and of each part with a share above 0.

    Raises:
        ValueError: A part would be empty.

    Example:
        >>> {name: len(part) for name, part in split_off([0] * 8 + [1] * 4, {"val": 0.25, "test": 0}).items()}
        {'train': 9, 'val': 3}
    """
    known = as_class_indices(labels)
    drawn = {part: share for part, share in shares.items() if share > 0}
    splits = stratified_split(known, [1 - sum(drawn.values()), *drawn.values()], seed=seed)
    parts = dict(zip(("train", *drawn), splits, strict=True))
    for part, indices in parts.items():
        if len(indices) == 0:
            name = part if part in drawn else next(iter(drawn))
            article = "an" if sample[0] in "aeiou" else "a"
            msg = (
                f"`{name}_fraction` must leave every part {article} {sample}, got {shares[name]} of "
                f"{len(known)} {sample}s: the {part} part is empty."
            )
            raise ValueError(msg)
    return parts


def _apportion(total: int, shares: Sequence[float]) -> list[int]:
    quotas = [total * share for share in shares]
    sizes = [math.floor(quota) for quota in quotas]
    # sorted() is stable, which settles ties.
    by_remainder = sorted(range(len(shares)), key=lambda part: sizes[part] - quotas[part])
    for part in by_remainder[: total - sum(sizes)]:
        sizes[part] += 1
    if total >= len(shares):
        while 0 in sizes:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[sizes.index(0)] += 1
    return sizes


def _check_fractions(fractions: Sequence[float]) -> list[float]:
    shares = [float(fraction) for fraction in fractions]
    if not all(share > 0 for share in shares):
        msg = f"`fractions` must all be above 0, got {shares}. Leave an empty part out."
        raise ValueError(msg)
    if not math.isclose(sum(shares), 1.0, abs_tol=1e-9):
        msg = f"`fractions` must have the sum 1, got {shares} with the sum {sum(shares):.6g}."
        raise ValueError(msg)
    return shares
