"""The labels of a dataset or dataloader, at hand or scanned."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)
from torchvision.datasets import VisionDataset

from lightning_imbalance.labels import Stream, stream


class Hidden(Dataset):
    """Has names, and labels only in its samples."""

    classes = ("a", "b", "c")

    def __init__(self, target_transform=None):
        self.target_transform = target_transform

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return 0.0, 2 - index


DATA = TensorDataset(torch.zeros(4, 1), torch.tensor([3, 1, 2, 0]))


def _flat(source, **options):
    return [label for chunk in stream(source, **options).chunks for label in chunk.tolist()]


def test_labels_at_hand_are_one_chunk_that_is_not_copied():
    names, chunks, _ = stream(DATA)
    (chunk,) = chunks
    assert chunk is DATA.tensors[1]
    assert names is None


def test_a_loader_is_limited_to_the_subset_of_its_sampler():
    for dataset, expected in ((DATA, [2, 3]), (Hidden(), [0, 2])):
        assert _flat(DataLoader(dataset, sampler=SubsetRandomSampler([2, 0]))) == expected


def test_a_loader_of_a_subset_with_a_subset_sampler_follows_both():
    assert _flat(DataLoader(Subset(DATA, [3, 2, 1]), sampler=SubsetRandomSampler([2, 0]))) == [1, 0]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_loader_gives_the_order_of_the_dataset(shuffle):
    assert _flat(DataLoader(DATA, batch_size=2, shuffle=shuffle)) == [3, 1, 2, 0]


@pytest.mark.parametrize(
    "source",
    [DATA, Hidden(), DataLoader(Hidden(), batch_size=2), DataLoader(DATA)],
    ids=["at hand", "scanned", "scanned loader", "loader"],
)
def test_max_samples_stops_exactly_there(source):
    assert len(_flat(source, max_samples=2)) == 2
    assert _flat(source, max_samples=2) == _flat(source)[:2]


@pytest.mark.parametrize(
    "source",
    [[], torch.empty(0, dtype=torch.int64), Subset(DATA, []), DataLoader(DATA, sampler=SubsetRandomSampler([]))],
)
def test_an_empty_dataset_is_an_empty_stream(source):
    assert list(stream(source).chunks) == []


def test_a_scan_keeps_the_class_names():
    assert stream(Hidden()).class_names == ("a", "b", "c")
    assert stream(Subset(Hidden(), [0])).class_names == ("a", "b", "c")
    assert stream(ConcatDataset([Hidden(), Hidden()])).class_names == ("a", "b", "c")


def test_a_scan_of_transformed_targets_has_no_class_names():
    assert stream(Hidden(target_transform=abs)).class_names is None


def test_a_scan_keeps_the_class_names_unless_image_and_target_are_transformed_together():
    class Vision(VisionDataset):
        classes = ("a", "b")

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return self.transforms(0.0, 1)

    assert stream(Vision(transform=abs)).class_names == ("a", "b")
    assert stream(Vision(transforms=lambda *pair: pair)).class_names is None


def test_a_list_in_a_loader_holds_samples_not_labels():
    assert _flat(DataLoader([(0.5, 1), (0.5, 0)])) == [1, 0]
    assert _flat(DataLoader([(2, 1), (3, 0)])) == [1, 0]


def test_a_tensor_in_a_loader_holds_no_labels():
    with pytest.raises(TypeError) as error:
        list(stream(DataLoader(torch.zeros(2, 3))).chunks)
    assert str(error.value) == (
        "samples must be (inputs, target) pairs, or mappings with one usual target key (label, target, y, ...), "
        "got a Tensor. They come from Tensor: give it a `class_labels()` method that returns one label a sample, "
        "register a reader: `lightning_imbalance.labels.register(Tensor, reader)`, or override a model's "
        "`class_distribution()`. Its `unpack_batch` is not asked for labels."
    )


def test_an_iterable_may_offer_its_labels():
    class Offering(IterableDataset):
        def __iter__(self):
            raise AssertionError

        def class_labels(self):
            return ["b", "a"]

    for source in (Offering(), DataLoader(Offering())):
        assert list(stream(source).chunks) == [["b", "a"]]


def test_an_endless_iterable_is_refused_before_it_is_iterated():
    class Endless(IterableDataset):
        def __iter__(self):
            raise AssertionError

    with pytest.raises(ValueError, match=r"^`max_samples` must be given to scan a Endless"):
        stream(DataLoader(Endless()))


@pytest.mark.parametrize("source", [3, None, object()], ids=["int", "none", "object"])
def test_what_is_no_dataset_is_refused(source):
    with pytest.raises(TypeError) as error:
        stream(source)
    assert str(error.value) == f"`source` must be a dataset or a DataLoader, got {type(source).__name__}."


@pytest.mark.parametrize("value", [0, -1])
def test_max_samples_must_be_positive(value):
    with pytest.raises(ValueError, match=r"^`max_samples`") as error:
        stream(DATA, max_samples=value)
    assert str(error.value) == f"`max_samples` must be at least 1, got {value}."


@pytest.mark.parametrize("value", [1.5, True, "9"])
def test_max_samples_must_be_a_whole_number(value):
    with pytest.raises(TypeError) as error:
        stream(DATA, max_samples=value)
    assert str(error.value) == f"`max_samples` must be a whole number or None, got {value!r}."


def test_a_stream_is_a_pair():
    assert isinstance(stream(DATA), Stream)
