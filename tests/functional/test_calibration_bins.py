from __future__ import annotations

import pytest
import torch

from lightning_imbalance.functional import calibration_bins


@pytest.mark.parametrize("bins", [1, 3, 10])
def test_bins_are_those_of_a_loop(bins):
    probability = torch.cat([torch.rand(200, dtype=torch.float64), torch.arange(bins + 1) / bins])
    came_true = torch.rand(len(probability)) < probability

    binned = calibration_bins(probability, came_true, bins)

    for index in range(bins):
        inside = [
            (p, true)
            for p, true in zip(probability.tolist(), came_true.tolist(), strict=True)
            if (index / bins < p or (index == 0 and p == 0)) and p <= (index + 1) / bins
        ]
        assert binned.predictions[index] == len(inside)
        assert binned.hits[index] == sum(true for _, true in inside)
        assert binned.probability[index].item() == pytest.approx(sum(p for p, _ in inside))


def test_nothing_falls_into_no_bin():
    assert calibration_bins(torch.empty(0), torch.empty(0), 2).predictions.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("probability", "bins", "message"),
    [
        ([0.5], 0, "`bins` must be at least 1, got 0."),
        (
            [0.5, -2.0],
            2,
            "`probabilities` must be between 0 and 1, got values from -2 to 0.5. Pass softmax or sigmoid of the logits.",
        ),
    ],
)
def test_what_cannot_be_binned_is_refused(probability, bins, message):
    with pytest.raises(ValueError) as error:
        calibration_bins(torch.tensor(probability), torch.ones(len(probability)), bins)

    assert str(error.value) == message
