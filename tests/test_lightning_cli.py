"""What can be said in Python can be said in a file and on a command line, and comes back from what LightningCLI saves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.cli import LightningCLI
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lightning_imbalance
from lightning_imbalance import WeightedClassifier, callbacks
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses import FocalLoss, WeightedCrossEntropy
from lightning_imbalance.losses.resolve import NAMED
from lightning_imbalance.schemes import SCHEMES, EffectiveNumber, Power, balanced

ROOT = Path(__file__).resolve().parents[1]
NETWORK = ["--model.model=torch.nn.Linear", "--model.model.in_features=3", "--model.model.out_features=3"]


class Points(L.LightningDataModule):
    def train_dataloader(self) -> DataLoader:
        target = torch.tensor([0] * 20 + [1] * 5 + [2] * 5)
        return DataLoader(TensorDataset(2 * torch.eye(3)[target], target), 10)

    val_dataloader = train_dataloader


class Doubling:
    """A scheme of a user's own."""

    def __init__(self, base: float = 2.0) -> None:
        self.base = base

    def __call__(self, distribution: ClassDistribution) -> torch.Tensor:
        return self.base ** torch.arange(distribution.num_classes)


@pytest.fixture
def cli(monkeypatch):
    """Read arguments as a program does, without running anything; a model of three classes is given."""
    monkeypatch.setattr(sys, "argv", ["train.py"])
    # Of Lightning's own calls.
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "max_epochs": 2,
    }

    def parse(*arguments: str, network: bool = True, run: bool = False) -> LightningCLI:
        given = [*(["fit"] if run else []), *(NETWORK if network else []), *arguments]
        return LightningCLI(
            WeightedClassifier, Points, args=given, run=run, trainer_defaults=quiet, seed_everything_default=False
        )

    return parse


@pytest.mark.parametrize("name", [name for name, kinds in NAMED.items() if "multiclass" in kinds[0].tasks])
def test_every_loss_is_found_by_name(name, cli):
    weighting = "uniform" if name in {"balanced_softmax", "logit_adjusted"} else "balanced"

    assert type(cli(f"--model.loss={name}", f"--model.weighting={weighting}").model._loss) is NAMED[name][0]


FOCAL = {"class_path": "lightning_imbalance.losses.FocalLoss", "init_args": {"gamma": 1.0}}


@pytest.mark.parametrize(
    ("arguments", "kind", "attributes"),
    [
        (["lightning_imbalance.losses.FocalLoss"], FocalLoss, {"gamma": 2.0}),
        (["lightning_imbalance.losses.FocalLoss", "--model.loss.gamma=1"], FocalLoss, {"gamma": 1.0}),
        ([json.dumps(FOCAL)], FocalLoss, {"gamma": 1.0}),
        (["torch.nn.CrossEntropyLoss", "--model.loss.label_smoothing=0.1"], WeightedCrossEntropy, {"label_smoothing": 0.1}),
    ],
)  # fmt: skip
def test_a_loss_is_found_by_its_class_path(arguments, kind, attributes, cli):
    loss = cli("--model.loss", *arguments).model._loss

    assert type(loss) is kind
    assert {name: getattr(loss, name) for name in attributes} == attributes


def test_a_loss_may_be_a_function(cli):
    model = cli("--model.loss=torch.nn.functional.cross_entropy", "--model.weighting=uniform").model

    assert model._loss.loss is nn.functional.cross_entropy


POWER = {"class_path": "lightning_imbalance.weighting.Power", "init_args": {"exponent": 0.25}}


@pytest.mark.parametrize(
    ("arguments", "weighting"),
    [
        *(([name], name) for name in SCHEMES),
        (["[1, 2, 10]"], [1.0, 2.0, 10.0]),
        (['{"cat": 1, "dog": 2, "eel": 10}'], {"cat": 1.0, "dog": 2.0, "eel": 10.0}),
        (['{"0": 1, "1": 2, "2": 10}'], {"0": 1.0, "1": 2.0, "2": 10.0}),
        (["lightning_imbalance.weighting.EffectiveNumber"], EffectiveNumber()),
        (["lightning_imbalance.weighting.EffectiveNumber", "--model.weighting.beta=0.99"], EffectiveNumber(0.99)),
        (["lightning_imbalance.weighting.Power", "--model.weighting.exponent=0.25"], Power(0.25)),
        ([json.dumps(POWER)], Power(0.25)),
        (["lightning_imbalance.schemes.balanced"], balanced),
    ],
)
def test_a_weighting_is_what_it_is_in_python(arguments, weighting, cli):
    parsed = cli("--model.weighting", *arguments)

    assert parsed.model.weighting == weighting
    # What LightningCLI writes into config.yaml reads the same.
    Path("config.yaml").write_text(parsed.parser.dump(parsed.config), encoding="utf-8")
    assert cli("--config=config.yaml", network=False).model.weighting == weighting


def test_a_scheme_of_ones_own_is_found_by_its_class_path(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "schemes_of_mine", sys.modules[__name__])

    scheme = cli("--model.weighting", '{"class_path": "schemes_of_mine.Doubling", "init_args": {"base": 3}}').model

    assert scheme.weighting(ClassDistribution([3, 2, 1])).tolist() == [1, 3, 9]


def test_an_unknown_name_gets_the_message_that_python_gives(cli):
    with pytest.raises(ValueError, match=r"got 'balancd'\. Did you mean 'balanced'\?"):
        cli("--model.weighting=balancd")


@pytest.mark.parametrize(
    ("given", "prior"),
    [("uniform", "uniform"), ("[0.2, 0.3, 0.5]", [0.2, 0.3, 0.5]), ('{"a": 0.5, "b": 0.5, "c": 0}', {"a": 0.5, "b": 0.5, "c": 0.0})],
)  # fmt: skip
def test_a_target_prior_is_what_it_is_in_python(given, prior, cli):
    assert cli(f"--model.target_prior={given}").model.target_prior == prior


def test_a_network_may_be_what_a_function_returns(cli):
    network = cli("--model.model=torchvision.models.squeezenet1_1", "--model.model.num_classes=3", network=False).model

    assert network.model.classifier[1].out_channels == 3


def test_optimizer_and_scheduler_are_made_of_what_is_said(cli):
    parsed = cli(
        "--model.optimizer=torch.optim.SGD",
        "--model.optimizer.lr=0.5",
        "--model.lr_scheduler=torch.optim.lr_scheduler.StepLR",
        "--model.lr_scheduler.step_size=1",
        run=True,
    )

    (optimizer,) = parsed.trainer.optimizers
    assert type(optimizer) is torch.optim.SGD
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * 0.1**2)


CALLBACKS = {
    "ApplyClassWeights": ["criterion=criterion", 'weighting={"0": 1, "1": 2, "2": 10}'],
    "ClassifierRetraining": ["start_epoch=1", "weighting=inverse_sqrt", "update_bn=true"],
    "DeferredReweighting": ["start=0.5", "scheme=lightning_imbalance.weighting.Power", "scheme.exponent=0.25"],
    "ImbalanceMonitor": ['distribution={"counts": [20, 5, 5]}', 'extra=["auroc"]'],
    "LearnableWeightScaling": ["start=0.5", "weighting=null"],
    "TauNormalization": ["tau=auto", "taus=[0, 0.5, 1]"],
    "TemperatureScaling": [],
    "ThresholdTuning": ["force=true"],
}


def test_all_callbacks_are_tried():
    assert sorted(CALLBACKS) == sorted(callbacks.__all__)


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_is_found_by_its_class_path_and_works(name, cli):
    options = [f"--trainer.callbacks.{option}" for option in CALLBACKS[name]]
    run = name != "ApplyClassWeights"  # which a WeightedClassifier refuses

    parsed = cli(
        f"--trainer.callbacks=lightning_imbalance.callbacks.{name}", *options, "--model.weighting=uniform", run=run
    )

    (found,) = [each for each in parsed.trainer.callbacks if type(each).__name__ == name]
    if name == "DeferredReweighting":
        assert found.scheme == Power(0.25)
    if name == "ApplyClassWeights":
        assert found.weighting == {"0": 1.0, "1": 2.0, "2": 10.0}


def test_the_example_of_the_page_runs_and_another_process_loads_its_checkpoint(tmp_path):
    page = (ROOT / "docs" / "lightning-cli.md").read_text(encoding="utf-8")
    for language, name in (("python", "train.py"), ("yaml", "experiment.yaml")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        (tmp_path / name).write_text(block, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(lightning_imbalance.__file__).parents[1])}
    run = partial(subprocess.run, cwd=tmp_path, env=environment, check=True)
    loading = re.search(r"^`(WeightedClassifier\.load_from_checkpoint\(.*?\))`", page, re.MULTILINE)[1]
    program = f"""
import json, torch
from lightning_imbalance import WeightedClassifier
model = {loading}
saved = torch.load("checkpoints/last.ckpt", weights_only=True)["state_dict"]
assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
print(json.dumps([repr(model._loss), repr(model.weighting), model.class_counts.tolist()]))
"""

    run([sys.executable, "train.py", "fit", "--config", "experiment.yaml"], capture_output=True)
    loaded = run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    assert json.loads(loaded.stdout) == ["FocalLoss(gamma=1.0)", "EffectiveNumber(beta=0.99)", [60, 20, 10]]
