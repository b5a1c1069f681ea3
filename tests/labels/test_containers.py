"""Subsets, concatenations, stacks, tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)

from lightning_imbalance.labels import read


class Named(Dataset):
    """Refuses to open a sample."""

    def __init__(self, targets, classes=None, target_transform=None):
        self.targets, self.classes, self.target_transform = targets, classes, target_transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        raise AssertionError


class Opaque(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return 0.0, index


def _values(dataset, **options):
    return read(dataset, **options).values.tolist()


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_unsorted_and_repeated_subset_indices_keep_their_order(kind):
    assert _values(Subset(Named([5, 6, 7, 8]), kind([3, 0, 3, -2]))) == [8, 5, 8, 7]


def test_an_empty_subset_has_no_labels():
    assert _values(Subset(Named([5, 6]), [])) == []


def test_random_split_is_followed_and_keeps_names():
    dataset = Named(list(range(10)), [f"class {i}" for i in range(10)])
    parts = random_split(dataset, [3, 7], generator=torch.Generator().manual_seed(0))
    assert [_values(part) for part in parts] == [list(part.indices) for part in parts]
    assert read(parts[0]).class_names == tuple(dataset.classes)


def test_a_transform_is_asked_only_for_the_classes_of_the_subset():
    dataset = Named([3, 9, 5, 3], ["?"] * 10, target_transform={3: 0, 5: 1}.__getitem__)
    assert _values(Subset(Subset(dataset, [0, 2, 3]), [1, 0])) == [1, 0]


def test_an_index_outside_is_refused():
    with pytest.raises(ValueError, match=r"^`indices`") as error:
        read(Subset(Named([1, 2]), [0, 2]))
    assert str(error.value) == "`indices` must be within the 2 samples of the dataset, got 2."


@pytest.mark.parametrize("indices", [[0.0, 1.0], [True, False]])
def test_indices_that_are_no_positions_are_left_to_a_scan(indices):
    assert read(Subset(Named([1, 2]), indices)) is None


def test_a_subset_with_its_own_getitem_is_left_to_a_scan():
    class Remapped(Subset):
        def __getitem__(self, index):
            return 0.0, 1

        def __getitems__(self, indices):
            return [self[i] for i in indices]

    assert read(Remapped(Named([0, 0]), [0, 1])) is None


def test_a_concatenation_keeps_common_names():
    joined = read(ConcatDataset([Named([0, 1], ["a", "b"]), Named([1], ["a", "b"])]))
    assert joined.values.tolist() == [0, 1, 1]
    assert joined.class_names == ("a", "b")


def test_a_concatenation_of_differently_named_parts_warns_and_has_no_names():
    parts = ConcatDataset([Named([0, 1], ["a", "b"]), Named([1], ["b", "a"])])
    with pytest.warns(UserWarning, match=r"^`ConcatDataset`") as caught:
        labels = read(parts)
    (message,) = [str(warning.message) for warning in caught]
    assert message == (
        "`ConcatDataset` must join parts with the same class names, got ('a', 'b') and ('b', 'a'). The names are left "
        "out; if the indices mean different classes, give one part a `target_transform`."
    )
    assert labels.class_names is None
    assert labels.values.tolist() == [0, 1, 1]


def test_one_part_without_names_leaves_the_concatenation_without():
    assert read(ConcatDataset([Named([0], ["a"]), Named([0])])).class_names is None


def test_strings_are_joined_and_picked():
    parts = ConcatDataset([Named(["cat", "dog"]), Named(["cow"])])
    assert read(parts).values == ["cat", "dog", "cow"]
    assert read(parts, indices=[2, 0, -1]).values == ["cow", "cat", "cow"]


def test_strings_and_numbers_cannot_be_joined():
    with pytest.raises(TypeError) as error:
        read(ConcatDataset([Named(["cat"]), Named([0])]))
    assert str(error.value) == "`ConcatDataset` must join parts with labels of one kind, got numbers and strings."


def test_a_part_that_only_a_scan_can_tell_leaves_the_whole_to_a_scan():
    assert read(ConcatDataset([Named([0]), Opaque()])) is None


def test_masks_of_different_sizes_are_left_to_a_scan():
    parts = ConcatDataset([Named(torch.zeros(2, 4, 4)), Named(torch.zeros(1, 2, 2))])
    assert read(parts) is None


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_a_subset_of_a_concatenation_of_subsets_is_what_python_gives(parts, data):
    picks = [data.draw(st.lists(st.integers(0, len(part) - 1), min_size=1, max_size=5)) for part in parts]
    joined = ConcatDataset([Subset(Named(part), pick) for part, pick in zip(parts, picks, strict=True)])
    flat = [part[i] for part, pick in zip(parts, picks, strict=True) for i in pick]
    chosen = data.draw(st.lists(st.integers(-len(flat), len(flat) - 1), max_size=6))
    assert _values(joined) == flat
    assert _values(Subset(joined, chosen)) == [flat[i] for i in chosen]


def test_the_second_of_two_tensors_holds_the_labels_and_is_not_copied():
    labels = torch.tensor([1, 0], dtype=torch.uint8)
    assert read(TensorDataset(torch.zeros(2, 3), labels)).values is labels


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_tensors_is_left_to_a_scan(count):
    assert read(TensorDataset(*[torch.zeros(2)] * count)) is None


def test_the_second_part_of_a_stack_holds_the_labels():
    stack = StackDataset(Opaque(), [4, 2])
    assert _values(stack) == [stack[i][1] for i in range(2)] == [4, 2]


def test_a_stack_of_keys_holds_the_labels_under_the_usual_one():
    stack = StackDataset(image=Opaque(), label=Subset(torch.tensor([4, 2, 9]), [2, 0]))
    assert _values(stack) == [9, 4]
    assert read(stack, indices=[1]).values.tolist() == [4]


@pytest.mark.parametrize(
    "stack",
    [
        StackDataset(Opaque(), Opaque()),
        StackDataset(Opaque(), [1, 2], [3, 4]),
        StackDataset(label=[1, 2], mask=[1, 2]),
        StackDataset(image=[1, 2]),
    ],
)
def test_a_stack_that_is_not_clear_is_left_to_a_scan(stack):
    assert read(stack) is None


def test_a_chain_of_iterables_is_left_to_a_scan():
    class Numbers(IterableDataset):
        def __iter__(self):
            return iter([(0, 1)])

    assert read(ChainDataset([Numbers()])) is None
