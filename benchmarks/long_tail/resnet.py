"""The ResNet for small images (He et al. 2016, section 4.2) as the LDAM code has it."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imbalance.losses import CosineClassifier


class Block(nn.Module):
    """Two convolutions beside a shortcut without parameters (option A): every second pixel, channels filled with 0.

    Args:
        narrow: Channels that come in.
        wide: Channels that go out, as many or twice as many; then the image is halved.
    """

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.stride = 1 if narrow == wide else 2
        self.filled = (wide - narrow) // 2
        self.first = nn.Conv2d(narrow, wide, 3, self.stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(wide)
        self.second = nn.Conv2d(wide, wide, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(wide)

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature maps."""
        shortcut = images
        if self.stride == 2:
            shortcut = F.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.filled, self.filled))
        features = F.relu(self.first_norm(self.first(images)))
        return F.relu(self.second_norm(self.second(features)) + shortcut)


class ResNet(nn.Module):
    """ResNet-(6n + 2): a convolution, three stages of n blocks with 16, 32 and 64 channels, and a last layer.

    Convolutions and the linear layer are drawn from Kaiming's normal distribution.

    Args:
        depth: 6n + 2: 8, 14, 20, 26, 32, ...
        num_classes: Number of logits.
        cosine_scale: s of a :class:`~lightning_imbalance.losses.CosineClassifier` in the place of the linear layer.

    Raises:
        ValueError: There is no such depth.
    """

    def __init__(self, depth: int, num_classes: int, cosine_scale: float | None = None) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            msg = f"`depth` must be 8, 14, 20, 26, 32 or another 6n + 2, got {depth}."
            raise ValueError(msg)
        blocks = (depth - 2) // 6
        widths = [16] * (blocks + 1) + [32] * blocks + [64] * blocks
        stages = [Block(narrow, wide) for narrow, wide in pairwise(widths)]
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *stages)
        self.head: nn.Module = (
            nn.Linear(64, num_classes) if cosine_scale is None else CosineClassifier(64, num_classes, cosine_scale)
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.head(self.features(images).mean((2, 3)))
        return logits


def parameters_of(network: nn.Module) -> int:
    """Count what is trained."""
    return sum(torch.numel(parameter) for parameter in network.parameters())
