"""A generator is trained on all processes' samples, and is the same on each of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.utils.data import TensorDataset

pytestmark = pytest.mark.xdist_group("processes")


def test_the_networks_and_their_average_are_the_same_on_both_processes(crew):
    target = torch.arange(42) % 3
    dataset = TensorDataset(torch.eye(3)[target] + torch.rand(42, 3), target)

    first, second = crew(2).run("train_gan", dataset, 2)

    # Batch norm sees the samples of one process; rank 0's are taken before each step, the last ones differ.
    trained = [name for name in first["state"] if ".norm." not in name and "_u" not in name and "_v" not in name]
    assert [name for name in trained if not torch.allclose(first["state"][name], second["state"][name])] == []
    assert first["state"]["class_counts"].tolist() == [14, 14, 14]
    assert first["updates"] == second["updates"] == 6  # 21 samples each, in three batches, twice
    assert all(math.isfinite(value) for value in first["logged"].values())
    assert first["samples"].isfinite().all()
