"""What all processes have, on each of them."""

from __future__ import annotations

from typing import Any, TypeVar

import torch

T = TypeVar("T")


def gathered(value: T, processes: int | None = None) -> list[T]:
    """Return the values of all processes, by rank; a collective, called by each of them.

    Args:
        value: What this process has; anything that can be pickled.
        processes: Over how many processes the Trainer works. With 1, a process group that somebody else has started is
            left alone.

    Returns:
        One value a process; the value alone where there is no process group.

    Example:
        >>> gathered(3)
        [3]
    """
    if processes == 1 or not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [value]
    values: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values
