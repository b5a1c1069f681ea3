"""What docs/sampling.md takes for granted: a table, patients, photographs, a data set and its datamodule, and a network."""

import os
import tempfile

import lightning as L
import pandas as pd
import torch
from torch.utils.data import TensorDataset

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

labels = torch.repeat_interleave(torch.arange(2), torch.tensor([80, 20]))
table = TensorDataset(torch.randn(100, 4) + labels[:, None], labels)
net = torch.nn.Linear(4, 2)
patients = pd.DataFrame(
    {
        "age": [50 + i % 7 for i in range(100)],
        "pressure": torch.randn(100).numpy(),
        "finding": ["healthy"] * 80 + ["ill"] * 20,
    }
)
dataset = table
datamodule = L.LightningDataModule()
datamodule.train_dataloader = lambda: torch.utils.data.DataLoader(table, batch_size=20, shuffle=True)
datamodule.val_dataloader = lambda: torch.utils.data.DataLoader(table, batch_size=20)
photographs = TensorDataset(torch.rand(100, 3, 8, 8), labels)
