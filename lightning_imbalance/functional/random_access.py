"""Random numbers and shuffles that can be asked for any place, without drawing the rest."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 10

# With a side of 3 some permutations never come, however many the rounds.
_NARROWEST = 4

_WORD = 0xFFFFFFFF
# Below 2^27, so that its product with a 32-bit word stays within int64.
_MULTIPLIER = 0x45D9F3B


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
    state = torch.zeros((), dtype=torch.int64)
    for seed in seeds:
        # Two words of each number: seeds of 64 bits differ in the upper one too.
        for word in (seed & _WORD, (seed >> 32) & _WORD):
            state = _mixed((state * 31 + word + 1) & _WORD)
    return _mixed((state + 0x9E3779B9 * torch.arange(1, ROUNDS + 1)) & _WORD)


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
    if sizes.ndim == 0:
        sizes = sizes.expand_as(positions)
    sides = sizes.double().sqrt().ceil().long().clamp_min(_NARROWEST)
    tweaks = torch.zeros_like(positions) if tweaks is None else _mixed(tweaks)
    result = _passed_through(positions, sides, keys, tweaks)
    while True:
        outside = (result >= sizes).nonzero().squeeze(1)
        if len(outside) == 0:
            return result
        result[outside] = _passed_through(result[outside], sides[outside], keys, tweaks[outside])


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
    words = [
        _mixed(_mixed(_mixed(low + a & _WORD) ^ high) + b & _WORD) for a, b in ((keys[0], keys[1]), (keys[2], keys[3]))
    ]
    return ((words[0] << 21) + (words[1] >> 11)).double() * 2.0**-53


def _passed_through(values: Tensor, sides: Tensor, keys: Tensor, tweaks: Tensor) -> Tensor:
    left, right = values // sides, values % sides
    for key in keys:
        hashed = _mixed((right + key) & _WORD ^ tweaks)
        # The upper bits of the product, from 0 to the side: without the bias of the lower bits, or a division.
        left, right = right, left + (hashed * sides >> 32)
        right = torch.where(right >= sides, right - sides, right)
    return left * sides + right


def _mixed(words: Tensor) -> Tensor:
    """Spread the bits of 32-bit words over all 32, one to one."""
    words = (words >> 16 ^ words) * _MULTIPLIER & _WORD
    words = (words >> 16 ^ words) * _MULTIPLIER & _WORD
    return words >> 16 ^ words
