"""What docs/recipes/multilabel.md takes for granted: facts about digits, and a network that answers them."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance.data import Digits

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

real = Digits()
facts = torch.tensor([[d % 2 == 0, d in (2, 3, 5, 7), d in (0, 6, 8, 9), d == 9] for d in range(10)]).long()
data = TensorDataset(real.images, facts[real.labels])

digits = L.LightningDataModule()
digits.train_dataloader = lambda: DataLoader(torch.utils.data.Subset(data, range(900)), batch_size=64, shuffle=True)
digits.val_dataloader = lambda: DataLoader(torch.utils.data.Subset(data, range(900, 1797)), batch_size=128)
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
