"""From the share of each class to whole draws, and from a draw to one of the class's samples."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.random_access import permuted

_TOLERANCE = 1e-12
_LAST_MARK = 1 - 1e-9


def allotted(expected: Tensor, offset: float) -> Tensor:
    r"""Return whole numbers of draws whose mean over random offsets is what is expected.

    Each class gets the integer below what is expected, and the rest goes by systematic sampling: with the fractions
    end to end, a class whose piece holds one of :math:`u, u + 1, u + 2, …` gets one more (Madow & Madow, On the Theory
    of Systematic Sampling, 1944).

    Args:
        expected: Draws of each class, shape ``(C,)``, float64, from 0 on, with an integer for a sum.
        offset: u, from 0 on and below 1.

    Returns:
        Shape ``(C,)``, int64; each entry is that of ``expected`` rounded down or up, and their sum is the same.

    Example:
        >>> allotted(torch.tensor([1.5, 0.5, 2.0], dtype=torch.float64), offset=0.7)
        tensor([1, 1, 2])
    """
    least = _rounded_down(expected)
    rest = (expected - least).clamp_min(0).cumsum(0)
    missing = round(float(expected.sum() - least.sum()))
    if missing == 0:
        return least.long()
    rest = rest * (missing / float(rest[-1]))
    rest[-1] = missing
    # A mark that is lost in rounding at the end would be given to a class that none is due, or to none.
    passed = (rest - min(offset, _LAST_MARK)).ceil().clamp(0, missing)
    return (least + passed.diff(prepend=passed.new_zeros(1))).long()


def members_drawn(
    draws: Tensor, classes: Tensor, expected: Tensor, counts: Tensor, use: int | Tensor, keys: Tensor
) -> Tensor:
    """Return which of its samples a class gives for a draw, so that none comes twice before all have come once.

    A class of n samples that is drawn q times gives all of them ⌊q/n⌋ times, and r = q mod n of them once more. Those
    are the next r of a shuffle, and another use takes the r after them, until fewer are left than a use may need: then
    the class is shuffled anew.

    Args:
        draws: Number of the draw among those of its class in this use, from 0 to q - 1, shape ``(M,)``, int64.
        classes: The class of each draw, shape ``(M,)``, int64.
        expected: What :func:`allotted` was given: q rounded up or down, shape ``(C,)``, float64.
        counts: n, samples of each class, shape ``(C,)``, int64; above 0 where a class is drawn.
        use: Which use it is, from 0 on: one number, or one a draw.
        keys: What :func:`~lightning_imbalance.functional.random_access.round_keys` gives.

    Returns:
        Positions among the samples of the class, from 0 to n - 1, shape ``(M,)``, int64.

    Example:
        >>> from lightning_imbalance.functional.random_access import round_keys
        >>> draws, four, of_eight = torch.arange(4), torch.tensor([4.0]), torch.tensor([8])
        >>> uses = [members_drawn(draws, draws * 0, four, of_eight, use, round_keys(0)) for use in range(2)]
        >>> torch.cat(uses).sort().values  # four of the eight, and then the other four
        tensor([0, 1, 2, 3, 4, 5, 6, 7])
    """
    least = _rounded_down(expected).long()
    whole = least // counts.clamp_min(1) * counts
    most = least + (expected > least * (1 + _TOLERANCE)).long()
    size, width = counts[classes], (most - whole).clamp_min(1)[classes]
    place = draws % size
    rest = (draws >= whole[classes]).nonzero().squeeze(1)
    size, width = size[rest], width[rest]
    uses = torch.as_tensor(use, dtype=torch.int64).expand_as(draws)[rest]
    shuffle, slot = uses // (size // width), uses % (size // width)
    names = classes[rest] * 0x1F123BB5 + shuffle * 0x2545F491 & 0xFFFFFFFF
    return place.index_copy(0, rest, permuted(slot * width + place[rest], size, keys, names))


def _rounded_down(expected: Tensor) -> Tensor:
    # What is an integer but for its last bits stays one.
    return (expected * (1 + _TOLERANCE)).floor()
