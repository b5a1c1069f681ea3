"""What docs/recipes/segmentation.md takes for granted: digits, whose ink is round (0, 6, 8, 9) or straight (1, 4, 7)."""

import os
import tempfile
from types import SimpleNamespace

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance.data import Digits

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

real = Digits()
kind = torch.tensor([1, 2, 0, 0, 2, 0, 1, 2, 1, 1])[real.labels]
kept = torch.cat([torch.where(kind == 1)[0][:12], torch.where(kind == 2)[0][:4]])
ink = torch.nn.functional.interpolate(real.images[kept], scale_factor=4.0, mode="bilinear")
masks = torch.where(ink[:, 0] > 0.6, kind[kept][:, None, None], 0)
masks = masks.masked_fill((ink[:, 0] > 0.4) & (ink[:, 0] <= 0.6), 255)
pictures = TensorDataset(ink.expand(-1, 3, -1, -1), masks)

scenes = L.LightningDataModule()
scenes.train_dataloader = lambda: DataLoader(pictures, batch_size=8, shuffle=True)
scenes.val_dataloader = lambda: DataLoader(pictures, batch_size=8)


class Coarse(torch.nn.Module):
    """Answers for blocks of four by four pixels, in an object, as SegFormer does."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 4, stride=4)

    def forward(self, pixel_values):
        return SimpleNamespace(logits=self.layer(pixel_values))


coarse_network = Coarse()
