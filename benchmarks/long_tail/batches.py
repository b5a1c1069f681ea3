"""Batches of images that lie on the device as a whole: no worker, no copy, and augmentation for a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

# CIFAR-10's own, as the LDAM code has them.
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
PADDING = 4

Batch = tuple[Tensor, Tensor]


class DeviceImages(Dataset[Batch]):
    """Images on a device; a batch is gathered, cropped, flipped and normalised in a few kernels.

    Cropping is that of ``RandomCrop(32, padding=4)`` before the normalisation, so that the rim is black; each sample
    has an offset and a flip of its own.

    Args:
        images: ``(N, H, W, 3)``, uint8.
        labels: ``(N,)``, int64.
        device: Where they shall lie.
        augment: Crop and flip at random.
    """

    def __init__(self, images: Tensor, labels: Tensor, device: torch.device, *, augment: bool) -> None:
        self._counted = labels.cpu()
        self._size = images.shape[1]
        rim = PADDING if augment else 0
        self.images = F.pad(images, (0, 0, rim, rim, rim, rim)).to(device)
        self.labels = labels.to(device)
        self.augment = augment
        # Applied to 0 ... 255: (x / 255 - mean) / deviation.
        mean, deviation = torch.tensor(MEAN, device=device), torch.tensor(DEVIATION, device=device)
        self._scale, self._shift = 1 / (255 * deviation), -mean / deviation

    def __len__(self) -> int:
        return len(self._counted)

    def class_labels(self) -> Tensor:
        """Return the labels for the count, without a look at the device."""
        return self._counted

    def __getitem__(self, index: int) -> Batch:
        images, labels = self.__getitems__([index])
        return images[0], labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch: images ``(B, 3, H, W)``, float32, and labels ``(B,)``."""
        device = self.images.device
        chosen = torch.tensor(indices).to(device, non_blocking=True)
        return self._pixels(chosen).mul(self._scale).add_(self._shift).permute(0, 3, 1, 2), self.labels[chosen]

    def _pixels(self, chosen: Tensor) -> Tensor:
        if not self.augment:
            return self.images[chosen].float()
        device, size, batch = self.images.device, self._size, len(chosen)
        top, left = torch.randint(2 * PADDING + 1, (2, batch, 1), device=device)
        flipped = torch.rand(batch, 1, device=device) < 0.5
        places = torch.arange(size, device=device)
        rows, columns = top + places, left + torch.where(flipped, size - 1 - places, places)
        return self.images[chosen[:, None, None], rows[:, :, None], columns[:, None, :]].float()


def loader(data: DeviceImages, batch_size: int, sampler: Sampler[int] | None = None) -> DataLoader[Batch]:
    """Return a loader of whole batches; shuffled where the data are augmented and no sampler draws.

    Args:
        data: The images.
        batch_size: Samples in a batch; the last one is what is left.
        sampler: What draws instead.

    Returns:
        The loader.
    """
    return DataLoader(
        data,
        batch_size=batch_size,
        shuffle=data.augment and sampler is None,
        sampler=sampler,
        collate_fn=_as_it_is,
    )


def _as_it_is(batch: Batch) -> Batch:
    return batch
