"""What README.md takes for granted: a network, and a datamodule with three classes."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

labels = torch.repeat_interleave(torch.arange(3), torch.tensor([24, 8, 4]))
samples = TensorDataset(torch.randn(len(labels), 5), labels)


class ThreeClasses(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(samples, batch_size=12, shuffle=True)

    def val_dataloader(self):
        return DataLoader(samples, batch_size=12)


datamodule = ThreeClasses()
network = torch.nn.Linear(5, 3)
