"""From an image to the tensor a network reads: resized, flipped at random while training, normalised."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

# Colour: means and standard deviations of ImageNet, which pretrained networks expect. Grey: from -1 to 1.
_MEAN_AND_STD = {1: ((0.5,), (0.5,)), 3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


def image_transform(
    image_size: int | tuple[int, int], channels: int = 3, *, augment: bool = False
) -> Callable[[Image.Image], Tensor]:
    """Build the transform of an image.

    Args:
        image_size: Height and width in pixels, or one number for both. The sides are scaled apart from each other.
        channels: 3 for colour, 1 for grey: the channels of the images that come in.
        augment: Flip half of the images left to right.

    Returns:
        From a ``PIL.Image.Image`` to a tensor ``(channels, H, W)``, float32. Colour is normalised by ImageNet's mean
        and standard deviation, grey runs from -1 to 1.

    Raises:
        ValueError: The size is below one pixel, or ``channels`` is neither 1 nor 3.

    Example:
        >>> transform = image_transform(32, channels=1)
        >>> tuple(transform(Image.new("L", (40, 30))).shape)
        (1, 32, 32)
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    if height < 1 or width < 1:
        msg = f"`image_size` must be at least 1 pixel, got {image_size}."
        raise ValueError(msg)
    if channels not in _MEAN_AND_STD:
        msg = f"`channels` must be 1 (grey) or 3 (colour), got {channels!r}."
        raise ValueError(msg)
    flip = [v2.RandomHorizontalFlip()] if augment else []
    normalize = v2.Normalize(*_MEAN_AND_STD[channels])
    transform: Callable[[Image.Image], Tensor] = v2.Compose(
        [v2.Resize((height, width)), *flip, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), normalize]
    )
    return transform
