"""CutMix: a piece of each image is taken from another one."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.parameters import positive
from lightning_imbalance.synthesis.batch_transform import BatchTransform


class CutMix(BatchTransform):
    """Pastes a box of the image before it in the batch into each image (Yun et al. 2019, "CutMix", section 3.1).

    One box a batch, of the area 1 − λ with λ ~ Beta(α, α) before it is cut off at the border; the target becomes
    λ·own + (1 − λ)·other by the area that was really pasted. torchvision's ``v2.CutMix`` does it. Batches must be
    shuffled: of neighbours that are alike nothing new comes.

    CutMix treats all classes alike; :class:`CutMixMinority` pastes the rare ones.

    Args:
        alpha: α, above 0: 1 draws every area alike, less draws boxes that are nearly nothing or nearly all.

    Raises:
        ValueError: ``alpha`` is not above 0.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> cutmix = CutMix().adapt(ClassDistribution([90, 10]))
        >>> images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> mixed, target = cutmix(images, torch.tensor([0, 1]))
        >>> torch.testing.assert_close(mixed.mean((1, 2, 3)), target[:, 1])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = positive("alpha", alpha)

    def mix(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return images with a box of another one, and the share of each class in them."""
        from torchvision.transforms import v2

        require_images(inputs, self)
        mixed, shares = v2.CutMix(alpha=self.alpha)(inputs, shares)
        return mixed, shares


def require_images(inputs: Tensor, transform: BatchTransform) -> None:
    """Refuse inputs that have no height and width to cut a box out of.

    Args:
        inputs: Any tensor.
        transform: For whom, in the message.

    Raises:
        ValueError: They are no batch of images.

    Example:
        >>> import torch
        >>> require_images(torch.zeros(2, 8), CutMix())
        Traceback (most recent call last):
        ValueError: `inputs` must be images of shape (N, channels, H, W) for CutMix, got shape (2, 8). For tables ...
    """
    if inputs.ndim != 4:
        msg = (
            f"`inputs` must be images of shape (N, channels, H, W) for {type(transform).__name__}, got shape "
            f"{tuple(inputs.shape)}. For tables and vectors use `Mixup` or `Remix`."
        )
        raise ValueError(msg)
