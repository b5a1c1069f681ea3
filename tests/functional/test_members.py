from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import members as module
from lightning_imbalance.functional.members import members_by_class

TYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def slowly(labels: list[int], num_classes: int) -> list[list[int]]:
    return [[i for i, label in enumerate(labels) if label == c] for c in range(num_classes)]


@given(st.lists(st.integers(-2, 5), max_size=60), st.sampled_from(TYPES), st.integers(1, 9))
def test_each_class_has_its_samples_in_order_however_the_labels_are_cut(labels, dtype, block):
    if dtype == torch.uint8:
        labels = [abs(label) for label in labels]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        found = members_by_class(torch.tensor(labels, dtype=dtype), 7)

    assert [found.of(c).tolist() for c in range(7)] == slowly(labels, 7)
    assert found.counts.tolist() == [len(each) for each in slowly(labels, 7)]
    assert found.starts.tolist() == [sum(found.counts.tolist()[:c]) for c in range(7)]
    assert found.indices.dtype == torch.int32


def test_a_sort_of_all_labels_finds_the_same():
    labels = torch.randint(300, (200_000,), generator=torch.Generator().manual_seed(0))

    found = members_by_class(labels, 300)

    assert torch.equal(found.indices.long(), labels.argsort(stable=True))


def test_labels_of_more_classes_than_16_bits_hold_are_found():
    labels = torch.tensor([70_000, 3, 70_000, -1])

    found = members_by_class(labels, 70_001)

    assert found.of(70_000).tolist() == [0, 2]
    assert found.of(3).tolist() == [1]
    assert int(found.counts.sum()) == 3


def test_the_labels_stay_as_they_are():
    labels = torch.tensor([2, 0, -1, 2])

    members_by_class(labels, 3)

    assert labels.tolist() == [2, 0, -1, 2]
