from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from lightning_imbalance.synthesis.data_range import DataRange


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 99))
def test_a_table_is_standardised_as_scikit_learn_does_it_however_it_is_cut(sizes, seed):
    rows = torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1.0, 50, 0.1])
    rows = (rows + torch.tensor([0.0, 1e6, -5])).double()
    expected = StandardScaler().fit_transform(rows.numpy())
    scale = DataRange((3,)).double()

    scale.measure(torch.split(rows, sizes))

    assert scale.to_network(rows).numpy() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(scale.to_data(scale.to_network(rows)), rows)


def test_each_channel_of_an_image_runs_from_minus_1_to_1():
    images = torch.rand(5, 2, 4, 4) * torch.tensor([1.0, 200.0])[None, :, None, None]
    scale = DataRange((2, 1, 1))

    scale.measure([images[:2], images[2:]])

    scaled = scale.to_network(images)
    assert scaled.amin((0, 2, 3)).tolist() == pytest.approx([-1, -1])
    assert scaled.amax((0, 2, 3)).tolist() == pytest.approx([1, 1])
    torch.testing.assert_close(scale.to_data(scaled), images, rtol=1e-4, atol=1e-4)


def test_nothing_leaves_the_range_of_the_data():
    scale = DataRange((2,))
    scale.measure([torch.tensor([[0.5, -1.0], [1.0, 7.25]])])

    assert scale.to_data(torch.tensor([[-100.0, 100.0]])).tolist() == [[0.5, 7.25]]


def test_columns_of_whole_numbers_stay_whole():
    scale = DataRange((3,))
    scale.measure([torch.tensor([[0.0, 18, 0.5], [1, 90, 3]]), torch.tensor([[1.0, 40, 2]])])

    made = scale.to_data(torch.randn(50, 3))

    assert scale.whole.tolist() == [True, True, False]
    assert set(made[:, 0].tolist()) == {0.0, 1.0}
    assert torch.equal(made[:, 1], made[:, 1].round())
    assert not torch.equal(made[:, 2], made[:, 2].round())


def test_bytes_are_read_and_made_whole():
    images = torch.randint(0, 256, (4, 1, 5, 5), dtype=torch.uint8)
    scale = DataRange((1, 1, 1))
    scale.measure([images])

    assert torch.equal(scale.to_data(scale.to_network(images)), images.float())


def test_a_constant_column_stays_what_it_is():
    scale = DataRange((2,))
    scale.measure([torch.tensor([[3.5, 1.0], [3.5, 2.0]])])

    assert scale.to_network(torch.tensor([[3.5, 1.5]])).tolist() == [[0, 0]]
    assert scale.to_data(torch.tensor([[9.0, 0.0]])).tolist() == [[3.5, 2.0]]


@pytest.mark.parametrize(("shape", "kind"), [((2,), "column"), ((2, 1, 1), "channel")])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_named(shape, kind, bad):
    batch = torch.zeros(3, 2, *[4] * (len(shape) - 1))
    batch[1, 1] = bad

    with pytest.raises(ValueError) as error:
        DataRange(shape).measure([batch])

    assert str(error.value) == f"the training data must be finite for a generator, got {bad} in {kind} 1."


def test_no_data_are_refused():
    with pytest.raises(ValueError) as error:
        DataRange((1,)).measure([])

    assert str(error.value) == "there must be training data for a generator, got none."
