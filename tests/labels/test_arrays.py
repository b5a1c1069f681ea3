"""Labels that are in memory already."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_imbalance.labels.arrays import as_labels, is_array, select


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool, torch.float64])
def test_a_tensor_is_passed_on_as_it_is(dtype):
    labels = torch.ones(3, dtype=dtype)
    assert as_labels(labels) is labels


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "bool", "float32", "float64"])
def test_a_numpy_array_shares_its_memory_and_its_type(dtype):
    array = np.array([1, 0, 1], dtype=dtype)
    labels = as_labels(array)
    assert isinstance(labels, Tensor)
    assert labels.data_ptr() == array.ctypes.data
    assert labels.numpy().dtype == array.dtype


@pytest.mark.parametrize(("dtype", "wider"), [("uint16", "int32"), ("uint32", "int64"), ("uint64", "int64")])
def test_unsigned_types_that_torch_cannot_count_become_signed(dtype, wider):
    array = np.array([0, 7, 40_000], dtype=dtype)
    assert as_labels(array).numpy().dtype == wider
    assert as_labels(torch.from_numpy(array)).numpy().dtype == wider
    assert as_labels(array).tolist() == as_labels(list(array)).tolist() == [0, 7, 40_000]


@pytest.mark.parametrize(
    "array",
    [np.arange(5)[::-1], np.array([4, 3, 2, 1, 0], dtype=">i4"), np.array([4, 3, 2, 1, 0], dtype=np.longdouble)],
    ids=["backwards", "big-endian", "long double"],
)
def test_arrays_that_torch_cannot_share_are_copied(array):
    assert as_labels(array).tolist() == [4, 3, 2, 1, 0]


def test_a_read_only_array_gives_no_warning():
    array = np.arange(3)
    array.flags.writeable = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert as_labels(array).tolist() == [0, 1, 2]
    assert caught == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 0, 1], torch.tensor([2, 0, 1])),
        ((2, 0), torch.tensor([2, 0])),
        (range(3), torch.tensor([0, 1, 2])),
        ([True, False], torch.tensor([True, False])),
        ([0.5, 1.0], torch.tensor([0.5, 1.0])),
        ([[1, 0], [1, 1]], torch.tensor([[1, 0], [1, 1]])),
        ([(1, 0), (1, 1)], torch.tensor([[1, 0], [1, 1]])),
        ([torch.tensor(3), torch.tensor(1)], torch.tensor([3, 1])),
        ([torch.tensor([1, 0]), torch.tensor([0, 0])], torch.tensor([[1, 0], [0, 0]])),
        ([np.uint8(3), np.uint8(1)], torch.tensor([3, 1], dtype=torch.uint8)),
        ([np.array([1, 2]), np.array([3, 4])], torch.tensor([[1, 2], [3, 4]])),
        ([], torch.empty(0, dtype=torch.int64)),
        (np.array([1, 2], dtype=object), torch.tensor([1, 2])),
        (pd.Series([4, 5], index=[9, 8]), torch.tensor([4, 5])),
        (pd.Series([4, 5], dtype="Int64"), torch.tensor([4, 5])),
        (pd.DataFrame({"a": [0, 1], "b": [1, 1]}), torch.tensor([[0, 1], [1, 1]])),
    ],
    ids=str,
)
def test_numbers_become_a_tensor(values, expected):
    labels = as_labels(values)
    assert isinstance(labels, Tensor)
    assert labels.dtype == expected.dtype
    assert torch.equal(labels, expected)


@pytest.mark.parametrize(
    "values",
    [
        ["cat", "dog"],
        ("cat", "dog"),
        np.array(["cat", "dog"]),
        np.array([b"cat", b"dog"]),
        np.array(["cat", "dog"], dtype=object),
        pd.Series(["cat", "dog"]),
        pd.Series(["cat", "dog"], dtype="category"),
        [np.str_("cat"), np.str_("dog")],
    ],
    ids=lambda values: type(values).__name__,
)
def test_strings_stay_strings(values):
    labels = as_labels(values)
    assert labels == ["cat", "dog"]
    assert {type(label) for label in labels} == {str}


RULE = "`labels` must be one number, one string or one array of equal shape a sample, got "


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, "cat"], RULE + "int and str."),
        (["cat", 0], RULE + "int and str."),
        (["cat", None], RULE + "NoneType and str."),
        ([1, None], RULE + "NoneType and int."),
        ([{"boxes": 1}], RULE + "dict."),
        ([[0, 1], [1]], RULE + "rows of length 1 and rows of length 2."),
        ([torch.zeros(2), torch.zeros(3)], RULE + "shape (2,) and shape (3,)."),
        ([np.zeros(2), np.zeros(1)], RULE + "shape (1,) and shape (2,)."),
        ([1, "a", None, {}], RULE + "NoneType and dict and int and 1 more."),
        (pd.Series(["cat", None], dtype=object), RULE + "NoneType and str."),
        (
            np.array(["2024-01-01"], dtype="datetime64[D]"),
            "`labels` must be numbers or strings, got an array of datetime64[D].",
        ),
        ({0, 1}, "`labels` must be a tensor, an array, a list or a column, got set."),
        ("cat", "`labels` must be a tensor, an array, a list or a column, got str."),
        (3, "`labels` must be a tensor, an array, a list or a column, got int."),
    ],
    ids=str,
)
def test_what_is_no_label_is_refused(values, message):
    with pytest.raises(TypeError) as error:
        as_labels(values)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.tensor(3), "`labels` must hold one label a sample, got the single value 3."),
        (np.int64(3), "`labels` must hold one label a sample, got the single value 3."),
        ([2**70], "`labels` must fit into 64 bits, got a larger number. Map identifiers to class indices first."),
        (
            np.array([2**63], dtype=np.uint64),
            "`labels` must fit into 64 bits, got 9223372036854775808. Map identifiers to class indices first.",
        ),
    ],
    ids=str,
)
def test_a_value_out_of_place_is_refused(values, message):
    with pytest.raises(ValueError, match=r"^`labels` must") as error:
        as_labels(values)
    assert str(error.value) == message


@given(st.lists(st.integers(-9, 9), min_size=1), st.data())
def test_select_is_python_indexing_for_every_container(values, data):
    picks = data.draw(st.lists(st.integers(-len(values), len(values) - 1)))
    indices = torch.tensor(picks, dtype=torch.int64)
    expected = [values[i] for i in picks]
    for container in (values, tuple(values), torch.tensor(values), np.array(values)):
        assert list(select(container, indices)) == expected


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_outside_is_refused(index):
    with pytest.raises(ValueError, match=r"^`indices`") as error:
        select([1, 2, 3], torch.tensor([0, index]))
    assert str(error.value) == f"`indices` must be within the 3 samples of the dataset, got {index}."


def test_datasets_and_words_are_no_arrays():
    assert not is_array(object())
    assert not is_array({"label": [1]})
    assert is_array(pd.Series([1]))
