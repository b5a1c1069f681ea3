from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.data.by_class import as_class_indices, indices_by_class


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2, 1],
        (0, 2, 1),
        torch.tensor([0, 2, 1], dtype=torch.uint8),
        np.array([0, 2, 1], dtype=np.int16),
        pd.Series([0, 2, 1], index=[7, 8, 9]),
    ],
    ids=["list", "tuple", "tensor", "array", "column with an index of its own"],
)
def test_any_container_of_integers_becomes_an_int64_tensor(labels):
    tensor = as_class_indices(labels)

    assert tensor.tolist() == [0, 2, 1]
    assert tensor.dtype == torch.int64


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        ([], ValueError, "`labels` must hold at least one sample, got none."),
        ([0.0, 1.0], TypeError, "`labels` must be integers, got torch.float32."),
        ([[0], [1]], ValueError, "`labels` must be one-dimensional, got shape (2, 1)."),
        (torch.tensor(3), ValueError, "`labels` must be one-dimensional, got shape ()."),
        ([0, -3, -1], ValueError, "`labels` must be 0 or more, got -3."),
    ],
)
def test_labels_that_are_no_class_indices_are_refused(labels, kind, message):
    with pytest.raises(kind) as error:
        as_class_indices(labels)

    assert str(error.value) == message


def test_names_in_place_of_indices_are_refused():
    with pytest.raises(TypeError, match="must") as error:
        as_class_indices(["cat", "dog"])

    torchs_words = error.value.__cause__
    assert str(error.value) == f"`labels` must be integers that torch can read, got a list: {torchs_words}."


@given(st.lists(st.integers(0, 6), min_size=1))
def test_every_class_gets_its_samples_in_ascending_order(labels):
    found = {index: members.tolist() for index, members in indices_by_class(torch.tensor(labels)).items()}

    plain = {value: [i for i, label in enumerate(labels) if label == value] for value in sorted(set(labels))}
    assert found == plain
    assert list(found) == list(plain)
