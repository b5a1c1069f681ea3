from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional.random_access import ROUNDS, permuted, round_keys, uniform

WORD = 2**32
SEEDS = st.integers(-(2**63), 2**64 - 1)
# Of a right shuffle one in a million is further from even; the seeds are fixed, so that a test says the same each time.
UNLIKELY = 1e-6


def chi_square_tail(statistic: float, freedom: int) -> float:
    """How often a chi-square variable is at least as large."""
    half = torch.tensor(freedom / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(half, torch.tensor(statistic / 2, dtype=torch.float64)))


def tail_of(observed: torch.Tensor) -> float:
    """How often counts that are even on average are at least as uneven as these."""
    expected = observed.sum().double() / len(observed)
    return chi_square_tail(float(((observed - expected) ** 2 / expected).sum()), len(observed) - 1)


def mixed(word: int) -> int:
    for _ in range(2):
        word = ((word >> 16) ^ word) * 0x45D9F3B % WORD
    return (word >> 16) ^ word


def slowly_permuted(position: int, size: int, keys: list[int], tweak: int | None) -> int:
    """One position through the network, in Python's integers."""
    side = max(4, math.isqrt(size - 1) + 1)
    name = 0 if tweak is None else mixed(tweak)
    while True:
        left, right = divmod(position, side)
        for key in keys:
            product = (((right + key) ^ name) % WORD) * 0x7FEB352D
            folded = (product // WORD) ^ (product % WORD)
            word = folded * 0x6A4B2D35 % WORD
            left, right = right, (left + word * side // WORD) % side
        position = left * side + right
        if position < size:
            return position


@given(st.integers(1, 300), SEEDS, st.one_of(st.none(), st.integers(0, WORD - 1)))
def test_a_permutation_has_every_position_once_and_is_the_slow_one(size, seed, tweak):
    keys = round_keys(seed)
    names = None if tweak is None else torch.full((size,), tweak)

    found = permuted(torch.arange(size), torch.tensor(size), keys, names).tolist()

    assert sorted(found) == list(range(size))
    assert found == [slowly_permuted(position, size, keys.tolist(), tweak) for position in range(size)]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2**32 - 1)), min_size=1, max_size=30), SEEDS)
def test_places_of_several_permutations_are_those_of_each(named, seed):
    keys = round_keys(seed)
    sizes, tweaks = (torch.tensor(column) for column in zip(*named, strict=True))
    positions = sizes // 2

    together = permuted(positions, sizes, keys, tweaks)

    each = [permuted(positions[i : i + 1], sizes[i], keys, tweaks[i : i + 1]).item() for i in range(len(named))]
    assert together.tolist() == each


@pytest.mark.parametrize("size", [2**24 + 1, 2**31 + 5, 2**40])
def test_a_large_permutation_stays_within_its_size_and_repeats_nothing(size):
    positions = torch.arange(5000) * (size // 5000)

    found = permuted(positions, torch.tensor(size), round_keys(1))

    assert 0 <= int(found.min()) <= int(found.max()) < size
    assert len(found.unique()) == 5000
    assert found.tolist()[:3] == [
        slowly_permuted(i, size, round_keys(1).tolist(), None) for i in positions[:3].tolist()
    ]


def test_no_positions_give_none():
    none = torch.empty(0, dtype=torch.int64)

    assert permuted(none, torch.tensor(7), round_keys(0)).tolist() == []
    assert permuted(none, none, round_keys(0), none).tolist() == []


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_all_orders_of_a_few_come_equally_often(size):
    trials = 200 * math.factorial(size)
    positions = torch.arange(size).repeat(trials)
    tweaks = torch.arange(trials).repeat_interleave(size)

    orders = permuted(positions, torch.full_like(positions, size), round_keys(7), tweaks).view(trials, size)

    code = (orders * size ** torch.arange(size)).sum(1)
    counts = code.unique(return_counts=True)[1]
    assert len(counts) == math.factorial(size)
    assert tail_of(counts) > UNLIKELY


@pytest.mark.parametrize("size", [2, 3])
def test_all_orders_come_equally_often_over_the_seeds(size):
    trials = 60 * math.factorial(size)

    orders = torch.stack([permuted(torch.arange(size), torch.tensor(size), round_keys(5, i)) for i in range(trials)])

    counts = (orders * size ** torch.arange(size)).sum(1).unique(return_counts=True)[1]
    assert len(counts) == math.factorial(size)
    assert tail_of(counts) > UNLIKELY


@pytest.mark.parametrize("size", [7, 10, 16, 17, 26])
def test_each_pair_of_places_is_taken_equally_often_by_two_neighbours(size):
    trials = 100 * size * (size - 1)
    positions = torch.tensor([0, 1]).repeat(trials)
    tweaks = torch.arange(trials).repeat_interleave(2)

    pairs = permuted(positions, torch.full_like(positions, size), round_keys(3), tweaks).view(trials, 2)

    counts = torch.bincount(pairs[:, 0] * size + pairs[:, 1], minlength=size**2).view(size, size)
    assert int(counts.diagonal().sum()) == 0
    assert tail_of(counts[~torch.eye(size, dtype=torch.bool)]) > UNLIKELY


def test_a_large_shuffle_keeps_no_order():
    size = 100_000

    order = permuted(torch.arange(size), torch.tensor(size), round_keys(11))

    steps = (order.roll(-1) - order) % size
    assert tail_of(torch.bincount(steps * 50 // size, minlength=50)) > UNLIKELY
    parts = torch.arange(size) * 20 // size * 20 + order * 20 // size
    # Each of the 20 parts of the places meets each of the 20 parts of the values, with given sums: 19 x 19 are free.
    met = torch.bincount(parts, minlength=400).double()
    assert chi_square_tail(float(((met - size / 400) ** 2 / (size / 400)).sum()), 19**2) > UNLIKELY


def test_neighbouring_names_give_shuffles_that_know_nothing_of_each_other():
    size, trials = 8, 20_000
    positions = torch.zeros(trials, dtype=torch.int64)

    first = permuted(positions, torch.full_like(positions, size), round_keys(0), torch.arange(trials))

    assert tail_of(torch.bincount(first[:-1] * size + first[1:], minlength=size**2)) > UNLIKELY


@given(st.lists(SEEDS, min_size=1, max_size=3))
def test_keys_are_words_and_those_of_the_same_name_are_the_same(seeds):
    keys = round_keys(*seeds)

    assert keys.shape == (ROUNDS,)
    assert keys.dtype == torch.int64
    assert 0 <= int(keys.min()) <= int(keys.max()) < WORD
    assert torch.equal(keys, round_keys(*seeds))


def test_keys_of_other_names_are_others():
    names = [(0,), (1,), (-1,), (2**32,), (0, 0), (0, 1), (1, 0), (2**63,)]

    assert len({tuple(round_keys(*name).tolist()) for name in names}) == len(names)


def slowly_uniform(position: int, keys: list[int]) -> float:
    low, high = position % WORD, position // WORD
    words = [
        mixed((mixed(mixed((low + a) % WORD) ^ high) + b) % WORD) for a, b in ((keys[0], keys[1]), (keys[2], keys[3]))
    ]
    return ((words[0] << 21) + (words[1] >> 11)) / 2**53


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20), SEEDS)
def test_numbers_are_below_1_and_those_of_the_slow_sequence(positions, seed):
    keys = round_keys(seed)

    numbers = uniform(torch.tensor(positions), keys)

    assert numbers.dtype == torch.float64
    assert numbers.tolist() == [slowly_uniform(position, keys.tolist()) for position in positions]
    assert all(0 <= number < 1 for number in numbers.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_spread_evenly_and_neighbours_know_nothing_of_each_other(seed):
    numbers = uniform(torch.arange(100_000), round_keys(seed))

    assert tail_of((numbers * 100).long().bincount(minlength=100)) > UNLIKELY
    pairs = (numbers[:-1] * 20).long() * 20 + (numbers[1:] * 20).long()
    assert tail_of(pairs.bincount(minlength=400)) > UNLIKELY
    # The lowest bits too.
    assert tail_of((numbers * 2**53).long().remainder(64).bincount(minlength=64)) > UNLIKELY


def test_the_same_place_of_another_sequence_has_another_number():
    first, second = (uniform(torch.arange(10_000), round_keys(0, name)) for name in (1, 2))

    correlation = torch.corrcoef(torch.stack([first, second]))[0, 1]
    assert abs(float(correlation)) < 5 / math.sqrt(10_000)
