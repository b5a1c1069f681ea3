"""What docs/pictures.md takes for granted: a datamodule, a model for it, an earlier evaluation and probabilities."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import WeightedClassifier

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

class_names = ["nevus", "keratosis", "melanoma", "dermatofibroma"]
target = torch.arange(4).repeat_interleave(torch.tensor([60, 30, 20, 10]))
inputs = torch.randn(120, 4) + 2 * torch.nn.functional.one_hot(target, 4)
data = TensorDataset(inputs, target)
skin = L.LightningDataModule()
skin.train_dataloader = lambda: DataLoader(data, batch_size=40, shuffle=True)
skin.val_dataloader = lambda: DataLoader(data, batch_size=40)
skin.class_names = class_names
model = WeightedClassifier(torch.nn.Linear(4, 4), class_names=class_names)
probabilities = inputs.softmax(1)
calibrated = (0.8 * inputs).softmax(1)
counts = dict(zip(class_names, [60, 30, 20, 10], strict=True))
plain = {"samples": counts, "true_positives": {name: count // 2 for name, count in counts.items()}}
