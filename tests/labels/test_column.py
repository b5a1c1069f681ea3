"""Stored targets, and what a dataset does to them."""

from __future__ import annotations

import pytest
import torch
from torchvision.datasets.vision import StandardTransform

from lightning_imbalance.labels.column import Column, NotSeparable, separate


def test_a_target_transform_is_called_once_for_each_sample_asked_for():
    seen = []

    def remap(target):
        seen.append(target)
        return {5: 0, 7: 1}[target]

    labels = Column([5, 6, 7, 5], target_transform=remap).labels(torch.tensor([2, 0, 3]))
    assert labels.values.tolist() == [1, 0, 0]
    assert seen == [7, 5, 5]


@pytest.mark.parametrize("values", [torch.tensor([3, 4], dtype=torch.uint8), [torch.tensor(3), torch.tensor(4)]])
def test_the_transform_gets_the_type_that_the_dataset_passes(values):
    seen = []
    Column(values, item=int, target_transform=lambda y: seen.append(type(y)) or y).labels()
    assert seen == [int, int]


def test_without_an_item_function_the_stored_entry_is_passed():
    seen = []
    Column(torch.tensor([3, 4]), target_transform=lambda y: seen.append(type(y)) or y).labels()
    assert seen == [torch.Tensor, torch.Tensor]


@pytest.mark.parametrize(
    ("transform", "names"),
    [
        (lambda y: y, ("a", "b")),
        (torch.tensor, ("a", "b")),
        (float, ("a", "b")),
        (lambda y: 1 - y, None),
        (lambda y: "ab"[y], None),
        (lambda y: [1 - y, y], None),
    ],
    ids=["same", "tensor", "float", "swapped", "words", "one-hot"],
)
def test_class_names_are_left_out_where_a_label_changes(transform, names):
    assert Column([0, 1, 1], ("a", "b"), target_transform=transform).labels().class_names == names


def test_untouched_labels_are_not_copied():
    values = torch.arange(4)
    assert Column(values, item=int).labels().values is values


def test_a_standard_transform_is_taken_apart():
    assert separate(StandardTransform(None, abs)) is abs
    assert separate(StandardTransform(str, None)) is None


def test_another_joint_transform_is_not():
    with pytest.raises(NotSeparable):
        separate(lambda image, target: (image, target))
