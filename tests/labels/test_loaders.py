"""Which samples a DataLoader draws from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from lightning_imbalance.labels.loaders import subset_of

DATA = list(zip(range(6), [5, 4, 3, 2, 1, 0], strict=True))


class Chosen(Sampler):
    def __init__(self, indices):
        self.indices = indices

    def __iter__(self):
        return iter(self.indices)

    def __len__(self):
        return len(self.indices)


class Batches(Sampler):
    """A batch sampler that keeps the subset itself."""

    def __init__(self, indices):
        self.indices = indices

    def __iter__(self):
        yield list(self.indices)


@pytest.mark.parametrize(
    "indices", [[4, 0, 4], (4, 0, 4), range(2, 5), np.array([4, 0]), torch.tensor([4, 0]), []], ids=str
)
def test_indices_of_a_sampler_limit_the_loader(indices):
    expected = [int(i) for i in indices]
    for options in (
        {"sampler": Chosen(indices)},
        {"batch_sampler": BatchSampler(Chosen(indices), 2, drop_last=False)},
        {"batch_sampler": Batches(indices)},
        {"batch_size": None, "sampler": BatchSampler(Chosen(indices), 2, drop_last=False)},
        {"sampler": DistributedSamplerWrapper(Chosen(indices), num_replicas=2, rank=1)},
    ):
        assert subset_of(DataLoader(DATA, **options)).tolist() == expected


def test_torchs_subset_sampler_limits_the_loader():
    assert subset_of(DataLoader(DATA, sampler=SubsetRandomSampler([3, 1]))).tolist() == [3, 1]


@pytest.mark.parametrize(
    "sampler",
    [
        None,
        RandomSampler(DATA, num_samples=2),
        SequentialSampler(DATA),
        WeightedRandomSampler([1.0] * 5 + [0.0], 3),
        DistributedSampler(DATA, num_replicas=3, rank=0),
        Chosen([0.5, 1.0]),
        Chosen(["a"]),
        Chosen(None),
        Chosen([[0, 1], [2, 3]]),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_other_samplers_draw_from_the_whole_dataset(sampler):
    assert subset_of(DataLoader(DATA, sampler=sampler)) is None


def test_an_iterable_dataset_has_no_subset():
    class Numbers(IterableDataset):
        def __iter__(self):
            return iter(DATA)

    assert subset_of(DataLoader(Numbers())) is None
    assert subset_of(DataLoader(DATA, batch_size=None)) is None
