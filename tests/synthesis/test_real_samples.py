from __future__ import annotations

import pytest
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)

from lightning_imbalance.synthesis import require_real_samples, synthetic_samples

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


# --- sample by sample -------------------------------------------------------------------------------------------

SAID = [False, False, True, False, True]


class Mixed(TensorDataset):
    is_synthetic = torch.tensor(SAID)

    def __init__(self):
        super().__init__(torch.arange(5.0), torch.zeros(5, dtype=torch.int64))


class WrappedAlike(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]


class First(WrappedAlike):
    def __len__(self):
        return 1


class Endless(IterableDataset):
    def __iter__(self):
        return iter([])


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (Mixed(), SAID),
        (Subset(Mixed(), [4, 0]), [True, False]),
        (Subset(Subset(Mixed(), [4, 0]), [1]), [False]),
        (ConcatDataset([REAL, Mixed()]), [False] * 4 + SAID),
        (StackDataset(Mixed(), Mixed()), SAID),
        (StackDataset(image=Mixed(), label=Mixed()), SAID),
        (WrappedAlike(Subset(Mixed(), [2])), [True]),
        (Subset(Mixed(), torch.tensor([3])), [False]),
    ],
)
def test_the_samples_are_found_through_what_holds_them(dataset, expected):
    assert synthetic_samples(dataset).tolist() == expected


@pytest.mark.parametrize(
    "dataset",
    [REAL, Subset(REAL, [0]), ConcatDataset([REAL, REAL]), StackDataset(REAL), Endless(), None, WrappedAlike(REAL)],
)
def test_real_samples_say_nothing(dataset):
    assert synthetic_samples(dataset) is None


def test_a_wrapper_that_gives_out_other_samples_is_not_guessed_at():
    assert synthetic_samples(First(Mixed())) is None


def test_a_random_split_is_looked_through():
    parts = random_split(Mixed(), [3, 2], generator=torch.Generator().manual_seed(0))

    masks = [synthetic_samples(part).tolist() for part in parts]

    assert masks == [[SAID[index] for index in part.indices] for part in parts]


def test_a_dataset_that_cannot_tell_which_may_have_made_all():
    assert synthetic_samples(Subset(DREAMT, [1, 2])).tolist() == [True, True]


@pytest.mark.parametrize(
    "data",
    [
        Subset(Mixed(), [0, 3]),
        DataLoader(Mixed(), sampler=SubsetRandomSampler([0, 3])),
        [DataLoader(Subset(Mixed(), [1]))],
        ConcatDataset([REAL, Subset(Mixed(), [1])]),
    ],
    ids=["subset", "sampler", "loader of a subset", "concatenation"],
)
def test_the_real_ones_of_a_mixed_dataset_pass(data):
    require_real_samples(data, "test")


@pytest.mark.parametrize(
    "data",
    [
        Subset(Mixed(), [0, 4]),
        DataLoader(Mixed(), sampler=SubsetRandomSampler([0, 4])),
        ConcatDataset([REAL, Subset(Mixed(), [1, 2])]),
        WrappedAlike(Mixed()),
    ],
    ids=["subset", "sampler", "concatenation", "wrapper"],
)
def test_the_others_do_not(data):
    with pytest.raises(ValueError, match="test data must be real samples, got a Mixed, which holds synthetic ones"):
        require_real_samples(data, "test")


def test_a_mask_of_another_length_is_named():
    dataset = TensorDataset(torch.zeros(3))
    dataset.is_synthetic = [True]

    with pytest.raises(ValueError) as error:
        synthetic_samples(dataset)

    assert str(error.value) == (
        "`is_synthetic` of a data set must have one entry for each of its 3 samples, got shape (1,)."
    )
