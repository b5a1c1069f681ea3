"""What docs/one-gradient.md takes for granted: photographs of six flowers, a network, weights."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

os.chdir(tempfile.mkdtemp())

labels = torch.repeat_interleave(torch.arange(6), torch.tensor([24, 12, 8, 4, 2, 2]))
flowers = L.LightningDataModule()
flowers.train_dataloader = lambda: DataLoader(TensorDataset(torch.randn(52, 3, 8, 8), labels), batch_size=8)
weights = torch.tensor([0.4, 0.7, 1.1, 2.2, 4.3, 4.3])


def resnet18(num_classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, num_classes))
