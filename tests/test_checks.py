from __future__ import annotations

import numpy as np
import pytest
import torch

from lightning_imbalance.checks import (
    check_class_names,
    check_counts,
    check_num_classes,
    check_num_samples,
    check_task,
    listed,
    values_in_order,
)


def refusal(kind: type[Exception], function, *arguments: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments)
    return str(error.value)


def test_names_come_back_as_a_tuple_of_strings():
    assert check_class_names(["cat", "dog"], 2) == ("cat", "dog")
    assert check_class_names(None, 2) is None


def test_numpys_strings_become_pythons():
    names = check_class_names(np.array(["cat", "dog"]), 2)

    assert [type(name) for name in names or ()] == [str, str]


@pytest.mark.parametrize(
    ("names", "shown"), [("ab", "'ab'"), ([1, 2], "[1, 2]"), (3, "3"), ({"a"}, "{'a'}"), ([None, "b"], "[None, 'b']")]
)
def test_names_that_are_no_sequence_of_strings_are_refused(names, shown):
    assert refusal(TypeError, check_class_names, names, 2) == (
        f"`class_names` must be a sequence of strings, one a class, got {shown}."
    )


def test_a_wrong_number_of_names_is_refused():
    assert refusal(ValueError, check_class_names, ["a", "b"], 3) == (
        "`class_names` must have one name for each of the 3 classes, got 2: 'a', 'b'."
    )


def test_an_empty_name_is_refused():
    assert refusal(ValueError, check_class_names, ["a", ""], 2) == (
        "`class_names` must not be empty, got '' for class 1."
    )


def test_two_classes_of_one_name_are_refused():
    assert refusal(ValueError, check_class_names, ["a", "b", "a"], 3) == (
        "`class_names` must all be different, got 'a' more than once."
    )


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_the_three_tasks_are_known(task):
    assert check_task(task) == task


def test_another_task_is_refused():
    assert refusal(ValueError, check_task, "regression") == (
        "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'regression'."
    )


@pytest.mark.parametrize(
    "counts",
    [[3, 0], (3, 0), torch.tensor([3, 0]), torch.tensor([3, 0], dtype=torch.int8), np.array([3, 0], dtype=np.uint16)],
)
def test_counts_come_back_as_python_integers(counts):
    checked = check_counts(counts, "multiclass")

    assert checked == (3, 0)
    assert [type(count) for count in checked] == [int, int]


def test_counts_of_a_trillion_stay_exact():
    assert check_counts([10**12 + 1, 1], "multiclass") == (10**12 + 1, 1)


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([1.0, 2.0], "float32 values"),
        (torch.tensor([1.0]).double(), "float64 values"),
        ([True, False], "bool values"),
        (torch.tensor([1j]), "complex64 values"),
        (["a", "b"], "list: ['a', 'b']"),
        ([[1], [1, 2]], "list: [[1], [1, 2]]"),
        ([10**30], f"list: [{10**30}]"),
        (None, "NoneType: None"),
        ({"cat": 5}, "dict: {'cat': 5}"),
    ],
)
def test_counts_that_are_no_integers_are_refused(counts, shown):
    assert refusal(TypeError, check_counts, counts, "multiclass") == (
        f"`counts` must be integers, the number of samples of each class, got {shown}."
    )


@pytest.mark.parametrize(
    ("counts", "task", "message"),
    [
        ([], "multiclass", "`counts` must have shape (C,), one count a class, got shape (0,)."),
        (5, "multiclass", "`counts` must have shape (C,), one count a class, got shape ()."),
        ([[1, 2]], "multilabel", "`counts` must have shape (C,), one count a class, got shape (1, 2)."),
        ([3, -2, -1], "multiclass", "`counts` must be at least 0, got -2 for class 1."),
        (
            [1, 2, 3],
            "binary",
            '`counts` must have two entries for `task="binary"`, negative then positive, got 3.',
        ),
        ([0, 0, 0], "multiclass", "`counts` must hold at least one sample, got 3 classes without any."),
        ([0, 0], "binary", "`counts` must hold at least one sample, got 2 classes without any."),
    ],
)
def test_counts_that_no_data_have_are_refused(counts, task, message):
    assert refusal(ValueError, check_counts, counts, task) == message


def test_labels_may_all_be_without_a_positive():
    assert check_counts([0, 0], "multilabel") == (0, 0)


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_the_number_of_samples_is_the_sum_of_the_counts(task):
    assert check_num_samples(None, (3, 1), task) == check_num_samples(4, (3, 1), task) == 4


def test_a_number_of_samples_that_contradicts_the_counts_is_refused():
    assert refusal(ValueError, check_num_samples, 5, (3, 1), "multiclass") == (
        "`num_samples` must be the sum of the counts, 4, got 5. It can be left out."
    )


def test_multilabel_needs_the_number_of_rows():
    assert refusal(ValueError, check_num_samples, None, (3, 1), "multilabel") == (
        '`num_samples` must be given for `task="multilabel"`, the number of rows, got None.'
    )


@pytest.mark.parametrize(("given", "counts", "largest"), [(2, (3, 1), 3), (0, (0, 0), 0), (-1, (0,), 0)])
def test_fewer_rows_than_positives_are_refused(given, counts, largest):
    assert refusal(ValueError, check_num_samples, given, counts, "multilabel") == (
        f"`num_samples` must be at least the largest count, {largest}, and at least 1, got {given}."
    )


@pytest.mark.parametrize(("given", "shown"), [(3.7, "3.7"), (float("nan"), "nan"), ("9", "'9'")])
def test_a_number_of_rows_that_is_no_integer_is_refused(given, shown):
    assert refusal(TypeError, check_num_samples, given, (3, 1), "multilabel") == (
        f"`num_samples` must be an integer, the number of rows, got {shown}."
    )


def test_numpys_integers_are_integers():
    assert type(check_num_samples(np.int64(9), (3, 1), "multilabel")) is int
    assert type(check_num_classes(np.int32(3), "multiclass")) is int


@pytest.mark.parametrize(
    ("given", "task", "known"),
    [(None, "multiclass", None), (2, "multiclass", 2), (None, "binary", 2), (2, "binary", 2), (1, "multilabel", 1)],
)
def test_the_number_of_classes_is_returned_where_it_is_known(given, task, known):
    assert check_num_classes(given, task) == known


@pytest.mark.parametrize(
    ("given", "task", "message"),
    [
        (1, "multiclass", '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 1.'),
        (0, "multilabel", '`num_classes` must be an integer from 1 on for `task="multilabel"`, got 0.'),
        ("3", "multiclass", "`num_classes` must be an integer from 2 on for `task=\"multiclass\"`, got '3'."),
        (2.0, "multiclass", '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 2.0.'),
        (3, "binary", '`num_classes` must be 2 for `task="binary"` (or be left out), got 3.'),
    ],
)
def test_a_wrong_number_of_classes_is_refused(given, task, message):
    assert refusal(ValueError, check_num_classes, given, task) == message


def test_values_by_class_come_in_the_order_of_the_classes():
    assert values_in_order({"dog": 2, "cat": 1}, ("cat", "dog"), "prior", "share") == [1, 2]
    assert values_in_order({np.int64(1): 2, 0: 1}, ("cat", "dog"), "prior", "share") == [1, 2]


def test_values_of_other_classes_are_refused_in_the_words_of_the_argument():
    assert refusal(ValueError, values_in_order, {"cat": 1}, ("cat", "dog"), "prior", "share") == (
        "the prior must give a share to each class ('cat', 'dog') and to nothing else, got no share for 'dog'."
    )


def test_a_thousand_names_are_listed_in_short():
    assert listed([str(i) for i in range(10)]) == "'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'"
    assert listed(range(1000)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (1000)"
