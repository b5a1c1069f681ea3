"""What the demo says follows from the numbers, whichever way they point."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lightning_imbalance import ClassDistribution
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.cli.verdict import Run, side_by_side, verdict
from lightning_imbalance.functional import confusion_counts

TRAINED_ON = ClassDistribution([90, 10], class_names=["common", "rare"])
TARGET = torch.tensor([0] * 50 + [1] * 50)


def run(name: str, predicted: Tensor) -> Run:
    report = ClassReport(confusion_counts(predicted, TARGET, 2), TRAINED_ON.class_names, distribution=TRAINED_ON)
    return Run(name, predicted, report, Path("best.ckpt"), Path("metrics.csv"), 1.0)


ALWAYS_COMMON = run("unweighted", torch.zeros_like(TARGET))
RIGHT = run("balanced", TARGET)
TAIL = " The interval is that of the test samples; another seed trains other models."


def test_a_gain_is_called_one() -> None:
    assert verdict(ALWAYS_COMMON, RIGHT, TARGET, TRAINED_ON) == (
        "The weights 'balanced' raised balanced accuracy from 0.500 to 1.000 (+0.500, 95 % interval +0.443 to +0.518, "
        "100 test samples). Of the rarest class, 'rare', 0% of 50 test samples were found without weights and 100% "
        "with them." + TAIL
    )


def test_a_loss_is_called_one() -> None:
    worse = run("balanced", torch.zeros_like(TARGET))

    assert verdict(run("unweighted", TARGET), worse, TARGET, TRAINED_ON) == (
        "The weights 'balanced' lowered balanced accuracy from 1.000 to 0.500 (-0.500, 95 % interval -0.518 to -0.443, "
        "100 test samples): they did not help here. Of the rarest class, 'rare', 100% of 50 test samples were found "
        "without weights and 0% with them." + TAIL
    )


def test_what_chance_explains_is_not_called_a_difference() -> None:
    nearly = TARGET.clone()
    nearly[0] = 1

    assert verdict(RIGHT, run("balanced", nearly), TARGET, TRAINED_ON) == (
        "No difference shown: the weights 'balanced' changed balanced accuracy from 1.000 to 0.990 (-0.010, 95 % "
        "interval -0.042 to +0.023, 100 test samples), no more than two models on as few test samples may differ by "
        "chance. Of the rarest class, 'rare', 100% of 50 test samples were found without weights and 100% with "
        "them." + TAIL
    )


def test_the_table_has_both_recalls_of_each_class_and_the_mean() -> None:
    assert [" ".join(line.split()) for line in str(side_by_side(ALWAYS_COMMON, RIGHT, TRAINED_ON)).splitlines()] == [
        "Samples and recall of each class",
        "class train test unweighted balanced difference",
        "─" * 71,
        "common 90 50 1.000 1.000 +0.000",
        "rare 10 50 0.000 1.000 +1.000",
        "balanced accuracy 100 100 0.500 1.000 +0.500",
    ]
