from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from lightning_imbalance.functional import expected_calibration_error


def plain(confidences, right, bins):
    """Equation 3 of Guo et al. 2017, one bin after the other."""
    total = 0.0
    for m in range(bins):
        inside = [
            (confidence, hit)
            for confidence, hit in zip(confidences, right, strict=True)
            if m / bins < confidence <= (m + 1) / bins or (m == 0 and confidence == 0)
        ]
        if inside:
            accuracy = sum(hit for _, hit in inside) / len(inside)
            confidence = sum(confidence for confidence, _ in inside) / len(inside)
            total += len(inside) / len(confidences) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("bins", [1, 2, 15, 100])
def test_it_is_the_definition_in_plain_python(bins):
    probabilities, target = torch.randn(60, 4, dtype=torch.float64).softmax(1), torch.arange(60) % 4

    error = expected_calibration_error(probabilities, target, bins)

    rows = probabilities.tolist()
    right = [row.index(max(row)) == y for row, y in zip(rows, target.tolist(), strict=True)]
    assert error.item() == pytest.approx(plain([max(row) for row in rows], right, bins), rel=1e-9)


def test_it_is_the_one_of_torchmetrics():
    probabilities, target = (3 * torch.randn(500, 5)).softmax(1), torch.randint(5, (500,))

    error = expected_calibration_error(probabilities, target)

    assert error.item() == pytest.approx(
        multiclass_calibration_error(probabilities, target, 5, n_bins=15).item(), rel=1e-4
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1))
def test_an_edge_belongs_to_the_bin_below_it(samples):
    positive = torch.tensor([k / 20 for k, _ in samples], dtype=torch.float64)
    target = torch.tensor([int(y) for _, y in samples])

    error = expected_calibration_error(positive, target, 20, task="binary")

    confidences = [max(p, 1 - p) for p in positive.tolist()]
    right = [(p > 0.5) == y for p, (_, y) in zip(positive.tolist(), samples, strict=True)]
    assert error.item() == pytest.approx(plain(confidences, right, 20), abs=1e-12)


def test_labels_are_predictions_of_their_own():
    probabilities, target = torch.rand(9, 3), torch.randint(2, (9, 3))

    together = expected_calibration_error(probabilities, target, task="multilabel")

    flat = expected_calibration_error(probabilities.flatten(), target.flatten(), task="binary")
    assert together.item() == pytest.approx(flat.item(), rel=1e-12)


def test_ignored_targets_are_left_out():
    probabilities, target = torch.randn(20, 3).softmax(1), torch.arange(20) % 4 - 1

    error = expected_calibration_error(probabilities, target, ignore_index=-1)

    assert error == expected_calibration_error(probabilities[target >= 0], target[target >= 0])


def test_of_nothing_it_is_nan():
    assert math.isnan(expected_calibration_error(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))


def test_logits_are_refused():
    with pytest.raises(ValueError) as error:
        expected_calibration_error(torch.tensor([[2.0, -1.5]]), torch.tensor([0]))

    assert str(error.value) == (
        "`probabilities` must be between 0 and 1, got values from -1.5 to 2. Pass softmax or sigmoid of the logits."
    )


def test_no_bins_are_refused():
    with pytest.raises(ValueError) as error:
        expected_calibration_error(torch.tensor([0.5]), torch.tensor([0]), 0, task="binary")

    assert str(error.value) == "`bins` must be at least 1, got 0."
