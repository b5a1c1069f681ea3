"""Where the samples of each class stand: what every draw by class and every split by class starts from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Labels sorted at once. Their places are 64 bits wide while they are sorted, and 32 in the result.
_BLOCK = 2**20


class Members(NamedTuple):
    """The samples of a data set, class by class.

    Attributes:
        indices: The samples of class 0, then those of class 1, and so on, ascending within a class; shape ``(N,)``,
            int32 where that holds them, else int64.
        counts: Number of samples of each class, shape ``(C,)``, int64.
        starts: Where each class begins in ``indices``, shape ``(C,)``, int64.

    Example:
        >>> members_by_class(torch.tensor([2, 0, 2]), 3).of(2)
        tensor([0, 2], dtype=torch.int32)
    """

    indices: Tensor
    counts: Tensor
    starts: Tensor

    def of(self, label: int) -> Tensor:
        """Return the samples of one class.

        Args:
            label: The class index.

        Returns:
            Shape ``(n_c,)``, ascending.
        """
        start = int(self.starts[label])
        return self.indices[start : start + int(self.counts[label])]


def members_by_class(labels: Tensor, num_classes: int) -> Members:
    """Find the samples of each class: one pass, in time that grows with the number of samples.

    A counting sort by blocks: beside the result it needs memory for one block only.

    Args:
        labels: Class indices from 0 to C - 1, shape ``(N,)``, of any integer type; those below 0 belong to no class.
        num_classes: C.

    Returns:
        The samples of each class.

    Example:
        >>> members_by_class(torch.tensor([2, 0, 2]), 3)
        Members(indices=tensor([1, 0, 2], dtype=torch.int32), counts=tensor([1, 0, 2]), starts=tensor([0, 1, 1]))
    """
    blocks = [_as_small(block, num_classes) for block in torch.split(labels, _BLOCK)]
    counted = [_counted(block, num_classes) for block in blocks]
    counts = torch.stack(counted).sum(0) if counted else torch.zeros(num_classes, dtype=torch.int64)
    starts = counts.cumsum(0) - counts
    narrow = len(labels) <= torch.iinfo(torch.int32).max
    indices = torch.empty(int(counts.sum()), dtype=torch.int32 if narrow else torch.int64)
    free = starts.clone()
    for number, (block, here) in enumerate(zip(blocks, counted, strict=True)):
        order = block.argsort(stable=True)[len(block) - int(here.sum()) :]
        places = torch.arange(len(order)) + (free - here.cumsum(0) + here).repeat_interleave(here)
        indices[places] = (order + number * _BLOCK).to(indices.dtype)
        free += here
    return Members(indices, counts, starts)


def _as_small(block: Tensor, num_classes: int) -> Tensor:
    """Small integers are sorted in a fraction of the time."""
    if block.dtype in (torch.uint8, torch.int8, torch.int16):
        return block
    return block.to(torch.int16) if num_classes <= torch.iinfo(torch.int16).max else block


def _counted(block: Tensor, num_classes: int) -> Tensor:
    if block.dtype != torch.uint8 and len(block) and int(block.min()) < 0:
        block = block[block >= 0]
    return torch.bincount(block, minlength=num_classes)
