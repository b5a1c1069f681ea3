from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from lightning_imbalance.data import Digits
from lightning_imbalance.synthesis import SyntheticDataset, quality_report

QUICK = {"runs": 2, "steps": 40}


class Copies:
    """Repeats the training samples of a class."""

    def __init__(self, dataset):
        self.inputs, self.target = dataset.tensors

    def generate(self, counts, *, seed):
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        made = [self.inputs[self.target == label][: 1 + i % 4][-1] for i, label in enumerate(target.tolist())]
        return torch.stack(made), target


class OfAnotherClass:
    def generate(self, counts, *, seed):
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        return 3 * torch.eye(len(counts))[(target + 1) % len(counts)] + torch.randn(len(target), len(counts)), target


def test_samples_of_the_true_distribution_are_new_various_and_of_use(points, oracle):
    report = quality_report(SyntheticDataset(points([300, 5]), oracle), points([100, 100], seed=1), runs=3, steps=150)

    rare = report.likeness[1]
    assert (rare.name, rare.real, rare.generated) == ("1", 5, 295)
    assert rare.agreement > 0.8
    assert abs(rare.agreement - rare.held_out_recall) < 0.15
    assert rare.closer == pytest.approx(0.5, abs=0.1)
    assert rare.distance == pytest.approx(rare.held_out_distance, rel=0.3)
    assert rare.variety == pytest.approx(1, abs=0.15)
    assert report.copies < 5  # one lies near by chance
    assert report.helped
    assert report.gain.difference == pytest.approx(
        sum(report.accuracy["synthetic"]) / 3 - sum(report.accuracy["real"]) / 3
    )
    assert report.held_out == 200


def test_copies_are_called_copies(points):
    real = points([100, 8])

    report = quality_report(SyntheticDataset(real, Copies(real)), points([50, 50], seed=1), **QUICK)

    assert report.copies == report.likeness[1].copies == 92
    assert report.closer == 1
    assert report.likeness[1].distance == 0
    assert not report.gain_over_repeating.low > 0.05


def test_samples_of_another_class_are_not_recognised_and_do_harm(points):
    real = points([100, 100, 20])

    report = quality_report(SyntheticDataset(real, OfAnotherClass()), points([60, 60, 60], seed=1), runs=3, steps=150)

    assert report.likeness[2].agreement < 0.2
    assert report.likeness[2].held_out_recall > 0.7
    assert report.gain.high < 0
    assert not report.helped


def test_one_sample_again_and_again_has_no_variety(points):
    class Mean:
        def generate(self, counts, *, seed):
            target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
            return 3 * torch.eye(len(counts))[target], target

    report = quality_report(SyntheticDataset(points([60, 8]), Mean()), points([20, 20], seed=1), **QUICK)

    assert report.likeness[1].variety == 0
    assert report.likeness[1].copies == 0


def test_a_class_with_nothing_to_compare_has_no_figures(points, oracle):
    unseen = TensorDataset(*(tensor[:20] for tensor in points([20, 20], seed=1).tensors))

    report = quality_report(SyntheticDataset(points([30, 4]), oracle), unseen, **QUICK)

    frequent, rare = report.likeness
    assert math.isnan(frequent.agreement)  # nothing was generated
    assert math.isnan(rare.held_out_recall)  # nothing was held out
    assert all(math.isnan(value) for value in (rare.closer, rare.variety, rare.held_out_distance))
    assert rare.distance > 0
    assert math.isnan(report.closer)


def test_a_judge_of_ones_own_sees_the_inputs_as_they_are(points, oracle):
    class Judge(nn.Module):
        def forward(self, inputs):
            seen.append(inputs)
            return torch.stack([inputs[:, 1] * 0, inputs[:, 1] * 0 + 1], 1)

    seen: list[torch.Tensor] = []
    data, judge = SyntheticDataset(points([30, 4]), oracle), Judge()

    report = quality_report(data, points([20, 20], seed=1), judge=judge, **QUICK)

    assert torch.equal(seen[0], data.synthetic()[0])
    assert [each.held_out_recall for each in report.likeness] == [0, 1]
    assert report.likeness[1].agreement == 1
    assert judge.training


def test_a_network_of_ones_own_is_trained(points, oracle):
    made = []

    def network():
        made.append(nn.Linear(2, 2))
        return made[-1]

    quality_report(SyntheticDataset(points([30, 4]), oracle), points([20, 20], seed=1), network=network, **QUICK)

    assert len(made) == 2 * 3


def test_images_are_compared_too():
    digits = Digits()

    class Noise:
        def generate(self, counts, *, seed):
            target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
            return torch.rand(len(target), 1, 8, 8), target

    data = SyntheticDataset(torch.utils.data.Subset(digits, list(range(60))), Noise(), {"3": 20})

    report = quality_report(data, torch.utils.data.Subset(digits, list(range(60, 160))), **QUICK)

    assert report.likeness[3].generated == 20
    assert report.likeness[3].distance > report.likeness[3].held_out_distance  # noise is like no digit


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_held_out_samples_must_be_real(points, oracle):
    data = SyntheticDataset(points([30, 4]), oracle)

    with pytest.raises(ValueError) as error:
        quality_report(data, data)

    assert str(error.value) == (
        "held-out data must be real samples, got a SyntheticDataset, which holds synthetic ones. Split the data first, and make more of the training part alone."
    )


@pytest.mark.parametrize(
    ("unseen", "got"),
    [
        ((torch.zeros(3, 4), torch.tensor([0, 1, 1])), "shape (4,) and class 1"),
        ((torch.zeros(3, 2), torch.tensor([0, 1, 2])), "shape (2,) and class 2"),
    ],
)
def test_held_out_samples_of_another_kind_are_refused(unseen, got, points, oracle):
    with pytest.raises(ValueError) as error:
        quality_report(SyntheticDataset(points([30, 4]), oracle), TensorDataset(*unseen))

    assert str(error.value) == f"held-out samples must have shape (2,) and classes from 0 to 1, got {got}."


def test_one_run_shows_nothing(points, oracle):
    with pytest.raises(ValueError) as error:
        quality_report(SyntheticDataset(points([30, 4]), oracle), points([5, 5]), runs=1)

    assert str(error.value) == "`runs` must be at least 2, got 1."
