"""From names to settings, and what is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from lightning_imbalance.callbacks import TemperatureScaling
from lightning_imbalance.comparison import Remedy
from lightning_imbalance.comparison.remedies import NAMED, cosine_head, resolve, smote
from lightning_imbalance.losses import CosineClassifier, FocalLoss

KNOWN = ", ".join(map(repr, NAMED))


def test_the_baseline_comes_first_and_the_others_in_their_order() -> None:
    own = Remedy("mine", loss=FocalLoss(gamma=1.0))

    assert [remedy.name for remedy in resolve(["focal", own, "none"], "none")] == ["none", "focal", "mine"]


@pytest.mark.parametrize(
    ("remedies", "kind", "message"),
    [
        ("none", TypeError, "`remedies` must be a list of names, got one string: 'none'."),
        (
            ["none", "balanced_softmx"],
            ValueError,
            f"`remedies` must be of {KNOWN}, or instances of Remedy, got 'balanced_softmx'. Did you mean 'balanced_softmax'?",
        ),
        (["none", 3], TypeError, "`remedies` must be names or instances of Remedy, got int: 3."),
        (["none", "focal", "focal"], ValueError, "`remedies` must have different names, got 'focal' twice."),
        (["none", "focal", Remedy("Focal")], ValueError, "`remedies` must have different names, got 'focal' and 'Focal', one folder on many disks."),
        (["focal", "crt"], ValueError, "`remedies` must contain the baseline, 'none', got ['focal', 'crt']. Or pass another `baseline`."),
        (["none"], ValueError, "`remedies` must contain another one beside the baseline, got ['none']."),
        (
            ["none", Remedy("late", of="focal", decide_for="uniform")],
            ValueError,
            "`remedies` must contain 'focal', trained, for 'late', which takes its networks, got ['none', 'late'].",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(remedies: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        resolve(remedies, "none")

    assert str(error.value) == message


def test_a_baseline_that_trains_nothing_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        resolve(["none", "posthoc"], "posthoc")

    assert str(error.value) == "`baseline` must be trained, got 'posthoc', which takes the networks of 'none'."


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "größe", ".hidden", "-rf", "end.", "a b", "<b>", "a\n", "a\0", "=1+1", "x" * 101]
)
def test_a_name_that_no_folder_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError) as error:
        Remedy(name)

    shown = name if len(name) <= 100 else "x" * 20 + "..."
    assert str(error.value) == (
        "`name` must be 1 to 100 letters, digits, `_`, `-` and `.`, since a folder has it, and begin and end with none of the "
        f"last two, got {shown!r}."
    )


@pytest.mark.parametrize("name", ["a", "_", "2x", "focal-gamma.2", "x" * 100, "console"])
def test_other_names_are_taken(name: str) -> None:
    assert Remedy(name).name == name


@pytest.mark.parametrize("name", ["con", "NUL.1", "lpt3"])
def test_a_device_is_no_name(name: str) -> None:
    with pytest.raises(ValueError) as error:
        Remedy(name)

    assert str(error.value) == f"`name` must be that of a folder, got {name!r}, which is a device on Windows."


def test_a_name_is_a_string() -> None:
    with pytest.raises(TypeError) as error:
        Remedy(3)  # type: ignore[arg-type]

    assert str(error.value) == "`name` must be a string, got int: 3."


def test_settings_of_a_training_that_does_not_happen_are_refused() -> None:
    with pytest.raises(ValueError) as error:
        Remedy("late", of="none", loss="focal")

    assert str(error.value) == (
        "`loss` must be left out with `of='none'`, whose networks are taken as they were trained, got 'focal'."
    )


def test_a_callback_that_is_not_fitted_after_training_is_refused() -> None:
    with pytest.raises(TypeError) as error:
        Remedy("late", of="none", callbacks=lambda: [L.Callback()])

    assert str(error.value) == (
        "`callbacks` must be fitted on validation data (subclasses of PostHoc) with `of='none'`, got Callback."
    )


@pytest.mark.parametrize("name", NAMED)
def test_the_description_is_the_same_each_time_and_has_no_address(name: str) -> None:
    assert NAMED[name].describe() == NAMED[name].describe()
    assert "0x" not in str(NAMED[name].describe())


def test_the_description_tells_remedies_apart_by_all_that_they_set() -> None:
    remedies = [
        *NAMED.values(),
        Remedy("a", loss=FocalLoss(gamma=1.0)),
        Remedy("b", loss=FocalLoss(gamma=3.0)),
        Remedy("c", of="none", callbacks=lambda: [TemperatureScaling(max_iter=7)]),
        Remedy("d", of="none", callbacks=lambda: [TemperatureScaling(max_iter=8)]),
    ]

    assert len({str(remedy.describe()) for remedy in remedies}) == len(remedies)


def test_the_last_linear_layer_becomes_a_cosine_layer_wherever_it_is() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(3, 5)
            self.heads = nn.ModuleDict({"main": nn.Sequential(nn.Dropout(), nn.Linear(5, 4))})

    network = cosine_head(Net())

    layer = network.heads["main"][1]  # type: ignore[index]  # a ModuleDict
    assert isinstance(layer, CosineClassifier)
    assert (layer.in_features, layer.num_classes, type(network.body)) == (5, 4, nn.Linear)
    assert isinstance(cosine_head(nn.Linear(2, 3)), CosineClassifier)


def test_smote_follows_from_its_seed() -> None:
    table = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))

    first, again, other = (smote(table, seed).tensors[0] for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_partial_functions_are_described_by_what_they_hold() -> None:
    assert "power=0.3" in Remedy("a", sampler=partial(dict, power=0.3)).describe()["sampler"]  # type: ignore[arg-type]
