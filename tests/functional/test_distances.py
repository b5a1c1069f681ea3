from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from lightning_imbalance.functional import distances, mean_distance, nearest_distances, share_closer


def test_the_nearest_sample_is_scikit_learns():
    samples, reference = torch.randn(30, 2, 3), torch.randn(50, 2, 3)
    found, indices = NearestNeighbors(n_neighbors=1).fit(reference.flatten(1).numpy()).kneighbors(samples.flatten(1))

    values, nearest = nearest_distances(samples, reference)

    assert nearest.tolist() == indices[:, 0].tolist()
    assert values.numpy() == pytest.approx(found[:, 0], rel=1e-5)


def test_chunks_change_nothing(monkeypatch):
    samples, reference = torch.randn(30, 4), torch.randn(9, 4)
    whole = nearest_distances(samples, reference), mean_distance(samples)

    monkeypatch.setattr(distances, "_CHUNK", 7)

    assert torch.equal(nearest_distances(samples, reference)[0], whole[0][0])
    torch.testing.assert_close(mean_distance(samples), whole[1])


def test_a_copy_has_a_distance_of_exactly_0():
    reference = 100 + torch.randn(40, 64)

    assert nearest_distances(reference, reference)[0].tolist() == [0] * 40


def test_no_sample_has_no_distance():
    assert nearest_distances(torch.zeros(0, 3), torch.zeros(2, 3))[0].shape == (0,)


@pytest.mark.parametrize("reference", [torch.zeros(0, 3), torch.zeros(2, 4)])
def test_what_cannot_be_compared_is_refused(reference):
    with pytest.raises(ValueError) as error:
        nearest_distances(torch.zeros(5, 3), reference)

    assert str(error.value) == (
        "`reference` must hold at least one sample of the shape of the others, "
        f"got shapes (5, 3) and {tuple(reference.shape)}."
    )


def test_the_mean_distance_is_that_of_all_pairs():
    samples = torch.randn(12, 5, dtype=torch.float64)

    assert mean_distance(samples).item() == pytest.approx(pdist(samples.numpy()).mean())


@pytest.mark.parametrize("size", [0, 1])
def test_fewer_than_two_samples_have_no_distance(size):
    assert math.isnan(mean_distance(torch.zeros(size, 3)))


SOME = st.lists(st.integers(0, 6), min_size=1, max_size=9)


@given(SOME, SOME)
def test_the_share_is_that_of_plain_python_and_of_mann_and_whitney(first, second):
    by_hand = sum((a < b) + (a == b) / 2 for a in first for b in second) / (len(first) * len(second))
    statistic = mannwhitneyu(second, first).statistic / (len(first) * len(second))

    share = share_closer(torch.tensor(first), torch.tensor(second)).item()

    assert share == pytest.approx(by_hand) == pytest.approx(statistic)


def test_the_share_of_nothing_is_none():
    assert math.isnan(share_closer(torch.zeros(0), torch.zeros(3)))
