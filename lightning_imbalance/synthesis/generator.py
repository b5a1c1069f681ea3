"""Networks that turn noise and a class into a sample."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SMALLEST = 4


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift belong to the class (Dumoulin et al. 2017, eq. 5).

    All that the classes have in common is learnt from every sample; a class of its own has two numbers a channel, which
    ten samples can teach. They start at 1 and 0.

    Args:
        channels: Channels, or features of a table.
        num_classes: Number of classes.

    Shape:
        inputs ``(N, channels, ...)``, labels ``(N,)``; output like the inputs.

    Example:
        >>> ConditionalBatchNorm(3, num_classes=2)(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 1, 0])).shape
        torch.Size([4, 3, 8, 8])
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        # Also for tables, as images of one pixel.
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Embedding(num_classes, channels)
        self.shift = nn.Embedding(num_classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Normalise, then scale and shift by class."""
        maps = inputs if inputs.ndim == 4 else inputs[:, :, None, None]
        scale, shift = (table(labels)[:, :, None, None] for table in (self.scale, self.shift))
        normed: Tensor = self.norm(maps) * scale + shift
        return normed.view_as(inputs)


class ImageGenerator(nn.Module):
    """From noise and class to an image: halves of the sides, twice as large in each block.

    Args:
        image_size: Height and width in pixels, from 4 on.
        channels: Channels of an image.
        num_classes: Number of classes.
        latent_size: Numbers of noise a sample.
        width: Channels of the last block; twice as many in each one before it, four times at most.

    Shape:
        noise ``(N, latent_size)``, labels ``(N,)``; images ``(N, channels, image_size, image_size)`` from -1 to 1.

    Example:
        >>> generator = ImageGenerator(image_size=28, channels=1, num_classes=10, latent_size=16, width=8)
        >>> generator(torch.randn(2, 16), torch.tensor([3, 7])).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, image_size: int, channels: int, num_classes: int, latent_size: int, width: int) -> None:
        super().__init__()
        self.sizes = sides(image_size)
        widths = [width * min(2**step, 4) for step in reversed(range(len(self.sizes)))]
        self.embedding = nn.Embedding(num_classes, latent_size)
        self.first = nn.Linear(2 * latent_size, widths[0] * self.sizes[0] ** 2)
        self.norms = nn.ModuleList(ConditionalBatchNorm(wide, num_classes) for wide in widths)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1, bias=False) for wide, narrow in pairwise(widths)
        )
        self.last = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return one image for each row of noise."""
        start = self.first(torch.cat([noise, self.embedding(labels)], 1))
        maps = start.unflatten(1, (-1, self.sizes[0], self.sizes[0]))
        for size, norm, convolution in zip(self.sizes[1:], self.norms, self.convolutions, strict=False):
            maps = convolution(F.interpolate(F.relu(norm(maps, labels)), size=(size, size)))
        images: Tensor = torch.tanh(self.last(F.relu(self.norms[-1](maps, labels))))
        return images


class TableGenerator(nn.Module):
    """From noise and class to a row of numbers: two hidden layers.

    Args:
        num_features: Columns of the table.
        num_classes: Number of classes.
        latent_size: Numbers of noise a row.
        width: Units of a hidden layer.

    Shape:
        noise ``(N, latent_size)``, labels ``(N,)``; rows ``(N, num_features)``, without bounds.

    Example:
        >>> TableGenerator(num_features=30, num_classes=2, latent_size=8, width=16)(
        ...     torch.randn(4, 8), torch.tensor([0, 1, 1, 1])
        ... ).shape
        torch.Size([4, 30])
    """

    def __init__(self, num_features: int, num_classes: int, latent_size: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, latent_size)
        sizes = [2 * latent_size, width, width]
        self.layers = nn.ModuleList(nn.Linear(before, after, bias=False) for before, after in pairwise(sizes))
        self.norms = nn.ModuleList(ConditionalBatchNorm(width, num_classes) for _ in sizes[1:])
        self.last = nn.Linear(width, num_features)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return one row for each row of noise."""
        hidden = torch.cat([noise, self.embedding(labels)], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = F.relu(norm(layer(hidden), labels))
        rows: Tensor = self.last(hidden)
        return rows


def sides(image_size: int) -> list[int]:
    """Return the side of the image in each block, from the first to the last.

    Args:
        image_size: Height and width of the result.

    Returns:
        Halves, rounded up, down to at least 4 pixels; at least two sides, from 8 pixels on.

    Example:
        >>> sides(28), sides(8), sides(30)
        ([4, 7, 14, 28], [4, 8], [4, 8, 15, 30])
    """
    sizes = [image_size]
    while (half := -(-sizes[0] // 2)) >= _SMALLEST:
        sizes.insert(0, half)
    return sizes
