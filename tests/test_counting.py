from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import counting
from lightning_imbalance.counting import Counts, count_labels, encode

LABELS = st.lists(st.integers(0, 6), max_size=40)
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32]


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


@given(LABELS)
def test_counts_equal_those_of_a_counter(labels):
    counted = Counter(labels)

    counts = count_labels(torch.tensor(labels, dtype=torch.int64), num_classes=7)

    assert counts.per_class.tolist() == [counted[i] for i in range(7)]
    assert counts.num_samples == len(labels)
    assert counts.per_class.dtype == torch.int64


@given(LABELS, LABELS)
def test_counts_add_over_a_split(first, second):
    parts = [count_labels(torch.tensor(part, dtype=torch.int64)) for part in (first, second)]
    whole = count_labels(torch.tensor([*first, *second], dtype=torch.int64))

    total = parts[0] + parts[1]

    assert total.per_class.tolist() == whole.per_class.tolist()
    assert total.num_samples == whole.num_samples


@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 2**16))
def test_multilabel_counts_are_the_sums_of_the_columns(columns, rows, seed):
    labels = np.random.default_rng(seed).integers(0, 2, (rows, columns))

    counts = count_labels(torch.tensor(labels), task="multilabel", num_classes=columns)

    assert counts.per_class.tolist() == [sum(int(row[c]) for row in labels) for c in range(columns)]
    assert counts.num_samples == rows


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_every_integer_type_counts(dtype, task):
    counts = count_labels(torch.tensor([1, 0, 1]).to(dtype), task=task)

    assert counts.per_class.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.bool, torch.float16, torch.float32, torch.float64])
def test_multilabel_takes_every_type_of_zero_and_one(dtype):
    labels = torch.tensor([[1, 0], [1, 1]]).to(dtype)

    assert count_labels(labels, task="multilabel").per_class.tolist() == [2, 1]


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_booleans_are_zero_and_one(task):
    assert count_labels(torch.tensor([True, False, True]), task=task).per_class.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_binary_labels_may_be_whole_floats(dtype):
    assert count_labels(torch.tensor([1.0, 0.0, 1.0], dtype=dtype), task="binary").per_class.tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(24,), (2, 12), (2, 3, 4), (2, 3, 2, 2)])
def test_dense_labels_are_counted_one_by_one(shape):
    labels = torch.arange(24).remainder(5).reshape(shape)

    assert count_labels(labels).per_class.tolist() == [5, 5, 5, 5, 4]


def test_dense_multilabel_counts_every_place():
    labels = torch.zeros(2, 3, 4, 5, dtype=torch.int64)
    labels[0, 1] = 1
    labels[1, 2, 0] = 1

    counts = count_labels(labels, task="multilabel")

    assert counts.per_class.tolist() == [0, 20, 5]
    assert counts.num_samples == 40


@pytest.mark.parametrize("ignore_index", [-100, -1, 3, 255])
@pytest.mark.parametrize("dtype", [torch.int16, torch.int64])
def test_ignored_labels_are_left_out(ignore_index, dtype):
    labels = torch.tensor([0, 2, ignore_index, 2], dtype=dtype)

    counts = count_labels(labels, num_classes=3, ignore_index=ignore_index)

    assert counts.per_class.tolist() == [1, 0, 2]
    assert counts.num_samples == 3


@pytest.mark.parametrize(("ignore_index", "wrapped"), [(-100, 156), (-1, 255), (256, 0), (300, 44)])
def test_an_ignore_index_that_the_type_cannot_hold_ignores_nothing(ignore_index, wrapped):
    labels = torch.tensor([wrapped], dtype=torch.uint8)

    assert count_labels(labels, ignore_index=ignore_index).per_class[wrapped] == 1


def test_an_ignored_class_within_the_classes_counts_zero():
    assert count_labels(torch.tensor([0, 1, 1]), ignore_index=1, num_classes=2).per_class.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.uint8])
def test_an_ignored_multilabel_entry_is_refused_because_a_weight_would_take_it_for_a_negative(dtype):
    labels = torch.tensor([[1, 9], [9, 0]]).to(dtype)

    with pytest.raises(ValueError) as error:
        count_labels(labels, task="multilabel", ignore_index=9)

    assert str(error.value) == (
        "multilabel labels must be 0 or 1 to be counted, got 2 entries of 9 (`ignore_index`), which a weight would "
        "take for negatives. Count without them, and give the result: "
        "`ClassDistribution(counts, task='multilabel', num_samples=...)`."
    )
    assert count_labels(labels[:, :1] % 9, task="multilabel", ignore_index=9).per_class.tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.uint8])
def test_ignored_binary_labels_are_left_out(dtype):
    counts = count_labels(torch.tensor([1, 9, 0, 0]).to(dtype), task="binary", ignore_index=9)

    assert (counts.per_class.tolist(), counts.num_samples) == ([2, 1], 3)


def test_no_label_gives_no_class():
    assert count_labels(torch.tensor([], dtype=torch.int64)).per_class.tolist() == []
    assert count_labels(torch.zeros(0, 3), task="multilabel").per_class.tolist() == [0, 0, 0]
    assert count_labels(torch.zeros(3, 0), task="multilabel").per_class.tolist() == []


def test_the_labels_are_not_changed():
    labels = torch.tensor([0, 9, 1])

    count_labels(labels, ignore_index=9)

    assert labels.tolist() == [0, 9, 1]


def test_a_number_of_classes_that_is_given_may_be_any(monkeypatch):
    monkeypatch.setattr(counting, "_MAX_INFERRED_CLASSES", 10)

    assert count_labels(torch.tensor([12]), num_classes=13).per_class[12] == 1


def test_an_identifier_is_not_taken_for_a_class():
    assert refusal(ValueError, count_labels, torch.tensor([0, 1_700_000_000])) == (
        "labels must be class indices from 0 on, got 1700000000, which would mean 1,700,000,001 classes. "
        "Map identifiers to indices first, or pass `num_classes`."
    )


@pytest.mark.parametrize(
    ("labels", "keywords", "expected"),
    [
        (
            [0, -100],
            {},
            "labels must be class indices from 0 on, got -100. Pass `ignore_index=-100` to leave such labels out.",
        ),
        ([0, -1], {"ignore_index": 255}, "labels must be class indices from 0 on, got -1."),
        (
            [0, 3],
            {"num_classes": 3},
            "labels must be below the number of classes, 3, got 3. Pass a larger `num_classes` if it is a class, or `ignore_index=3` to leave such labels out.",
        ),
        ([0, 255], {"num_classes": 3, "ignore_index": -1}, "labels must be below the number of classes, 3, got 255."),
        (
            [0, 2],
            {"task": "binary"},
            'binary labels must be 0 or 1, got 2. For more classes, use `task="multiclass"`.',
        ),
        (
            [0.5],
            {"task": "binary"},
            'binary labels must be 0 or 1, got 0.5. For more classes, use `task="multiclass"`.',
        ),
        (
            [float("nan")],
            {"task": "binary"},
            'binary labels must be 0 or 1, got nan. For more classes, use `task="multiclass"`.',
        ),
        ([[0, 1], [2, 1]], {"task": "multilabel"}, "multilabel labels must be 0 or 1, got 2."),
        ([[0.0, 0.25]], {"task": "multilabel", "ignore_index": -1}, "multilabel labels must be 0 or 1, got 0.25."),
        (
            [0, 1, 2],
            {"task": "multilabel"},
            (
                "multilabel labels must have shape (N, C) with a 0 or 1 for each label, got shape (3,). "
                'For one class index a sample, use `task="multiclass"`.'
            ),
        ),
        (
            [[0, 1]],
            {"task": "multilabel", "num_classes": 3},
            "multilabel labels must have 3 columns, one a class, got shape (1, 2).",
        ),
    ],
)
def test_labels_that_cannot_be_counted_are_refused(labels, keywords, expected):
    assert refusal(ValueError, count_labels, torch.tensor(labels), **keywords) == expected


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (torch.tensor([1.5, 2.0]), "float32 values such as 1.5"),
        (torch.tensor([2.0], dtype=torch.float64), "float64 values such as 2.0"),
        (torch.tensor([]), "float32 values such as none"),
        (torch.tensor([1j]), "complex64 values such as 1j"),
    ],
)
def test_fractions_are_no_class_indices(labels, got):
    assert refusal(TypeError, count_labels, labels) == (
        f"labels must be class indices (integers), got {got}. Convert them with `.long()` if they are whole numbers, "
        'use `task="binary"` if they are 0 and 1 for one logit; '
        "for class probabilities pass counts instead: `ClassDistribution(counts)`."
    )


@given(st.lists(st.sampled_from("abc"), max_size=20))
def test_encoding_gives_the_index_of_each_name(names):
    assert encode(names, "cab").tolist() == ["cab".index(name) for name in names]


def test_strings_without_names_are_refused():
    assert refusal(ValueError, encode, ["dog", "cat", "dog"], None) == (
        "`class_names` must be given when labels are strings, got labels 'cat', 'dog' and no names. "
        "Pass the names in the order of the model's outputs, for example `class_names=sorted(set(labels))`."
    )


def test_a_name_outside_the_names_is_refused():
    assert (
        refusal(ValueError, encode, ["dog", "cow"], ["cat", "dog"])
        == "each label must be one of the class names 'cat', 'dog', got 'cow'."
    )


def test_of_many_names_the_first_ten_are_listed():
    assert refusal(ValueError, encode, ["x"], [str(i) for i in range(11)]) == (
        "each label must be one of the class names '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ..., got 'x'."
    )


def test_the_shorter_counts_are_filled_with_zeros_on_either_side():
    short, long = Counts(torch.tensor([1]), 1), Counts(torch.tensor([1, 2]), 3)

    assert (short + long).per_class.tolist() == (long + short).per_class.tolist() == [2, 2]
    assert short.per_class.tolist() == [1]


@pytest.mark.parametrize("top", [255, 256, 2**15 - 1, 2**15])
def test_labels_are_counted_alike_around_the_sizes_of_small_integers(top):
    labels = torch.tensor([0, top - 1, top, top, 0, 7])

    counts = count_labels(labels).per_class

    assert len(counts) == top + 1
    assert {index: count for index, count in enumerate(counts.tolist()) if count} == {0: 2, 7: 1, top - 1: 1, top: 2}


def test_more_labels_than_fit_one_block_are_all_counted():
    labels = torch.arange(3).repeat(400_000)

    assert count_labels(labels).per_class.tolist() == [400_000] * 3
    assert count_labels(torch.cat([labels, torch.tensor([900])])).per_class[900] == 1
