"""What docs/reliability.md takes for granted: a model and photographs of flowers."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import WeightedClassifier

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)


class FlowersDataModule(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.randn(24, 4), torch.arange(24) % 3), batch_size=8)


flowers = FlowersDataModule()
model = WeightedClassifier(torch.nn.Linear(4, 3))
