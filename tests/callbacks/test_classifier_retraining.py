from __future__ import annotations

import copy
from typing import ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, RebalancedDataModule, WeightedClassifier, class_weights
from lightning_imbalance.callbacks import ClassifierRetraining
from lightning_imbalance.losses import CosineClassifier
from lightning_imbalance.samplers import ClassBalancedSampler

COUNTS = [20, 5, 5]
BALANCED = class_weights(ClassDistribution(COUNTS)).tolist()


def network(head: nn.Module | None = None) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3) if head is None else head)


class States(L.Callback):
    """Keeps the weights at the start and the end of each epoch, after the callbacks before it."""

    def __init__(self) -> None:
        self.starts, self.ends, self.steps, self.class_weights = [], [], [], []

    def on_train_epoch_start(self, trainer, pl_module):
        self.starts.append(copy.deepcopy(pl_module.model.state_dict()))
        self.class_weights.append(pl_module.class_weights.tolist())

    def on_train_epoch_end(self, trainer, pl_module):
        self.ends.append(copy.deepcopy(pl_module.model.state_dict()))
        state = trainer.optimizers[0].state
        self.steps.append([int(state.get(p, {}).get("step", 0)) for p in pl_module.parameters()])


@pytest.fixture
def fitted(tiny_trainer, blobs):
    def fit(callback, *, model=None, epochs=4, callbacks=(), ckpt_path=None, **options):
        states = States()
        model = WeightedClassifier(network() if model is None else model, weighting="uniform")
        trainer = tiny_trainer(max_epochs=epochs, callbacks=[callback, states, *callbacks], **options)
        trainer.fit(model, DataLoader(blobs(COUNTS), 10), ckpt_path=ckpt_path)
        return model, states, trainer

    return fit


def moved(before, after) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


STATISTICS = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
BACKBONE = {"0.weight", "0.bias", "1.weight", "1.bias"}
HEAD = {"3.weight", "3.bias"}


@pytest.mark.parametrize("when", [{"start_epoch": 2}, {"start": 0.5}])
def test_from_the_start_epoch_on_only_the_last_layer_is_trained(when, fitted):
    callback = ClassifierRetraining(**when)

    _, states, _ = fitted(callback)

    assert [moved(*epoch) for epoch in zip(states.starts, states.ends, strict=True)] == [
        BACKBONE | HEAD | STATISTICS,
        BACKBONE | HEAD | STATISTICS,
        HEAD,
        HEAD,
    ]
    assert moved(states.ends[1], states.starts[2]) == HEAD
    assert moved(states.ends[2], states.starts[3]) == set()
    assert callback.started


def test_the_optimizer_forgets_the_last_layer_and_leaves_the_rest_alone(fitted):
    _, states, _ = fitted(ClassifierRetraining(2))

    assert states.steps == [[3] * 6, [6] * 6, [6] * 4 + [3] * 2, [6] * 4 + [6] * 2]


@pytest.mark.parametrize(("weighting", "weights"), [("balanced", BALANCED), ([1, 2, 3], [1, 2, 3]), (None, [1, 1, 1])])
def test_the_class_weights_become_those_that_were_asked_for(weighting, weights, fitted):
    _, states, _ = fitted(ClassifierRetraining(1, weighting=weighting), epochs=2)

    assert states.class_weights == [[1, 1, 1], weights]


def test_statistics_of_batch_normalization_move_if_asked(fitted):
    _, states, _ = fitted(ClassifierRetraining(1, update_bn=True), epochs=2)

    assert moved(states.starts[1], states.ends[1]) == HEAD | STATISTICS


def test_validation_does_not_wake_batch_normalization(fitted, tiny_trainer, blobs):
    states = States()
    trainer = tiny_trainer(max_epochs=2, callbacks=[ClassifierRetraining(0), states], val_check_interval=1)

    trainer.fit(WeightedClassifier(network()), DataLoader(blobs(COUNTS), 10), DataLoader(blobs([2, 2, 2])))

    assert moved(states.starts[0], states.ends[1]) == HEAD


def test_after_the_fit_the_network_is_as_it_was(fitted):
    model, _, _ = fitted(ClassifierRetraining(2))

    assert all(parameter.requires_grad for parameter in model.parameters())
    model.train()
    assert all(layer.training for layer in model.modules())


def test_what_was_frozen_before_stays_frozen(fitted):
    net = network()
    net[0].bias.requires_grad = False

    fitted(ClassifierRetraining(1), model=net, epochs=2)

    assert [name for name, p in net.named_parameters() if not p.requires_grad] == ["0.bias"]


def test_a_fit_that_is_interrupted_leaves_the_network_as_it_was(fitted):
    class Failing(L.Callback):
        def on_train_batch_end(self, trainer, *_args):
            if trainer.current_epoch == 1:
                msg = "power cut"
                raise RuntimeError(msg)

    net = network()

    with pytest.raises(RuntimeError, match="power cut"):
        fitted(ClassifierRetraining(1), model=net, callbacks=[Failing()])

    assert all(parameter.requires_grad for parameter in net.parameters())
    assert net[1].training


@pytest.fixture
def halfway(fitted, tmp_path):
    """Fit with a checkpoint an epoch, and give the model and how to resume from one of them."""

    def saver() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path, save_top_k=-1, filename="{epoch}")

    def resume(epoch):
        path = tmp_path / f"epoch={epoch}.ckpt"
        return fitted(ClassifierRetraining(2), callbacks=[saver()], enable_checkpointing=True, ckpt_path=path)

    whole, _, _ = fitted(ClassifierRetraining(2), callbacks=[saver()], enable_checkpointing=True)
    return whole, resume


def test_a_fit_resumed_after_the_start_gives_the_same_bits(halfway):
    whole, resume = halfway

    resumed, states, _ = resume(2)

    assert moved(whole.state_dict(), resumed.state_dict()) == set()
    assert [moved(*epoch) for epoch in zip(states.starts, states.ends, strict=True)] == [HEAD]
    assert states.class_weights == [BALANCED]
    assert all(parameter.requires_grad for parameter in resumed.parameters())


def test_a_fit_resumed_before_the_start_starts(halfway):
    _, resume = halfway

    _, states, _ = resume(1)

    assert [moved(*epoch) for epoch in zip(states.starts, states.ends, strict=True)] == [HEAD, HEAD]
    assert states.steps == [[6] * 4 + [3] * 2, [6] * 6]


def test_its_state_is_read_without_trust(fitted, tmp_path):
    callback = ClassifierRetraining(1)
    _, _, trainer = fitted(callback, epochs=2)

    trainer.save_checkpoint(tmp_path / "model.ckpt")

    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)
    assert saved["callbacks"][callback.state_key] == {"started": True}


def test_a_new_trainer_begins_anew(fitted):
    callback = ClassifierRetraining(1)
    fitted(callback, epochs=2)

    _, states, _ = fitted(callback, epochs=2)

    assert moved(states.starts[0], states.ends[0]) == BACKBONE | HEAD | STATISTICS


def test_the_same_trainer_goes_on(fitted, blobs):
    callback = ClassifierRetraining(1)
    model, states, trainer = fitted(callback, epochs=2)
    trainer.fit_loop.max_epochs = 3

    trainer.fit(model, DataLoader(blobs(COUNTS), 10))

    assert moved(states.starts[2], states.ends[2]) == HEAD
    assert moved(states.ends[1], states.starts[2]) == set()


def test_a_head_of_another_kind_can_be_named(fitted):
    net = network(nn.Sequential(nn.Linear(8, 4), CosineClassifier(4, 3)))

    _, states, _ = fitted(ClassifierRetraining(1, head="model.3"), model=net, epochs=2)

    assert moved(states.starts[1], states.ends[1]) == {"3.0.weight", "3.0.bias", "3.1.weight"}
    assert moved(states.ends[0], states.starts[1]) == {"3.0.weight", "3.0.bias", "3.1.weight"}


@pytest.mark.parametrize(
    ("share", "epochs", "start"), [(0.0, 3, 0), (0.29, 100, 29), (0.9, 10, 9), (0.99, 10, 9), (0.8, 7, 5)]
)
def test_a_share_is_rounded_down_to_an_epoch(share, epochs, start, tiny_trainer):
    callback = ClassifierRetraining(start=share)

    callback.setup(tiny_trainer(max_epochs=epochs), WeightedClassifier(network()), "fit")

    assert callback._start == start


def test_another_module_is_retrained_without_class_weights(tiny_trainer, blobs):
    class Plain(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()
            self.class_weights = torch.ones(3)

        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters())

    states = States()

    tiny_trainer(max_epochs=2, callbacks=[ClassifierRetraining(1, weighting=None), states]).fit(
        Plain(), DataLoader(blobs(COUNTS), 10)
    )

    assert moved(states.starts[1], states.ends[1]) == HEAD


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of `start_epoch` and `start` must be given, got start_epoch=None and start=None."),
        ({"start_epoch": 1, "start": 0.5}, "one of `start_epoch` and `start` must be given, got start_epoch=1 and start=0.5."),
        ({"start_epoch": -1}, "`start_epoch` must be an integer from 0 on, got -1."),
        ({"start_epoch": 1.5}, "`start_epoch` must be an integer from 0 on, got 1.5."),
        ({"start": 1.0}, "`start` must be from 0 to below 1, got 1.0."),
    ],
)  # fmt: skip
def test_a_mistake_is_named(options, message):
    with pytest.raises(ValueError) as error:
        ClassifierRetraining(**options)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "trainer", "message"),
    [
        ({"start_epoch": 3}, {"max_epochs": 3}, "`start_epoch` must be below `max_epochs`, or it never comes, got 3 of 3."),
        ({"start": 0.5}, {"max_epochs": -1}, "`max_epochs` must be given for `start`, got -1. Or pass `start_epoch`."),
        ({"start_epoch": 1, "head": "model.2"}, {"max_epochs": 2}, "`head` must have `reset_parameters`, as torch.nn.Linear does, got ReLU for 'model.2'."),
        (
            {"start_epoch": 1},
            {"max_epochs": 2, "devices": 2, "strategy": "ddp"},
            'several processes must expect that parameters are frozen in the middle of a fit, `Trainer(strategy="ddp_find_unused_parameters_true")`, got DDPStrategy without it.',
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_training(options, trainer, message, tiny_trainer):
    with pytest.raises(ValueError) as error:
        ClassifierRetraining(**options).setup(tiny_trainer(**trainer), WeightedClassifier(network()), "fit")

    assert str(error.value) == message


def test_several_processes_that_expect_it_are_let_through(tiny_trainer):
    trainer = tiny_trainer(max_epochs=2, devices=2, strategy="ddp_find_unused_parameters_true")

    ClassifierRetraining(1).setup(trainer, WeightedClassifier(network()), "fit")


def test_a_loss_that_takes_no_weights_is_refused(tiny_trainer):
    model = WeightedClassifier(network(), weighting="uniform", loss=nn.functional.cross_entropy)

    with pytest.raises(ValueError) as error:
        ClassifierRetraining(1).setup(tiny_trainer(max_epochs=2), model, "fit")

    assert str(error.value) == (
        "the loss must take class weights, got one that a module with `weighting='uniform'` calls without. Use a loss of this package, or balance the batches and pass `weighting=None`."
    )


def test_a_module_without_class_weights_is_refused(tiny_trainer):
    class Plain(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

    with pytest.raises(TypeError) as error:
        ClassifierRetraining(1).setup(tiny_trainer(max_epochs=2), Plain(), "fit")

    assert str(error.value) == (
        "the module must be a WeightedClassifier for its class weights to be set, got Plain. Balance its batches from the start epoch on, and pass `weighting=None`."
    )


def test_an_unknown_weighting_is_refused_before_training(tiny_trainer):
    with pytest.raises(ValueError, match="'balancd'"):
        ClassifierRetraining(1, weighting="balancd").setup(
            tiny_trainer(max_epochs=2), WeightedClassifier(network()), "fit"
        )


def test_an_optimizer_without_the_last_layer_is_refused(tiny_trainer, blobs):
    class Half(WeightedClassifier):
        def configure_optimizers(self):
            return torch.optim.SGD(self.model[0].parameters(), lr=0.1)

    with pytest.raises(ValueError) as error:
        tiny_trainer(max_epochs=2, callbacks=[ClassifierRetraining(1)]).fit(
            Half(network()), DataLoader(blobs(COUNTS), 10)
        )

    assert str(error.value) == (
        "the optimizer must have the parameters of the last layer from the beginning, got an optimizer without them. Give it `self.parameters()`."
    )


def test_the_batches_can_be_balanced_from_the_same_epoch_on(tiny_trainer):
    class Watching(WeightedClassifier):
        drawn: ClassVar[dict[int, Tensor]] = {}

        def training_step(self, batch, batch_idx):
            self.drawn[self.current_epoch] = batch[1].bincount(minlength=2)
            return super().training_step(batch, batch_idx)

    dataset = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
    inside = L.LightningDataModule()
    inside.train_dataloader = lambda: DataLoader(dataset, batch_size=60)
    model = Watching(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), weighting="uniform")
    retraining = ClassifierRetraining(start=0.8, weighting=None)

    tiny_trainer(max_epochs=7, callbacks=[retraining]).fit(
        model, datamodule=RebalancedDataModule(inside, sampler="deferred")
    )

    assert [counts.tolist() for counts in model.drawn.values()] == [[50, 10]] * 5 + [[30, 30]] * 2
    assert retraining.started
    torch.testing.assert_close(model.training_prior, torch.tensor([0.5, 0.5], dtype=torch.float64))


def test_weights_that_come_beside_a_balanced_sampler_are_named(tiny_trainer):
    dataset = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
    model = WeightedClassifier(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), weighting="uniform")
    trainer = tiny_trainer(max_epochs=2, callbacks=[ClassifierRetraining(start_epoch=1)])

    with pytest.warns(UserWarning, match="got a sampler that draws the rare classes more often and weights"):
        trainer.fit(model, DataLoader(dataset, 20, sampler=ClassBalancedSampler(dataset)))
