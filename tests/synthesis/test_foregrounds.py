from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from lightning_imbalance.synthesis.foregrounds import Foregrounds

COUNTS = torch.tensor([6, 0, 2])
LABELS = torch.tensor([0, 2, 0, 0, 0, 2, 0, 0])
IMAGES = torch.arange(8.0).view(8, 1, 1, 1)
BATCH, SHARES = torch.zeros(300, 1, 1, 1, dtype=torch.float64), torch.zeros(300, 3)


def test_an_image_comes_with_its_label_and_each_of_a_class_is_drawn():
    images, labels = Foregrounds(TensorDataset(IMAGES, LABELS)).draw(BATCH, SHARES, COUNTS, power=1.0)

    assert images.dtype == torch.float64
    assert torch.equal(labels.argmax(1), LABELS[images.flatten().long()])
    assert set(images.flatten().long().tolist()) == set(range(8))


def test_names_are_the_indices_that_the_data_give_them():
    class Named(TensorDataset):
        classes = ("a", "b", "c")

        def class_labels(self):
            return ["abc"[label] for label in LABELS]

    images, labels = Foregrounds(Named(IMAGES, LABELS)).draw(BATCH, SHARES, COUNTS, power=1.0)

    assert torch.equal(labels.argmax(1), LABELS[images.flatten().long()])


def test_only_what_is_drawn_is_opened():
    opened = []

    class Photographs(Dataset):
        targets = LABELS

        def __len__(self):
            return 8

        def __getitem__(self, index):
            opened.append(index)
            return IMAGES[index], LABELS[index]

    Foregrounds(Photographs()).draw(BATCH[:2], SHARES[:2], COUNTS, power=1.0)

    assert len(opened) == 2


class Unlabelled(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return IMAGES[index], 0


@pytest.mark.parametrize(
    ("dataset", "kind", "message"),
    [
        (
            Unlabelled(),
            TypeError,
            "the labels of `foregrounds` must be at hand, got Unlabelled, which would have to be opened sample by sample. Give it a method `class_labels()`.",
        ),
        (
            TensorDataset(torch.zeros(9, 1, 1, 1), torch.tensor([0, 2, 0, 0, 0, 2, 0, 0, 0])),
            ValueError,
            "`foregrounds` must be the training data, of 6, 0, 2 samples by class, got 7, 0, 2. A sample of the validation data must not get into training.",
        ),
        (
            TensorDataset(torch.zeros(8, 1, 2, 1), LABELS),
            ValueError,
            "the images of `foregrounds` must be tensors of the batch's shape (1, 1, 1), got shape (1, 2, 1). Give it the transform that the training data have.",
        ),
        (
            [(str(label), label) for label in LABELS.tolist()],
            TypeError,
            "the images of `foregrounds` must be tensors of the batch's shape (1, 1, 1), got str. Give it the transform that the training data have.",
        ),
    ],
    ids=["no labels", "other data", "other shape", "no tensors"],
)
def test_what_cannot_be_pasted_is_refused_at_the_first_draw(dataset, kind, message):
    with pytest.raises(kind) as error:
        Foregrounds(dataset).draw(BATCH, SHARES, COUNTS, power=1.0)

    assert str(error.value) == message


def test_a_stream_has_no_sample_to_draw():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([])

    with pytest.raises(TypeError) as error:
        Foregrounds(Stream())

    assert str(error.value) == "`foregrounds` must be a data set with samples by index, got Stream."


def test_a_part_draws_from_that_part():
    part = Subset(TensorDataset(IMAGES, LABELS), [0, 1, 2])

    images, _ = Foregrounds(part).draw(BATCH, SHARES, torch.tensor([2, 0, 1]), power=1.0)

    assert set(images.flatten().tolist()) == {0.0, 1.0, 2.0}
