"""Data sets that are there already, as a datamodule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from lightning_imbalance.datamodules import DatasetDataModule


def pictures(mode: str, size: tuple[int, int], count: int = 40) -> list[tuple[Image.Image, int]]:
    return [(Image.new(mode, size, 200), int(index % 4 == 0)) for index in range(count)]


@pytest.mark.parametrize(
    ("mode", "size", "shape"),
    [
        ("L", (28, 28), (1, 28, 28)),
        ("RGB", (500, 50), (3, 50, 64)),
        ("P", (70, 90), (3, 64, 64)),
        ("RGBA", (8, 8), (3, 8, 8)),
        ("1", (8, 8), (1, 8, 8)),
    ],
)
def test_images_become_tensors_of_the_size_of_the_first_one_and_at_most_64(mode, size, shape):
    data = DatasetDataModule(pictures(mode, size), batch_size=5)

    images, labels = next(iter(data.train_dataloader()))

    assert images.shape == (5, *shape)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)


def test_another_size_is_taken_and_images_of_several_kinds_become_alike():
    mixed = [*pictures("RGB", (20, 10), 20), *pictures("L", (5, 7), 20)]

    images, _ = next(iter(DatasetDataModule(mixed, image_size=(6, 9)).test_dataloader()))

    assert images.shape[1:] == (3, 6, 9)


def test_the_parts_hold_every_sample_once_and_each_class_in_its_share():
    inputs, target = torch.arange(100.0)[:, None], torch.tensor([0] * 80 + [1] * 20)

    data = DatasetDataModule(TensorDataset(inputs, target), val_fraction=0.25, test_fraction=0.25)

    parts = [data.parts.train, data.parts.val, data.parts.test]
    assert [torch.bincount(part.class_labels().values).tolist() for part in parts] == [[40, 10], [20, 5], [20, 5]]
    assert sorted(part[index][0].item() for part in parts for index in range(len(part))) == inputs.flatten().tolist()
    for part in parts:
        assert [part[index][1] for index in range(len(part))] == part.class_labels().values.tolist()
    again = DatasetDataModule(TensorDataset(inputs, target), val_fraction=0.25, test_fraction=0.25)
    assert torch.equal(again.parts.val.class_labels().values, parts[1].class_labels().values)


def test_parts_that_are_given_are_taken_whole_and_only_the_others_are_split_off():
    samples = [([float(index), 0.0], index % 2) for index in range(20)]

    data = DatasetDataModule(samples, test=samples[:3])

    assert [len(part) for part in data.parts[:3]] == [18, 2, 3]
    assert data.parts.test[2] == (pytest.approx(torch.tensor([2.0, 0.0])), 0)
    assert data.class_names == ["0", "1"]


def test_arrays_and_mappings_are_taken_as_they_are():
    samples = [
        {"image": np.full((2, 2), index, dtype=np.float32), "label": index % 2, "id": "x"} for index in range(20)
    ]

    images, _ = next(iter(DatasetDataModule(samples, batch_size=2).test_dataloader()))

    assert images.shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"val": pictures("L", (4, 4)), "val_fraction": 0.1}, ValueError, "`val_fraction` must be left out with `val`, got 0.1."),
        ({"test_fraction": 1.5}, ValueError, "`test_fraction` must be from 0 to below 1, got 1.5."),
        ({"train": pictures("L", (4, 4), 2)}, ValueError, "`val_fraction` must leave every part a sample, got 0.15 of 2 samples: the val part is empty."),
        ({"train": []}, TypeError, "`train` must have one class a sample, got no sample."),
        ({"train": [([1.0], "cat"), ([2.0], "dog")]}, TypeError, "`train` must have whole numbers for classes, got words, such as 'cat'."),
        ({"train": TensorDataset(torch.zeros(9, 2), torch.ones(9, 3))}, TypeError, "`train` must have one class a sample, got 3 labels a sample."),
        ({"train": TensorDataset(torch.zeros(9, 2), torch.arange(9) % 2), "image_size": 8}, ValueError, "`image_size` must be left out unless the samples are images, got 8."),
    ],
)  # fmt: skip
def test_what_cannot_be_split_or_trained_on_is_named(arguments, kind, message):
    with pytest.raises(kind) as error:
        DatasetDataModule(**{"train": pictures("L", (4, 4)), **arguments}).setup()

    assert str(error.value) == message
