"""What reading labels gives: all of them at once, or chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor


class Labels(NamedTuple):
    """The labels of a dataset, one a sample, in the order of its indices.

    Treat the values as read-only: they may share memory with the dataset.

    Attributes:
        values: Class indices ``(N,)``, rows of 0 and 1 ``(N, C)`` or dense labels ``(N, d1, ...)``, in the integer
            type the data store; strings where the data hold strings.
        class_names: The name of each class index, or None where the data do not say.

    Example:
        >>> import torch
        >>> Labels(torch.tensor([1, 0]), ("cat", "dog")).class_names
        ('cat', 'dog')
    """

    values: Tensor | Sequence[str]
    class_names: tuple[str, ...] | None = None


class Stream(NamedTuple):
    """Labels that arrive in chunks, because reading them may take a pass over the data.

    Attributes:
        class_names: The name of each class index, or None where the data do not say.
        chunks: The labels, each chunk as :attr:`Labels.values`; they can be iterated once.
        shared: Whether they are one process's share of the samples, to be added to those of the others.

    Example:
        >>> import torch
        >>> stream = Stream(None, iter([torch.tensor([0, 1]), torch.tensor([1])]))
        >>> sum(len(chunk) for chunk in stream.chunks)
        3
    """

    class_names: tuple[str, ...] | None
    chunks: Iterator[Tensor | Sequence[str]]
    shared: bool = False
