"""The names of the classes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lightning_imbalance.labels.names import as_names, class_names


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, None),
        ({"classes": ["cat", "dog"]}, ("cat", "dog")),
        ({"classes": np.array(["cat", "dog"])}, ("cat", "dog")),
        ({"class_to_idx": {"dog": 1, "cat": 0}}, ("cat", "dog")),
        ({"classes": ["cat", "dog"], "class_to_idx": {"cat": 1, "dog": 0}}, ("dog", "cat")),
        # Two folders of one class: which name is right, nobody can say.
        ({"classes": ["cat", "dog"], "class_to_idx": {"cat": 0, "dog": 0}}, None),
        ({"class_to_idx": {"cat": 1, "dog": 2}}, None),
        ({"class_to_idx": {}}, None),
        (
            {
                "classes": [("tench", "Tinca tinca"), ("horn",)],
                "class_to_idx": {"tench": 0, "Tinca tinca": 0, "horn": 1},
            },
            ("tench", "horn"),
        ),
        ({"classes": [0, 1]}, None),
        ({"classes": 10}, None),
        ({"classes": []}, None),
    ],
    ids=str,
)
def test_names_come_in_the_order_of_the_indices(attributes, expected):
    assert class_names(SimpleNamespace(**attributes)) == expected


def test_a_name_that_occurs_twice_gets_its_index():
    assert as_names(["crane", "dog", "crane"]) == ("crane (0)", "dog", "crane (2)")


@pytest.mark.parametrize("entries", ["cat", {"cat": 0}, None, [("cat",), ()], [None]])
def test_what_are_no_names_give_none(entries):
    assert as_names(entries) is None
