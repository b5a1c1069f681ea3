from __future__ import annotations

import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, StackDataset, Subset, TensorDataset

from lightning_imbalance.synthesis import require_real_samples

REAL = TensorDataset(torch.zeros(4, 2), torch.zeros(4))


class Dreamt(TensorDataset):
    holds_synthetic_samples = True


class Wrapped(torch.utils.data.Dataset):
    def __init__(self, dataset):
        self.dataset = dataset


DREAMT = Dreamt(torch.zeros(4, 2), torch.zeros(4))


@pytest.mark.parametrize(
    "data",
    [
        DREAMT,
        DataLoader(DREAMT),
        [DataLoader(REAL), DataLoader(DREAMT)],
        {"a": DataLoader(REAL), "b": DataLoader(Subset(Subset(DREAMT, [1, 2]), [0]))},
        ConcatDataset([REAL, DREAMT]),
        StackDataset(image=REAL, label=DREAMT),
        StackDataset(REAL, DREAMT),
        Wrapped(DREAMT),
    ],
    ids=["data set", "loader", "list", "mapping", "concatenation", "named stack", "stack", "wrapper"],
)
def test_synthetic_samples_are_found_wherever_they_are(data):
    with pytest.raises(ValueError) as error:
        require_real_samples(data, "validation")

    assert str(error.value) == (
        "validation data must be real samples, got a Dreamt, which holds synthetic ones. Split the data first, and make "
        "more of the training part alone."
    )


class Circle(torch.utils.data.Dataset):
    @property
    def dataset(self):
        return self


@pytest.mark.parametrize(
    "data",
    [None, [], REAL, DataLoader(REAL), [(1.0, 0)] * 4, Subset(REAL, [0]), Circle(), DataLoader([1, 2, 3])],
    ids=["none", "empty", "data set", "loader", "samples", "part", "circle", "numbers"],
)
def test_real_samples_pass(data):
    require_real_samples(data, "test")
