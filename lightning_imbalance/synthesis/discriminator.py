"""Networks that tell real samples from generated ones, each class by its own measure."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lightning_imbalance.synthesis.generator import sides

_SLOPE = 0.2


class Projection(nn.Module):
    r"""Score of features and class: :math:`w^T φ + v_y^T φ` (Miyato & Koyama 2018, eq. 4).

    What makes a sample real in general is learnt in w from all classes; a rare class adds one vector of its own.

    Args:
        num_features: Length of φ.
        num_classes: Number of classes.

    Shape:
        features ``(N, num_features)``, labels ``(N,)``; scores ``(N,)``.

    Example:
        >>> import torch
        >>> Projection(8, num_classes=3)(torch.randn(4, 8), torch.tensor([0, 1, 2, 0])).shape
        torch.Size([4])
    """

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.score = spectral_norm(nn.Linear(num_features, 1))
        self.class_vectors = spectral_norm(nn.Embedding(num_classes, num_features))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return one score a sample; above 0 for real."""
        scores: Tensor = self.score(features).squeeze(1) + (self.class_vectors(labels) * features).sum(1)
        return scores


class ImageDiscriminator(nn.Module):
    """Convolutions with spectral norm (Miyato et al. 2018), the image halved between them, then :class:`Projection`.

    Args:
        image_size: Height and width in pixels.
        channels: Channels of an image.
        num_classes: Number of classes.
        width: Channels of the first block; doubled in each next one, four times as many at most.

    Shape:
        images ``(N, channels, image_size, image_size)``, labels ``(N,)``; scores ``(N,)``.

    Example:
        >>> import torch
        >>> discriminator = ImageDiscriminator(image_size=28, channels=1, num_classes=10, width=8)
        >>> discriminator(torch.randn(2, 1, 28, 28), torch.tensor([3, 7])).shape
        torch.Size([2])
    """

    def __init__(self, image_size: int, channels: int, num_classes: int, width: int) -> None:
        super().__init__()
        blocks = len(sides(image_size))
        widths = [channels, *(width * min(2**step, 4) for step in range(blocks))]
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 3, padding=1)) for before, after in pairwise(widths)
        )
        self.head = Projection(widths[-1] * sides(image_size)[0] ** 2, num_classes)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return one score an image."""
        maps = images
        for block, convolution in enumerate(self.convolutions):
            if block > 0:
                maps = F.avg_pool2d(maps, 2, ceil_mode=True)
            maps = F.leaky_relu(convolution(maps), _SLOPE)
        # Not summed over the pixels as in the paper: in an image of 8 x 8, where a stroke stands says what it is.
        return self.head(maps.flatten(1), labels)  # type: ignore[no-any-return]


class TableDiscriminator(nn.Module):
    """Two hidden layers with spectral norm, then :class:`Projection`.

    Args:
        num_features: Columns of the table.
        num_classes: Number of classes.
        width: Units of a hidden layer.

    Shape:
        rows ``(N, num_features)``, labels ``(N,)``; scores ``(N,)``.

    Example:
        >>> import torch
        >>> discriminator = TableDiscriminator(num_features=30, num_classes=2, width=16)
        >>> discriminator(torch.randn(4, 30), torch.tensor([0, 1, 1, 1])).shape
        torch.Size([4])
    """

    def __init__(self, num_features: int, num_classes: int, width: int) -> None:
        super().__init__()
        sizes = [num_features, width, width]
        self.layers = nn.ModuleList(spectral_norm(nn.Linear(before, after)) for before, after in pairwise(sizes))
        self.head = Projection(width, num_classes)

    def forward(self, rows: Tensor, labels: Tensor) -> Tensor:
        """Return one score a row."""
        hidden = rows
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), _SLOPE)
        return self.head(hidden, labels)  # type: ignore[no-any-return]
