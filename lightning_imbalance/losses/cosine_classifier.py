"""The last layer that margins are made for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imbalance.functional.cosine_logits import cosine_logits
from lightning_imbalance.parameters import positive


class CosineClassifier(nn.Module):
    """A linear layer without bias whose logits are s times the cosine between features and class vectors.

    No class can be preferred for the length of its vector, which in a linear layer grows with the class's samples. The
    formula is that of :func:`lightning_imbalance.functional.cosine_logits`.

    Args:
        in_features: Number of features F.
        num_classes: Number of classes C.
        scale: s; that of :class:`LDAMLoss` must be the same.

    Shape:
        input ``(..., F)``, output ``(..., C)``, float32 also under mixed precision.

    Attributes:
        weight: The class vectors, shape ``(C, F)``; their lengths mean nothing, and are 1 at the start.

    Raises:
        ValueError: ``scale`` is not above 0.

    Example:
        >>> layer = CosineClassifier(in_features=64, num_classes=10)
        >>> logits = layer(torch.randn(8, 64))
        >>> logits.shape, bool((logits.abs() <= 30.001).all())
        (torch.Size([8, 10]), True)
    """

    def __init__(self, in_features: int, num_classes: int, scale: float = 30.0) -> None:
        super().__init__()
        self.in_features = in_features
        self.num_classes = num_classes
        self.scale = positive("scale", scale)
        self.weight = nn.Parameter(torch.empty(num_classes, in_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw class vectors of length 1, every direction as likely as another."""
        with torch.no_grad():
            self.weight.copy_(F.normalize(torch.randn_like(self.weight), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """Return s times the cosines."""
        return cosine_logits(features, self.weight, self.scale)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"in_features={self.in_features}, num_classes={self.num_classes}, scale={self.scale}"
