"""What docs/recipes/timm.md takes for granted: scikit-learn's digits, few of them, at twice their size."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance.data import Digits

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

real = Digits()
images = torch.nn.functional.interpolate(real.images, scale_factor=2.0)
kept = torch.cat([torch.where(real.labels == digit)[0][: 14 - digit] for digit in range(10)])
data = TensorDataset(images[kept], real.labels[kept])

digits = L.LightningDataModule()
digits.train_dataloader = lambda: DataLoader(data, batch_size=32, shuffle=True, drop_last=True)
digits.val_dataloader = lambda: DataLoader(data, batch_size=32)
