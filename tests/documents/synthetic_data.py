"""What docs/synthetic-data.md takes for granted: digits of a long tail, a network, and how long to train."""

import os
import tempfile

import lightning as L
import torch

from lightning_imbalance.datamodules import DigitsDataModule

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

digits = DigitsDataModule(imbalance_ratio=20)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
epochs = 1
runs = 2
steps = 10
