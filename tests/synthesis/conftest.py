"""Small data, and a generator that needs no training."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class Points(TensorDataset):
    """Points around a corner for each class."""

    def __init__(self, counts: Sequence[int], seed: int = 0) -> None:
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        noise = torch.randn(len(target), len(counts), generator=torch.Generator().manual_seed(seed))
        super().__init__(3 * torch.eye(len(counts))[target] + noise, target)


class Oracle:
    """Draws from the distribution of :class:`Points`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], int]] = []

    def generate(self, counts: list[int], *, seed: int) -> tuple[Tensor, Tensor]:
        self.asked.append((counts, seed))
        return Points(counts, seed + 100).tensors


@pytest.fixture
def points() -> type[Points]:
    return Points


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


class PointsDataModule(L.LightningDataModule):
    """Two classes of the points, one of them rare."""

    def __init__(self, counts: Sequence[int] = (40, 8), validation: object = None) -> None:
        super().__init__()
        self.train = Points(counts)
        self.validation = Points([10, 10], seed=1) if validation is None else validation

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=16, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.validation, batch_size=16)

    def test_dataloader(self) -> DataLoader:
        return self.val_dataloader()


@pytest.fixture
def points_datamodule() -> type[PointsDataModule]:
    return PointsDataModule
