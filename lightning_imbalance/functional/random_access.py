"""Random numbers and shuffles that can be asked for any place, without drawing the rest."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

ROUNDS = 10

_Words = TypeVar("_Words", int, Tensor)

# With a side of 3 some permutations never come, however many the rounds.
_NARROWEST = 4

_WORD = 0xFFFFFFFF
# Below 2^31, so that the product with a 32-bit word stays within int64.
_MULTIPLIER, _FOLDED, _SPREAD = 0x45D9F3B, 0x7FEB352D, 0x6A4B2D35


def round_keys(*seeds: int) -> Tensor:
    """Return the keys of a shuffle or of a sequence: the same integers give the same one, on every machine.

    Args:
        seeds: Integers that name it, such as seed and epoch.

    Returns:
        Shape ``(ROUNDS,)``, int64, each a 32-bit word.

    Example:
        >>> torch.equal(round_keys(0, 1), round_keys(0, 1)), torch.equal(round_keys(0, 1), round_keys(1, 0))
        (True, False)
    """
    state = 0
    for seed in seeds:
        # Two words of each number: seeds of 64 bits differ in the upper one too.
        for word in (seed & _WORD, (seed >> 32) & _WORD):
            state = _mixed((state * 31 + word + 1) & _WORD)
    return torch.tensor([_mixed((state + 0x9E3779B9 * number) & _WORD) for number in range(1, ROUNDS + 1)])


def permuted(positions: Tensor, sizes: Tensor, keys: Tensor, tweaks: Tensor | None = None) -> Tensor:
    r"""Return where a pseudo-random permutation of 0 … n - 1 puts each position.

    A Feistel network over the pairs :math:`(l, r)` with :math:`l, r < \lceil\sqrt n\rceil`, in which a round adds a
    hash of one half to the other; pairs beyond n are put through again until they fall below it (Black & Rogaway,
    Ciphers with Arbitrary Finite Domains, CT-RSA 2002). Any place of the permutation costs the same, and none is
    stored: a shuffle of 10^9 samples takes no memory, and continues in its middle.

    Args:
        positions: 0 ≤ i < n, shape ``(M,)``, int64.
        sizes: n, from 1 to 2^40, shape ``()`` or one a position, int64.
        keys: What :func:`round_keys` gives; they name the permutation.
        tweaks: Further numbers from 0 to 2^32 - 1 that name it, one a position, shape ``(M,)``, int64: places of
            several permutations in one call.

    Returns:
        Shape ``(M,)``, int64, each from 0 to n - 1; for the same n and name, different positions give different ones.

    Example:
        >>> permuted(torch.arange(5), torch.tensor(5), round_keys(0)).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    # One size for all is a number: torch multiplies by it in a fraction of the time.
    size: int | Tensor = sizes if sizes.ndim else int(sizes)
    side = _side(sizes) if sizes.ndim else int(_side(sizes))
    names = None if tweaks is None else _mixed(tweaks)
    result = _passed_through(positions, side, keys, names)
    outside = (result >= size).nonzero().squeeze(1)
    while len(outside):
        again = _passed_through(result[outside], _at(side, outside), keys, None if names is None else names[outside])
        result[outside] = again
        outside = outside[again >= _at(size, outside)]
    return result


def uniform(positions: Tensor, keys: Tensor) -> Tensor:
    """Return one random number for each place of a sequence.

    A hash of the place, as in the counter-based generators of Salmon et al., Parallel Random Numbers: As Easy as 1, 2,
    3, SC 2011: nothing is kept from one number to the next.

    Args:
        positions: i ≥ 0, any shape, int64.
        keys: What :func:`round_keys` gives; they name the sequence.

    Returns:
        Shape of ``positions``, float64, multiples of 2^-53 from 0 on and below 1.

    Example:
        >>> numbers = uniform(torch.arange(1000), round_keys(0))
        >>> bool(((numbers >= 0) & (numbers < 1)).all())
        True
    """
    low, high = positions & _WORD, positions >> 32
    first, second, third, fourth = keys[:4].tolist()
    words = [_mixed(_mixed(_mixed(low + a & _WORD) ^ high) + b & _WORD) for a, b in ((first, second), (third, fourth))]
    numbers: Tensor = ((words[0] << 21) + (words[1] >> 11)).double() * 2.0**-53
    return numbers


def _side(sizes: Tensor) -> Tensor:
    return sizes.double().sqrt().ceil().clamp_min(_NARROWEST).long()


def _at(numbers: int | Tensor, places: Tensor) -> int | Tensor:
    return numbers[places] if isinstance(numbers, Tensor) else numbers


def _passed_through(values: Tensor, side: int | Tensor, keys: Tensor, names: Tensor | None) -> Tensor:
    left: Tensor = values // side
    right: Tensor = values - left * side
    for key in keys.tolist():
        word = right + key
        if names is not None:
            word ^= names
        word &= _WORD
        # Both halves of a wide product, and then the lower half of another: its upper bits depend on all bits.
        word *= _FOLDED
        word ^= word >> 32
        word &= _WORD
        word *= _SPREAD
        word &= _WORD
        # The upper bits of the product, from 0 to the side: without the bias of the lower bits, or a division.
        word *= side
        word >>= 32
        word += left
        word -= side
        # Below 0 all bits are ones, and it gets the side back.
        word += word >> 63 & side
        left, right = right, word
    return left * side + right


def _mixed(words: _Words) -> _Words:
    """Spread the bits of 32-bit words over all 32, one to one."""
    words = (words >> 16 ^ words) * _MULTIPLIER & _WORD
    words = (words >> 16 ^ words) * _MULTIPLIER & _WORD
    return words >> 16 ^ words
