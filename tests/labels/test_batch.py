"""Where inputs and target are in a batch."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from typing import Any, NamedTuple

import pytest
import torch

from lightning_imbalance.labels import unpack_batch
from lightning_imbalance.labels.batch import INPUT_KEYS, TARGET_KEYS, inputs_without_target, target_of


class Pair(NamedTuple):
    picture: Any
    kind: Any


@pytest.mark.parametrize("batch", [("x", 1), ["x", 1], Pair("x", 1), {"image": "x", "label": 1, "path": "p"}], ids=str)
def test_a_pair_or_a_mapping_is_unpacked(batch):
    assert unpack_batch(batch) == ("x", 1)
    assert target_of(batch) == 1


def test_of_tokens_everything_but_the_target_is_input():
    tokens = {"input_ids": 1, "attention_mask": 2}

    assert unpack_batch(UserDict(tokens | {"labels": 3})) == (tokens, 3)
    assert unpack_batch(tokens | {"pixel_values": 4, "label": 3}) == (tokens | {"pixel_values": 4}, 3)
    assert inputs_without_target(tokens) is tokens


@pytest.mark.parametrize("input_key", INPUT_KEYS)
@pytest.mark.parametrize("target_key", TARGET_KEYS)
def test_every_usual_key_is_known(input_key, target_key):
    assert unpack_batch(OrderedDict([(target_key, 1), (input_key, "x")])) == ("x", 1)


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        ((1, 2, 3), "a tuple of 3"),
        ([1], "a list of 1"),
        ({"image": 1}, "a dict with keys 'image'"),
        ({"label": 1}, "a dict with keys 'label'"),
        ({"image": 1, "label": 1, "mask": 1}, "a dict with keys 'image', 'label', 'mask'"),
        ({"image": 1, "x": 1, "label": 1}, "a dict with keys 'image', 'x', 'label'"),
        ({}, "a dict with keys none"),
        ("ab", "a str"),
    ],
    ids=str,
)
def test_a_batch_that_cannot_be_unpacked_is_refused(batch, got):
    with pytest.raises(TypeError) as error:
        unpack_batch(batch)
    assert str(error.value) == (
        "`batch` must be an (inputs, target) pair, or a mapping with one usual input key (image, inputs, x, ...) and "
        f"one usual target key (label, target, y, ...), got {got}. "
        "Override `unpack_batch(batch)` to return the pair."
    )


@pytest.mark.parametrize(
    ("sample", "got"), [((1, 2, 3), "a tuple of 3"), ({"a": 1}, "a dict with keys 'a'"), (5, "a int")]
)
def test_a_sample_without_a_target_is_refused(sample, got):
    with pytest.raises(TypeError) as error:
        target_of(sample)
    assert str(error.value) == (
        "samples must be (inputs, target) pairs, or mappings with one usual target key (label, target, y, ...), "
        f"got {got}."
    )


def test_the_inputs_of_a_sample_may_have_any_keys():
    assert target_of({"input_ids": 1, "attention_mask": 1, "labels": 7}) == 7


@pytest.mark.parametrize("batch", [(TENSOR := torch.ones(2)), (TENSOR,), [TENSOR], {"image": TENSOR, "path": "p"}])
def test_a_batch_without_target_is_its_inputs(batch):
    assert inputs_without_target(batch) is TENSOR


@pytest.mark.parametrize("batch", [(1, 2), {"image": 1, "label": 2}, {"image": 1, "x": 2}, {"path": "p"}, "text"])
def test_any_other_batch_is_left_to_unpack_batch(batch):
    assert inputs_without_target(batch) is None
