from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from lightning_imbalance.samplers import ClassBalancedSampler
from lightning_imbalance.samplers import source as module
from lightning_imbalance.samplers.source import read_classes


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 4))
def test_ignored_samples_belong_to_no_class(labels, ignored):
    if set(labels) == {ignored}:
        return

    classes = read_classes(labels, ignore_index=ignored, num_classes=5)

    for label in range(5):
        expected = [i for i, each in enumerate(labels) if each == label != ignored]
        assert classes.members.of(label).tolist() == expected
    assert classes.num_labels == len(labels)
    assert classes.distribution.counts.tolist() == classes.members.counts.tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_a_label_that_the_type_cannot_hold_is_ignored_in_no_sample(dtype):
    # 156 is what -100 becomes in eight bits.
    labels = torch.tensor([0, 1, 100], dtype=dtype) + (56 if dtype == torch.uint8 else 0)

    classes = read_classes(labels, ignore_index=-100, num_classes=157)

    assert int(classes.members.counts.sum()) == 3


def test_an_ignored_label_beyond_16_bits_is_left_out():
    classes = read_classes(torch.tensor([0, 65536, 1, 65536]), ignore_index=65536)

    assert classes.members.counts.tolist() == [1, 1]
    assert classes.members.indices.tolist() == [0, 2]


@pytest.mark.parametrize("labels", [torch.tensor([True, False, True]), np.array([1.0, 0.0, 1.0]), [1, 0, 1]])
def test_a_binary_task_takes_booleans_and_floats(labels):
    classes = read_classes(labels, task="binary")

    assert classes.members.of(1).tolist() == [0, 2]
    assert classes.distribution.counts.tolist() == [1, 2]


def slowly_rarest(rows: list[list[int]]) -> list[int]:
    width = len(rows[0])
    counts = [sum(row[label] for row in rows) for label in range(width)]
    return [
        min((counts[label], label) for label in range(width) if row[label])[1] if any(row) else width for row in rows
    ]


@given(st.integers(1, 4).flatmap(lambda c: st.lists(st.lists(st.integers(0, 1), min_size=c, max_size=c), min_size=1)))
def test_a_multilabel_sample_stands_with_its_rarest_label(rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", 3)
        classes = read_classes(torch.tensor(rows), task="multilabel")

    rarest = slowly_rarest(rows)
    for label in range(len(rows[0]) + 1):
        assert classes.members.of(label).tolist() == [i for i, each in enumerate(rarest) if each == label]


class Opened(Dataset):
    """Has its labels in its samples alone."""

    def __init__(self, *, names: bool = False) -> None:
        self.names = names

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int):
        label = index % 3 % 2
        return torch.zeros(2), ("dog" if label else "cat") if self.names else label


def test_the_samples_are_opened_where_the_labels_are_nowhere_else():
    assert read_classes(Opened()).members.of(1).tolist() == [1, 4]
    assert read_classes(Opened(names=True), class_names=["dog", "cat"]).members.of(0).tolist() == [1, 4]


def test_the_indices_are_those_of_a_subset():
    dataset = TensorDataset(torch.zeros(5, 1), torch.tensor([0, 1, 2, 1, 0]))

    classes = read_classes(Subset(dataset, [3, 0, 1]), num_classes=3)

    assert classes.members.of(1).tolist() == [0, 2]
    assert classes.num_labels == 3


def test_labels_that_are_not_joined_are_not_copied(monkeypatch):
    monkeypatch.setattr(torch, "cat", lambda _: pytest.fail("there is one tensor of labels"))

    assert read_classes(torch.tensor([0, 1, 1])).num_labels == 3


class Endless(IterableDataset):
    def __iter__(self):
        return iter([])


class Unlabelled(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(2)


class Longer(Dataset):
    """Says that it has other labels than samples."""

    def __len__(self):
        return 3

    def class_labels(self):
        return [0, 1]

    def __getitem__(self, index):
        return torch.zeros(2), 0


DENSE = "a sampler must get one label a sample, shape (N,) for 'multiclass', got shape (2, 3, 3)."


@pytest.mark.parametrize(
    ("source", "options", "kind", "message"),
    [
        (
            DataLoader(TensorDataset(torch.zeros(2), torch.tensor([0, 1]))),
            {},
            TypeError,
            "a sampler must get labels or a data set with indices, got DataLoader. Pass its `.dataset`.",
        ),
        (
            Endless(),
            {},
            TypeError,
            "a sampler must get labels or a data set with indices, got Endless. Use `IterableBalancer` for a stream.",
        ),
        (torch.zeros(2, 3, 3, dtype=torch.long), {}, ValueError, DENSE),
        (
            torch.zeros(2, 3, 1, dtype=torch.long),
            {"task": "multilabel"},
            ValueError,
            "a sampler must get one label a sample, shape (N, C) for 'multilabel', got shape (2, 3, 1).",
        ),
        (
            [],
            {},
            ValueError,
            "the training data must hold at least one label, got an empty data set (there are none).",
        ),
        (
            [7, 7],
            {"ignore_index": 7},
            ValueError,
            "the training data must hold at least one label, got an empty data set (all of them are `ignore_index`).",
        ),
        (
            Unlabelled(),
            {},
            TypeError,
            "samples must be (inputs, target) pairs, or mappings with one usual target key (label, target, y, ...), got a Tensor. They come from Unlabelled: give it a `class_labels()` method that returns one label a sample, register a reader: `lightning_imbalance.labels.register(Unlabelled, reader)`, or override a model's `class_distribution()`. Its `unpack_batch` is not asked for labels.",
        ),
        (Longer(), {}, ValueError, "`Longer.class_labels()` must give one label a sample, 3, got 2."),
        (5, {}, TypeError, "`source` must be a dataset or a DataLoader, got int."),
        (
            ["a", "b"],
            {},
            ValueError,
            "`class_names` must be given when labels are strings, got labels 'a', 'b' and no names. Pass the names in the order of the model's outputs, for example `class_names=sorted(set(labels))`.",
        ),
        (
            [0, 3],
            {"num_classes": 3},
            ValueError,
            "labels must be below the number of classes, 3, got 3. Pass a larger `num_classes` if it is a class, or `ignore_index=3` to leave such labels out.",
        ),
        (
            [0, 1],
            {"task": "multi"},
            ValueError,
            "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'.",
        ),
    ],
)
def test_what_has_no_labels_for_indices_is_refused(source, options, kind, message):
    for read in (read_classes, ClassBalancedSampler):
        with pytest.raises(kind) as error:
            read(source, **options)

        assert str(error.value) == message
