from __future__ import annotations

import pytest
import torch

from lightning_imbalance.synthesis.sample_shape import check_sizes, check_widths, samples_of


@pytest.mark.parametrize(
    ("sizes", "kind", "message"),
    [
        (
            (None, None, None),
            ValueError,
            "one of `image_size` (for images) and `num_features` (for a table) must be given, got neither.",
        ),
        (
            (8, None, 30),
            ValueError,
            "one of `image_size` (for images) and `num_features` (for a table) must be given, got `image_size=8` and `num_features=30`.",
        ),
        ((None, 3, 30), ValueError, "`channels` must come with `image_size`, got 3 for a table."),
        ((3, None, None), ValueError, "`image_size` must be at least 4, got 3."),
        ((8, 0, None), ValueError, "`channels` must be at least 1, got 0."),
        ((None, None, 0), ValueError, "`num_features` must be at least 1, got 0."),
        (((8, 8), None, None), TypeError, "`image_size` must be an integer, got (8, 8)."),
    ],
)
def test_sizes_that_cannot_work_are_named(sizes, kind, message):
    with pytest.raises(kind) as error:
        check_sizes(*sizes)

    assert str(error.value) == message


def test_a_truth_value_is_no_size():
    with pytest.raises(TypeError) as error:
        check_widths(width=True)

    assert str(error.value) == "`width` must be an integer, got True."


@pytest.mark.parametrize(
    ("batches", "sizes", "kind", "message"),
    [
        ([], (8, None, None), ValueError, "there must be training data for a generator, got none."),
        ([["a", "b"]], (8, None, None), TypeError, "inputs must be tensors for a generator, got a list."),
        (
            [torch.zeros(4, 1, 8, 8)],
            (32, None, None),
            ValueError,
            "inputs must be images of shape (N, channels, 32, 32), got shape (4, 1, 8, 8). Pass `image_size=8, channels=1`.",
        ),
        (
            [torch.zeros(4, 1, 8, 8)],
            (8, 3, None),
            ValueError,
            "inputs must be images of shape (N, 3, 8, 8), got shape (4, 1, 8, 8). Pass `image_size=8, channels=1`.",
        ),
        (
            [torch.zeros(4, 3, 8, 6)],
            (8, None, None),
            ValueError,
            "inputs must be images of shape (N, channels, 8, 8), got shape (4, 3, 8, 6). Resize them.",
        ),
        (
            [torch.zeros(4, 7)],
            (None, None, 5),
            ValueError,
            "inputs must be rows of `num_features`, 5, got shape (4, 7). Pass `num_features=7`.",
        ),
        (
            [torch.zeros(4, 1, 8, 8)],
            (None, None, 5),
            ValueError,
            "inputs must be rows of `num_features`, 5, got shape (4, 1, 8, 8). Pass `image_size` for images.",
        ),
    ],
)
def test_data_of_another_shape_are_named(batches, sizes, kind, message):
    with pytest.raises(kind) as error:
        samples_of(batches, *sizes)

    assert str(error.value) == message


def test_no_batch_is_lost():
    first, batches = samples_of(iter([torch.zeros(2, 3), torch.ones(1, 3)]), None, None, 3)

    assert torch.equal(first, torch.zeros(2, 3))
    assert [len(batch) for batch in batches] == [2, 1]
