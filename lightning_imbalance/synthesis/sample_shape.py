"""What sizes a generator can be made with, and whether the training data have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from torch import Tensor

_SMALLEST = 4


def check_sizes(image_size: int | None, channels: int | None, num_features: int | None) -> None:
    """Refuse sizes that say neither images nor a table, or both.

    Args:
        image_size: Height and width of images.
        channels: Channels of images, where given.
        num_features: Columns of a table.

    Raises:
        TypeError: A size is no integer.
        ValueError: Both or none are given, or a size is too small.

    Example:
        >>> check_sizes(28, None, None)
    """
    if (image_size is None) == (num_features is None):
        got = "neither" if image_size is None else f"`image_size={image_size}` and `num_features={num_features}`"
        msg = f"one of `image_size` (for images) and `num_features` (for a table) must be given, got {got}."
        raise ValueError(msg)
    if num_features is not None and channels is not None:
        msg = f"`channels` must come with `image_size`, got {channels} for a table."
        raise ValueError(msg)
    check_widths(channels=channels, num_features=num_features)
    check_widths(_SMALLEST, image_size=image_size)


def check_widths(least: int = 1, **sizes: int | None) -> None:
    """Refuse a size that is no integer from ``least`` on; ``None`` is left to somebody else.

    Example:
        >>> check_widths(width=0)
        Traceback (most recent call last):
        ValueError: `width` must be at least 1, got 0.
    """
    for name, value in sizes.items():
        if value is None:
            continue
        if type(value) is not int:
            msg = f"`{name}` must be an integer, got {value!r}."
            raise TypeError(msg)
        if value < least:
            msg = f"`{name}` must be at least {least}, got {value}."
            raise ValueError(msg)


def samples_of(
    batches: Iterable[Any], image_size: int | None, channels: int | None, num_features: int | None
) -> tuple[Tensor, Iterator[Tensor]]:
    """Check the first batch of inputs, and give all of them back.

    Args:
        batches: Inputs.
        image_size: Height and width that images must have.
        channels: Channels that they must have, where given.
        num_features: Columns that rows must have.

    Returns:
        The first batch, and the iterator over all.

    Raises:
        TypeError: The inputs are no tensors.
        ValueError: There are none, or they have another shape.

    Example:
        >>> import torch
        >>> first, every = samples_of([torch.zeros(4, 3), torch.zeros(2, 3)], None, None, 3)
        >>> first.shape, len(list(every))
        (torch.Size([4, 3]), 2)
    """
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        msg = "there must be training data for a generator, got none."
        raise ValueError(msg)
    if not isinstance(first, Tensor):
        msg = f"inputs must be tensors for a generator, got a {type(first).__name__}."
        raise TypeError(msg)
    shape = tuple(first.shape[1:])
    if num_features is not None:
        if shape != (num_features,):
            msg = f"inputs must be rows of `num_features`, {num_features}, got shape {tuple(first.shape)}." + (
                f" Pass `num_features={shape[0]}`." if len(shape) == 1 else " Pass `image_size` for images."
            )
            raise ValueError(msg)
    elif len(shape) != 3 or shape[1:] != (image_size, image_size) or shape[0] != (channels or shape[0]):
        wanted = f"(N, {channels or 'channels'}, {image_size}, {image_size})"
        square = len(shape) == 3 and shape[1] == shape[2]
        way_out = f"Pass `image_size={shape[1]}, channels={shape[0]}`." if square else "Resize them."
        msg = f"inputs must be images of shape {wanted}, got shape {tuple(first.shape)}. {way_out}"
        raise ValueError(msg)
    return first, chain([first], iterator)
