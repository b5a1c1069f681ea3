from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from lightning_imbalance.synthesis.sample_form import in_memory, inputs_like, parts, sample_like


class Sample(NamedTuple):
    image: torch.Tensor
    label: int


X = torch.zeros(2)


@pytest.mark.parametrize(
    "sample",
    [
        (X, 0),
        [X, 0],
        Sample(X, 0),
        {"label": 0, "image": X},
        (X, torch.tensor(0)),
        (X, torch.tensor([0], dtype=torch.uint8)),
        (X, np.int32(0)),
        (X, np.array([0])),
        (X, 0.0),
        (X.numpy(), 0),
    ],
)
def test_a_generated_sample_has_the_form_of_a_real_one(sample):
    made = sample_like(sample, torch.ones(2), 3)

    assert type(made) is type(sample)
    assert list(made) == list(sample) if isinstance(sample, dict) else True
    for mine, real, value in zip(
        *(map(each.__getitem__, parts(sample)) for each in (made, sample)), (1, 3), strict=True
    ):
        assert type(mine) is type(real)
        assert getattr(mine, "dtype", None) == getattr(real, "dtype", None)
        assert getattr(mine, "shape", None) == getattr(real, "shape", None)
        assert np.all(np.asarray(mine) == value)


@pytest.mark.parametrize(
    ("sample", "got"),
    [
        ((X, 0, "a.png"), "a tuple of 3"),
        ({"image": X, "label": 0, "path": "a.png"}, "a dict with keys 'image', 'label', 'path'"),
        ({"image": X, "img": X}, "a dict with keys 'image', 'img'"),
        (X, "a Tensor"),
    ],
)
def test_what_else_is_in_a_sample_cannot_be_generated(sample, got):
    with pytest.raises(TypeError) as error:
        parts(sample)

    assert str(error.value) == (
        "samples must be (inputs, target) pairs, or mappings of one usual input key and one usual target key and "
        f"nothing else, got {got}. What else is in a sample cannot be generated."
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8, torch.int64])
def test_generated_inputs_take_the_dtype_of_the_real_ones(dtype):
    made = inputs_like((torch.zeros(2, dtype=dtype), 0), torch.tensor([[0.75, 254.5]]))

    assert made.dtype == dtype
    assert made.tolist() == ([[0.75, 254.5]] if dtype.is_floating_point else [[1, 254]])


def test_inputs_that_are_no_tensors_are_refused():
    with pytest.raises(TypeError) as error:
        inputs_like(("picture", 0), torch.zeros(1, 2))

    assert str(error.value) == "inputs must be tensors to be added to, got str. Add a transform that makes tensors."


def test_inputs_of_another_shape_are_refused():
    with pytest.raises(ValueError) as error:
        inputs_like((torch.zeros(3), 0), torch.zeros(4, 2))

    assert str(error.value) == "`source` must make samples of the dataset's shape, (3,), got (2,)."


def test_a_dataset_is_read_whole():
    inputs, target = in_memory([{"x": np.ones(2), "y": np.int64(4)}, {"x": np.zeros(2), "y": torch.tensor([1])}])

    assert inputs.tolist() == [[1, 1], [0, 0]]
    assert target.tolist() == [4, 1]


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError) as error:
        in_memory([])

    assert str(error.value) == "the dataset must hold at least one sample, got none."
