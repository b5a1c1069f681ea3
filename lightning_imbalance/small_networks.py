"""Networks that are small enough to train while one waits."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn


class SmallConvNet(nn.Module):
    """Three blocks of convolution, batch norm and ReLU, the image halved between them, then a linear layer.

    Args:
        channels: Channels of an image.
        num_classes: Number of logits.
        width: Channels of the first block; doubled twice.

    Shape:
        images ``(N, channels, H, W)``; logits ``(N, num_classes)``.

    Example:
        >>> import torch
        >>> SmallConvNet(channels=1, num_classes=10)(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """

    def __init__(self, channels: int, num_classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width]
        blocks: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            blocks += [nn.Conv2d(narrow, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
            blocks += [nn.MaxPool2d(2)] if wide != widths[-1] else []
        self.features = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        logits: Tensor = self.head(self.features(images))
        return logits


def small_network(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Return a classifier that is small enough to train while one waits, for what the samples are.

    Args:
        shape: Of one sample: ``(channels, H, W)``, or anything else, which is flattened.
        num_classes: Number of logits.

    Returns:
        :class:`SmallConvNet`, or two linear layers with 64 units between them.

    Example:
        >>> import torch
        >>> small_network((30,), num_classes=2)(torch.zeros(4, 30)).shape
        torch.Size([4, 2])
    """
    if len(shape) == 3:
        return SmallConvNet(shape[0], num_classes)
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 64), nn.ReLU(), nn.Linear(64, num_classes))
