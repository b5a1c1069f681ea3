from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.data import stratified_split
from lightning_imbalance.data.split import split_off

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=80)
# Eighths are exact in floating point, so the oracle in whole numbers has the same ties.
PARTS = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(lambda parts: [*parts, 8 - sum(parts) % 8])


def exact_shares(parts: list[int]) -> list[Fraction]:
    return [Fraction(part, sum(parts)) for part in parts]


def count(labels: list[int], indices: torch.Tensor, value: int) -> int:
    return sum(labels[i] == value for i in indices.tolist())


@given(LABELS, PARTS, st.integers(0, 99))
def test_the_parts_are_disjoint_and_hold_everything(labels, parts, seed):
    split = stratified_split(labels, [part / sum(parts) for part in parts], seed=seed)

    assert len(split) == len(parts)
    assert sorted(torch.cat(split).tolist()) == list(range(len(labels)))
    assert all(part.dtype == torch.int64 and part.tolist() == sorted(part.tolist()) for part in split)


@given(LABELS, PARTS)
def test_a_class_with_enough_samples_is_in_every_part(labels, parts):
    split = stratified_split(labels, [part / sum(parts) for part in parts])

    for value in set(labels):
        sizes = [count(labels, part, value) for part in split]
        assert (0 in sizes) == (labels.count(value) < len(parts))


@given(LABELS, PARTS)
def test_a_class_is_apportioned_by_the_largest_remainder(labels, parts):
    split = stratified_split(labels, [part / sum(parts) for part in parts])

    for value in set(labels):
        quotas = [labels.count(value) * share for share in exact_shares(parts)]
        sizes = [count(labels, part, value) for part in split]
        floors = [math.floor(quota) for quota in quotas]
        rounded_up = {i for i, (size, floor) in enumerate(zip(sizes, floors, strict=True)) if size == floor + 1}
        if 0 in floors and labels.count(value) >= len(parts):
            continue  # Here a part may have been given a sample by the other rule.
        assert all(size in (floor, floor + 1) for size, floor in zip(sizes, floors, strict=True))
        remainders = [quota - floor for quota, floor in zip(quotas, floors, strict=True)]
        others = set(range(len(parts))) - rounded_up
        assert all(remainders[up] >= remainders[down] - Fraction(1, 10**9) for up in rounded_up for down in others)


@pytest.mark.parametrize(
    ("total", "fractions", "sizes"),
    [
        (10, [0.7, 0.15, 0.15], [7, 2, 1]),
        (100, [0.29, 0.71], [29, 71]),
        (3, [0.8, 0.1, 0.1], [1, 1, 1]),
        (10, [0.98, 0.01, 0.01], [8, 1, 1]),
        (2, [0.7, 0.15, 0.15], [2, 0, 0]),
        (4, [1.0], [4]),
    ],
    ids=["a tie goes to the first", "a rounding error", "one each", "one each of many", "too few", "one part"],
)
def test_the_sizes_of_one_class(total, fractions, sizes):
    assert [len(part) for part in stratified_split([3] * total, fractions)] == sizes


def test_a_split_depends_on_its_seed_and_on_nothing_else():
    labels = torch.arange(4).repeat(20)

    torch.manual_seed(1)
    first = stratified_split(labels, [0.5, 0.5], seed=5)[0]
    state = torch.get_rng_state()
    again = stratified_split(labels, [0.5, 0.5], seed=5)[0]

    assert first.tolist() == again.tolist()
    assert torch.equal(torch.get_rng_state(), state)
    assert stratified_split(labels, [0.5, 0.5], seed=6)[0].tolist() != first.tolist()


def test_parts_of_no_share_are_left_out_and_the_rest_is_there_once():
    labels = [0] * 40 + [1] * 20

    parts = split_off(labels, {"val": 0.15, "test": 0.0}, seed=3)

    assert list(parts) == ["train", "val"]
    assert torch.bincount(torch.tensor(labels)[parts["val"]]).tolist() == [6, 3]
    assert sorted(torch.cat([*parts.values()]).tolist()) == list(range(60))
    assert parts["val"].tolist() == stratified_split(labels, [0.85, 0.15], seed=3)[1].tolist()


@pytest.mark.parametrize(
    ("labels", "shares", "message"),
    [
        ([0, 1], {"val": 0.2}, "`val_fraction` must leave every part a sample, got 0.2 of 2 samples: the val part is empty."),
        ([0, 1], {"val": 0.9, "test": 0.05}, "`val_fraction` must leave every part a sample, got 0.9 of 2 samples: the train part is empty."),
    ],
)  # fmt: skip
def test_an_empty_part_is_refused(labels, shares, message):
    with pytest.raises(ValueError, match="must") as error:
        split_off(labels, shares)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("labels", "fractions", "message"),
    [
        ([0, 1], [0.5, 0.4], "`fractions` must have the sum 1, got [0.5, 0.4] with the sum 0.9."),
        ([0, 1], [], "`fractions` must have the sum 1, got [] with the sum 0."),
        ([0, 1], [1.0, 0], "`fractions` must all be above 0, got [1.0, 0.0]. Leave an empty part out."),
        ([0, 1], [1.5, -0.5], "`fractions` must all be above 0, got [1.5, -0.5]. Leave an empty part out."),
        ([0, 1], [math.nan], "`fractions` must all be above 0, got [nan]. Leave an empty part out."),
        ([], [1.0], "`labels` must hold at least one sample, got none."),
    ],
)
def test_a_split_that_cannot_be_is_refused(labels, fractions, message):
    with pytest.raises(ValueError, match="must") as error:
        stratified_split(labels, fractions)

    assert str(error.value) == message
