"""What the runs have in common, in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

from lightning_imbalance.comparison.experiment import Experiment

Make = Callable[..., Experiment]


def wide(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, num_classes))


def test_everything_that_changes_the_figures_is_in_the_description(experiment: Make) -> None:
    description = experiment().describe()

    assert list(description) == [
        "classes",
        "training samples",
        "validation samples",
        "test samples",
        "shape of a sample",
        "network",
        "optimizer",
        "lr_scheduler",
        "max_epochs",
        "metric",
        "trainer",
    ]
    assert description["classes"] == "['cat', 'dog', 'eel']"
    assert description["training samples"] == "[40, 16, 6]"
    assert description["shape of a sample"] == "(3,)"
    assert description == experiment().describe()


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"model": wide}, {"network"}),
        ({"model": None}, {"network"}),
        ({"optimizer": partial(torch.optim.AdamW, lr=0.1)}, {"optimizer"}),
        ({"optimizer": partial(torch.optim.SGD, lr=0.001)}, {"optimizer"}),
        ({"lr_scheduler": partial(StepLR, step_size=1)}, {"lr_scheduler"}),
        ({"max_epochs": 2}, {"max_epochs"}),
        ({"metric": "macro_f1"}, {"metric"}),
        ({"trainer": {"accelerator": "cpu", "gradient_clip_val": 1.0}}, {"trainer"}),
        ({"remedies": ["none", "focal"]}, set()),
    ],
    # By hand: a function's address differs from process to process.
    ids=["network", "none", "rate", "optimizer", "scheduler", "epochs", "metric", "trainer", "remedies"],
)
def test_one_setting_changes_its_own_words(experiment: Make, settings: dict[str, Any], changed: set[str]) -> None:
    before, after = experiment().describe(), experiment(**settings).describe()

    assert {name for name in before if before[name] != after[name]} == changed


def test_describing_leaves_torchs_generator_alone(experiment: Make) -> None:
    made = experiment()
    before = torch.get_rng_state()
    made.describe()

    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_model_the_network_fits_the_samples(experiment: Make) -> None:
    assert experiment(model=None).network()(torch.zeros(5, 3)).shape == (5, 3)


def test_a_model_that_makes_no_network_is_refused(experiment: Make) -> None:
    with pytest.raises(TypeError) as error:
        experiment(model=lambda number: number).network()

    assert str(error.value) == (
        "`model` must be a function from the number of classes to a network, got one that returns int."
    )


def test_the_first_network_of_a_seed_is_the_one_that_every_other_time_gives(
    experiment: Callable[..., Experiment],
) -> None:
    found = experiment(model=None)
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(found.network())

    first, again = (torch.cat([weight.flatten() for weight in network.parameters()]) for network in networks)
    assert torch.equal(first, again)
