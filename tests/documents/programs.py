"""What docs/programs.md takes for granted: photographs of six flowers, a network, a table of scans."""

import os
import tempfile

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import SVHN

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

NAMES = ["rose", "tulip", "daisy", "orchid", "lily", "iris"]


class Photographs(TensorDataset):
    classes = NAMES


labels = torch.repeat_interleave(torch.arange(6), torch.tensor([24, 12, 8, 4, 2, 2]))
photographs = Photographs(torch.randn(len(labels), 3, 8, 8), labels)


class FlowersDataModule(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(photographs, batch_size=16, shuffle=True)

    def val_dataloader(self):
        return DataLoader(photographs, batch_size=16)

    test_dataloader = val_dataloader


flowers = FlowersDataModule()


def resnet18(num_classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, num_classes))


class SomebodyElsesModule(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = resnet18(num_classes=6)
        self.criterion = torch.nn.CrossEntropyLoss()

    def training_step(self, batch, batch_idx):
        x, y = batch
        logits = self.net(x)
        return {"loss": self.criterion(logits, y), "logits": logits, "target": y}

    validation_step = test_step = training_step

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


somebody_elses_module = SomebodyElsesModule()


def augment(x):
    return x.flip(-1)


unet = torch.nn.Conv2d(3, 21, 1)
svhn = SVHN.__new__(SVHN)
svhn.data, svhn.labels = torch.zeros(6, 3, 4, 4).numpy(), torch.tensor([0, 1, 1, 2, 2, 2]).numpy()
svhn.transform = svhn.target_transform = svhn.transforms = None
table = [{"file": "a.png", "finding": 0}, {"file": "b.png", "finding": 1}, {"file": "c.png", "finding": 1}]


ill = torch.tensor([0] * 36 + [1] * 4)
hospital = L.LightningDataModule()
hospital.train_dataloader = lambda: DataLoader(TensorDataset(torch.randn(40, 1, 4, 4), ill), batch_size=8, shuffle=True)
clinic = DataLoader(TensorDataset(torch.randn(64, 1, 4, 4)), batch_size=16)


def load_scan(file):
    msg = f"{file} was opened to count a label"
    raise AssertionError(msg)
