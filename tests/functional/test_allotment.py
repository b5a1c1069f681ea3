from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional.allotment import allotted, members_drawn
from lightning_imbalance.functional.random_access import permuted, round_keys

# Eighths are exact in binary, so that the slow way can decide in fractions.
EIGHTHS = st.lists(st.integers(0, 80), min_size=1, max_size=12)


def with_whole_sum(eighths: list[int]) -> list[Fraction]:
    missing = -sum(eighths) % 8
    return [Fraction(number, 8) for number in [*eighths, missing]]


def slowly_allotted(expected: list[Fraction], offset: Fraction) -> list[int]:
    """Lay the fractions end to end, and mark u, u + 1, u + 2, ...: each mark is one more for the piece it falls in."""
    draws, end = [], Fraction(0)
    for number in expected:
        start, end = end, end + number - math.floor(number)
        marks = math.ceil(end - offset) - math.ceil(start - offset)
        draws.append(math.floor(number) + marks)
    return draws


@given(EIGHTHS, st.integers(0, 63))
def test_the_rest_goes_to_those_whose_piece_holds_a_mark(eighths, sixtyfourths):
    expected = with_whole_sum(eighths)

    draws = allotted(torch.tensor([float(n) for n in expected], dtype=torch.float64), sixtyfourths / 64)

    assert draws.dtype == torch.int64
    assert draws.tolist() == slowly_allotted(expected, Fraction(sixtyfourths, 64))


@given(EIGHTHS)
def test_over_all_offsets_the_mean_is_what_is_expected(eighths):
    expected = torch.tensor([float(n) for n in with_whole_sum(eighths)], dtype=torch.float64)

    draws = torch.stack([allotted(expected, eighth / 8 + 1 / 16) for eighth in range(8)])

    assert draws.double().mean(0).tolist() == expected.tolist()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_shares_become_numbers_rounded_up_or_down_with_the_right_sum(weights, total, offset):
    shares = torch.tensor(weights, dtype=torch.float64) + 1e-3
    expected = shares / shares.sum() * total

    draws = allotted(expected, offset)

    assert int(draws.sum()) == total
    assert bool((draws >= (expected * (1 - 1e-11)).floor()).all())
    assert bool((draws <= (expected * (1 + 1e-11)).ceil()).all())


@pytest.mark.parametrize("offset", [0.0, 0.25, 1 - 2**-53])
def test_a_class_that_is_due_none_gets_none(offset):
    expected = torch.tensor([0, *[128 / 3] * 3, 0], dtype=torch.float64)

    draws = allotted(expected, offset)

    assert draws[[0, -1]].tolist() == [0, 0]
    assert int(draws.sum()) == 128


@pytest.mark.parametrize("third", [1 / 3, 2 / 3])
def test_what_is_whole_but_for_rounding_stays_whole_for_every_offset(third):
    expected = torch.tensor([third * 3 * 7, 5 - 1e-14, 2 + 1e-14], dtype=torch.float64).round(decimals=13)

    for offset in (0.0, 0.5, 1 - 2**-53):
        assert allotted(expected, offset).tolist() == expected.round().long().tolist()


def slowly_drawn(draws: list[int], size: int, expected: Fraction, use: int, tweaked_by) -> list[int]:
    """Whole passes in order; of the rest, the pieces of one shuffle after another."""
    whole = math.floor(expected) // size * size
    width = max(math.ceil(expected) - whole, 1)
    uses_of_a_shuffle = size // width
    shuffle = tweaked_by(use // uses_of_a_shuffle)
    piece = use % uses_of_a_shuffle * width
    return [draw % size if draw < whole else shuffle[piece + draw % size] for draw in draws]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 160)), min_size=1, max_size=4), st.integers(0, 30), st.data()
)
def test_draws_give_the_members_of_the_slow_way(classes, use, data):
    sizes = [size for size, _ in classes]
    expected = [Fraction(eighths, 8) for _, eighths in classes]
    number = data.draw(st.integers(0, len(classes) - 1))
    rounding = data.draw(st.sampled_from([math.floor, math.ceil]))
    draws = list(range(rounding(expected[number])))
    keys = round_keys(3)

    found = members_drawn(
        torch.tensor(draws, dtype=torch.int64),
        torch.full((len(draws),), number),
        torch.tensor([float(n) for n in expected], dtype=torch.float64),
        torch.tensor(sizes),
        use,
        keys,
    )

    def shuffle(name: int) -> list[int]:
        tweaks = torch.full((sizes[number],), (number * 0x1F123BB5 + name * 0x2545F491) % 2**32)
        return permuted(torch.arange(sizes[number]), torch.tensor(sizes[number]), keys, tweaks).tolist()

    assert found.tolist() == slowly_drawn(draws, sizes[number], expected[number], use, shuffle)


@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 20))
def test_no_member_comes_twice_before_all_others_have_come(size, times, use):
    draws = torch.arange(times)

    found = members_drawn(
        draws, draws * 0, torch.tensor([times], dtype=torch.float64), torch.tensor([size]), use, round_keys(0)
    )

    counts = found.bincount(minlength=size)
    assert int(counts.max()) - int(counts.min()) <= 1
    assert int(counts.sum()) == times


@given(st.integers(1, 40), st.data())
def test_uses_share_out_a_shuffle_until_too_few_are_left(size, data):
    times = data.draw(st.integers(1, size))
    draws, one = torch.arange(times), torch.tensor([times], dtype=torch.float64)

    uses = [
        members_drawn(draws, draws * 0, one, torch.tensor([size]), use, round_keys(0)) for use in range(size // times)
    ]

    assert len(torch.cat(uses).unique()) == size // times * times


def test_several_uses_in_one_call_are_those_of_each():
    draws, one, size = torch.arange(3), torch.tensor([3.0], dtype=torch.float64), torch.tensor([7])
    each = [members_drawn(draws, draws * 0, one, size, use, round_keys(0)) for use in range(6)]

    together = members_drawn(
        draws.repeat(6),
        torch.zeros(18, dtype=torch.int64),
        one,
        size,
        torch.arange(6).repeat_interleave(3),
        round_keys(0),
    )

    assert together.tolist() == torch.cat(each).tolist()


def test_members_of_two_classes_are_shuffled_each_in_its_own_way():
    draws, half = torch.arange(20), torch.tensor([20.0, 20.0], dtype=torch.float64)
    sizes = torch.tensor([40, 40])

    first, second = (members_drawn(draws, draws * 0 + c, half, sizes, 0, round_keys(0)).tolist() for c in (0, 1))

    assert first != second
