"""The labels of any dataset, where they are at hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, Subset
from torchvision.datasets import VisionDataset

from lightning_imbalance.labels import Labels, read


class Plain(Dataset):
    """Refuses to open a sample."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise AssertionError


class Vision(VisionDataset):
    def __init__(self, **options):
        super().__init__(**options)
        self.targets = [0, 2, 1]

    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise AssertionError


class VisionWithTransforms(Vision):
    def __getitem__(self, index):
        return self.transforms(0.0, self.targets[index])


def _listed(labels):
    values, _ = labels
    return values.tolist()


def _values(dataset, **options):
    return _listed(read(dataset, **options))


@pytest.mark.parametrize("name", ["targets", "labels"])
@pytest.mark.parametrize(
    "values",
    [[2, 0, 1], (2, 0, 1), np.array([2, 0, 1]), torch.tensor([2, 0, 1]), pd.Series([2, 0, 1], index=[5, 4, 3])],
    ids=lambda values: type(values).__name__,
)
def test_an_attribute_with_one_entry_a_sample_holds_the_labels(name, values):
    labels = read(Plain(**{name: values}, classes=["a", "b", "c"]))
    assert _listed(labels) == [2, 0, 1]
    assert labels.class_names == ("a", "b", "c")


def test_targets_come_before_labels():
    assert _values(Plain(labels=[1, 1, 1], targets=[0, 0, 0])) == [0, 0, 0]


@pytest.mark.parametrize("values", [[0, 1], "cat", None, 3, len, [{"boxes": 1}] * 3], ids=str)
def test_another_attribute_is_left_to_a_scan(values):
    assert read(Plain(targets=values)) is None


def test_a_tensor_of_labels_is_not_copied():
    targets = torch.arange(3, dtype=torch.uint8)
    values, _ = read(Plain(targets=targets))
    assert values is targets


def test_a_target_transform_is_applied():
    labels = read(Plain(targets=[2, 0, 1], classes=["a", "b", "c"], target_transform=lambda y: 2 - y))
    assert _listed(labels) == [0, 2, 1]
    assert labels.class_names is None


def test_an_error_of_the_target_transform_is_not_hidden():
    def broken(_):
        msg = "broken"
        raise TypeError(msg)

    with pytest.raises(TypeError, match=r"^broken$"):
        read(Plain(targets=[2, 0, 1], target_transform=broken))


def test_a_joint_transform_counts_only_where_getitem_uses_it():
    def joint(image, target):
        return image, target

    assert _values(Vision(transforms=joint)) == [0, 2, 1]
    assert read(VisionWithTransforms(transforms=joint)) is None
    assert _values(VisionWithTransforms(target_transform=lambda y: 5 + y)) == [5, 7, 6]
    assert _values(VisionWithTransforms(transform=str)) == [0, 2, 1]


def test_an_iterable_dataset_has_nothing_at_hand():
    class Stream(IterableDataset):
        targets = (0, 1)

        def __len__(self):
            return 2

        def __iter__(self):
            raise AssertionError

    assert read(Stream()) is None


def test_labels_are_their_own_dataset():
    labels = Labels(torch.tensor([3, 1]), ("a", "b", "c", "d"))
    assert read(labels) is labels
    assert _values(labels, indices=[1]) == [1]
    assert read(labels, indices=[1]).class_names == labels.class_names


@pytest.mark.parametrize(
    "values", [[1, 0], (1, 0), range(2), np.array([1, 0]), torch.tensor([1, 0]), [[1, 0], [0, 1]]], ids=str
)
def test_labels_in_memory_are_read_as_they_are(values):
    assert torch.equal(read(values).values, torch.as_tensor(values))


@pytest.mark.parametrize(
    "samples",
    [
        [(torch.zeros(2), 1), (torch.zeros(2), 0)],
        [("a.png", 1), ("b.png", 0)],
        [{"x": 0.0, "label": 1}, {"x": 0.0, "label": 0}],
    ],
    ids=["pairs", "paths", "mappings"],
)
def test_a_list_of_samples_gives_their_targets(samples):
    assert _values(samples) == [1, 0]
    assert _values(Subset(samples, [1])) == [0]


def test_pandas_gives_names_of_categories_and_of_columns():
    series = pd.Series(["dog", "cat"], dtype=pd.CategoricalDtype(["cat", "dog", "cow"]))
    assert read(series) == Labels(["dog", "cat"], ("cat", "dog", "cow"))
    table = pd.DataFrame({"rain": [0, 1], "wind": [1, 1]})
    assert read(table).class_names == ("rain", "wind")
    assert read(table["rain"]).class_names is None


def test_a_dictionary_is_refused():
    with pytest.raises(TypeError) as error:
        read({"train": [0], "test": [1]})
    assert str(error.value) == "`dataset` must be one dataset, got a dict with keys 'train', 'test'."


def test_reading_imports_no_library_that_only_some_datasets_need():
    program = (
        "import sys, lightning, torchmetrics; before = set(sys.modules); "
        "from lightning_imbalance.labels import stream; "
        "added = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(added & {'torchvision', 'PIL', 'pandas', 'datasets', 'pyarrow', 'scipy', 'h5py', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
