from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import TemperatureScaling
from lightning_imbalance.cli.saved_model import model_of
from lightning_imbalance.cli.saved_run import SavedRun, read_checkpoint
from lightning_imbalance.comparison.remedies import cosine_head
from lightning_imbalance.losses import FocalLoss
from lightning_imbalance.quiet import quiet
from lightning_imbalance.small_networks import small_network

NAMES = ["cat", "dog", "eel"]


@pytest.fixture
def saved(blobs, tiny_trainer):
    """Fit a network for an epoch, and return model, run and checkpoint."""

    def fit(network=None, config=None, record=None, callbacks=(), cls=WeightedClassifier, **arguments):
        data = blobs([20, 10, 5], NAMES)
        loader = torch.utils.data.DataLoader(data, batch_size=10)
        model = cls(network or small_network((3,), 3), **arguments)
        trainer = tiny_trainer(
            callbacks=[*callbacks, ModelCheckpoint("run", "x", save_weights_only=False)], enable_checkpointing=True
        )
        with quiet():
            trainer.fit(model, loader, loader)
        run = SavedRun(
            Path("runs/mine/seed-4") if record else Path("run"), Path("run/x.ckpt"), config=config, record=record
        )
        return model, run, read_checkpoint(run.checkpoint)

    return fit


def load(run, checkpoint, named=None, shape=(3,)):
    return model_of(run, checkpoint, named, lambda: shape)


def same(found, model):
    theirs, mine = found.model.state_dict(), model.state_dict()
    return set(theirs) == set(mine) and all(torch.equal(value, mine[name]) for name, value in theirs.items())


def test_the_small_network_is_made_again_and_all_of_the_model_is_there(saved):
    model, run, checkpoint = saved(weighting="inverse_sqrt", loss=FocalLoss(gamma=1.5))

    found = load(run, checkpoint)

    assert same(found, model)
    assert not found.model.training
    assert found.model.distribution == model.distribution
    assert found.model.trained_with() == model.trained_with()
    assert (found.notices, found.lost_loss) == ((), None)
    assert found.trained_with == {
        "network": "Sequential",
        "checkpoint": "x.ckpt, after epoch 0",
        "weighting": "'inverse_sqrt'",
    }


def test_the_network_of_the_config_is_made_again(saved):
    said = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 3, "out_features": 3}}
    optimizer = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.01}}
    model, run, checkpoint = saved(nn.Linear(3, 3), {"model": {"model": said, "optimizer": optimizer}})

    found = load(run, checkpoint)

    assert same(found, model)
    assert found.trained_with["network"] == "torch.nn.Linear"
    assert found.trained_with["optimizer"] == "SGD, learning rate 0.01"


MODULE = """
from torch import nn
def linear(classes):
    return nn.Linear(3, classes)
def text(classes):
    return "no network"
"""


def test_the_network_that_a_user_names_comes_before_all_others(saved, tmp_path, monkeypatch):
    (tmp_path / "networks_of_mine.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 9, "out_features": 3}}
    model, run, checkpoint = saved(nn.Linear(3, 3), {"model": {"model": said}})

    assert same(load(run, checkpoint, "networks_of_mine:linear"), model)

    with pytest.raises(TypeError) as refused:
        load(run, checkpoint, "networks_of_mine:text")
    assert str(refused.value) == "`--model` must make a torch.nn.Module, got 'networks_of_mine:text', which makes str."


def test_the_head_that_a_remedy_puts_on_is_put_on_again(saved):
    record = {
        "network": "lightning_imbalance.comparison.remedies.cosine_head",
        "sampler": "'balanced'",
        "lr_scheduler": "None",
        "callbacks[0]": "DeferredReweighting()",
    }
    model, run, checkpoint = saved(cosine_head(small_network((3,), 3)), record=record)

    found = load(run, checkpoint)

    assert same(found, model)
    assert torch.equal(found.model(torch.ones(2, 3)), model(torch.ones(2, 3)))
    assert found.trained_with["network"] == "Sequential with a cosine classifier"
    assert {name: found.trained_with[name] for name in ("remedy", "seed", "sampler", "callbacks[0]")} == {
        "remedy": "mine", "seed": "4", "sampler": "'balanced'", "callbacks[0]": "DeferredReweighting()",
    }  # fmt: skip
    assert "lr scheduler" not in found.trained_with


def mine(logits, target):
    return nn.functional.cross_entropy(logits, target, reduction="none")


def test_a_loss_that_is_no_hyper_parameter_is_named_as_lost(saved):
    model, run, checkpoint = saved(loss=mine)

    found = load(run, checkpoint)

    assert found.lost_loss == model.trained_with()["loss"]
    assert len(found.notices) == 1
    assert found.notices[0].startswith(
        "`loss` must be given again where it is no hyper-parameter: the checkpoint was trained with UnreducedLoss(mine)"
    )
    assert torch.equal(found.model(torch.ones(2, 3)), model.eval()(torch.ones(2, 3)))


def test_a_loss_that_only_the_config_knows_is_made_again(saved):
    config = {
        "model": {
            "loss": {
                "class_path": "torch.nn.CrossEntropyLoss",
                "init_args": {"label_smoothing": 0.1, "reduction": "none"},
            }
        }
    }
    model, run, checkpoint = saved(loss=nn.CrossEntropyLoss(label_smoothing=0.1, reduction="none"), config=config)

    found = load(run, checkpoint)

    assert found.lost_loss is None
    assert found.model.trained_with() == model.trained_with()


def test_what_was_fitted_after_training_is_named(saved):
    _, run, checkpoint = saved(callbacks=[TemperatureScaling()])

    assert load(run, checkpoint).notices == (
        "The checkpoint holds what TemperatureScaling found on validation data. These figures are without it.",
    )


class Own(WeightedClassifier):
    def __init__(self, model=None, depth=3):
        super().__init__(model)
        self.save_hyperparameters(ignore=["model"])


class Whole(WeightedClassifier):
    def __init__(self, model=None):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, inputs):
        return self.layer(inputs)


@pytest.mark.parametrize(
    ("settings", "named", "shape", "message"),
    [
        ({}, None, (5,), "`--model` must name the network of run/x.ckpt, got none, and it is not Sequential, the one that is taken where nothing says another: its 1.weight has shape (64, 5) and that of the checkpoint (64, 3). Pass `--model torchvision.models.resnet18`, or `--model package.module:name` of what makes it."),
        ({"network": nn.Linear(3, 3)}, None, (3,), "`--model` must name the network of run/x.ckpt, got none, and it is not Sequential, the one that is taken where nothing says another: weight is missing in it. Pass `--model torchvision.models.resnet18`, or `--model package.module:name` of what makes it."),
        ({}, "torchvision.models.squeezenet1_1", (3,), "`--model` must be the network of run/x.ckpt, got torchvision.models.squeezenet1_1: 1.weight is missing in it."),
        ({"cls": Own}, None, (3,), "the checkpoint must be one of WeightedClassifier, got run/x.ckpt of a subclass with an argument 'depth'. Load it in Python, and call `model_report(model, datamodule)` of `lightning_imbalance.reports.model_report`."),
        ({"cls": Whole}, None, (3,), "the checkpoint must be one of WeightedClassifier around a network, got run/x.ckpt of a subclass with a `forward` of its own. Load it in Python, and call `model_report(model, datamodule)` of `lightning_imbalance.reports.model_report`."),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_checkpoint_is_refused(saved, settings, named, shape, message):
    _, run, checkpoint = saved(**settings)

    with pytest.raises(ValueError) as refused:
        load(run, checkpoint, named, shape)

    assert str(refused.value) == message
