"""What a network reads of a table is learnt from the training rows alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lightning_imbalance.data.table_features import TableFeatures

FRAME = pd.DataFrame(
    {
        "age": [20, 40, 60, 1000],
        "width": [1.5, 1.5, 1.5, 2.5],
        "old": [True, False, True, False],
        "kind": ["b", "a", None, "c"],
    }
)


def test_the_features_are_scikit_learns():
    training = torch.tensor([0, 1, 2])
    reference = ColumnTransformer(
        [
            ("number", StandardScaler(), ["age", "width", "old"]),
            ("word", OneHotEncoder(categories=[["a", "b"]], handle_unknown="ignore"), ["kind"]),
        ],
        sparse_threshold=0,
    ).fit(FRAME.iloc[:3])

    features = TableFeatures.fit(FRAME, training)

    assert features.names == ("age", "width", "old", "kind=a", "kind=b")
    torch.testing.assert_close(features(FRAME), torch.tensor(reference.transform(FRAME)).float())


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20), st.floats(-1e6, 1e6))
def test_what_stands_in_other_rows_changes_nothing(known, other):
    training = torch.arange(len(known))

    with_one, with_another = (
        TableFeatures.fit(pd.DataFrame({"x": [*known, value]}), training) for value in (other, 2 * other + 1)
    )

    assert with_one == with_another


def test_missing_numbers_are_filled_with_the_training_median_and_flagged():
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0, 8.0, np.nan], "z": [1.0, 2.0, 3.0, 4.0, np.nan]})

    features = TableFeatures.fit(frame, torch.arange(4), missing="median")

    assert features.names == ("x", "x is missing", "z")
    x, missing, z = features(frame).T
    filled = np.array([1, 3, 3, 8])
    assert x.tolist() == pytest.approx(((np.array([1, 3, 3, 8, 3]) - filled.mean()) / filled.std()).tolist())
    assert missing.tolist() == [0, 1, 0, 0, 1]
    assert z[4] == 0  # the median of 1, 2, 3, 4 is their mean


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(index=[0, 1]), "a table must have a column beside that of the classes, got none."),
        (
            pd.DataFrame({"x": [1.0, np.nan]}),
            "the numbers of a table must not be missing, got 1 of 2 rows without one in 'x'. Pass `missing=\"median\"` to fill them with the median of the training rows, or drop the column.",
        ),
        (pd.DataFrame({"x": [1.0, np.inf]}), "the numbers of a table must be finite, got an infinite one in 'x'."),
        (
            pd.DataFrame({"x": pd.to_datetime(["2020-01-01", "2020-01-02"])}),
            "the columns of a table must hold numbers or words, got 'x' of type ",
        ),
        (
            pd.DataFrame({"x": [None, "a"]}),
            "a column must have a value in some training row, got none in 'x'. Leave it out with `drop`.",
        ),
        (
            pd.DataFrame({"x": ["a", "b", "c"]}),
            "a column of words must have at most 2 different ones, got 3 in 'x' ('a', 'b', 'c', ...). Leave it out with `drop`, or allow more with `max_categories`.",
        ),
    ],
)
def test_a_column_that_gives_no_numbers_is_named(frame, message):
    rows = torch.arange(3 if len(frame) == 3 else 1)

    with pytest.raises(ValueError, match="must") as error:
        TableFeatures.fit(frame, rows, max_categories=2)

    assert str(error.value).startswith(message)


def test_a_column_without_a_number_to_train_on_has_no_median():
    with pytest.raises(ValueError, match="must have a value in some training row, got none in 'x'"):
        TableFeatures.fit(pd.DataFrame({"x": [np.nan, 1.0]}), torch.tensor([0]), missing="median")
