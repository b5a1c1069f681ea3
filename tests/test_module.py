"""What the classes, their weights and the logged losses are, and what a subclass can change."""

from __future__ import annotations

from functools import partial

import lightning as L
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.losses import BalancedSoftmaxLoss, WeightedCrossEntropy
from lightning_imbalance.weighting import EffectiveNumber, Power

standing_still = partial(torch.optim.SGD, lr=0.0)
NAMES = ["nevus", "keratosis", "melanoma"]
COUNTS = [12, 5, 3]


class Rows(Logger):
    """Keeps what it is given."""

    name, version = "rows", 0

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *_args, **_kwargs):
        pass


class Data(L.LightningDataModule):
    def __init__(self, train) -> None:
        super().__init__()
        self.train = train

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=8)


class AfterTraining(Callback):
    """Keeps the parameters before and the metrics after."""

    def __init__(self) -> None:
        self.before: dict[str, torch.Tensor] = {}

    def on_fit_start(self, _trainer, pl_module):
        self.before = {name: value.clone() for name, value in pl_module.named_parameters()}


def weighted_loss(model, data, weights) -> float:
    """The weighted mean over all samples, one sample after another."""
    numerator = denominator = 0.0
    with torch.no_grad():
        for inputs, target in data:
            loss = -model(inputs[None])[0].double().log_softmax(0)[target]
            numerator += weights[target].item() * loss.item()
            denominator += weights[target].item()
    return numerator / denominator


def mean_of_batch_means(model, loader, weights) -> float:
    with torch.no_grad():
        losses = [F.cross_entropy(model(inputs), target, weights.float()).item() for inputs, target in loader]
    return sum(losses) / len(losses)


# --- counts, names and weights -----------------------------------------------------------------------------------


class OwnLoader(WeightedClassifier):
    def train_dataloader(self):
        return DataLoader(self.data, batch_size=8)


class OwnDistribution(WeightedClassifier):
    def class_distribution(self):
        return ClassDistribution([100, 10, 1], NAMES)


def test_classes_come_from_a_datamodule(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3))

    tiny_trainer().fit(model, datamodule=Data(blobs(COUNTS, NAMES)))

    distribution = ClassDistribution(COUNTS, NAMES)
    assert model.distribution == distribution
    assert model.class_names == tuple(NAMES)
    assert model.class_counts.tolist() == COUNTS
    assert torch.equal(model.class_weights, class_weights(distribution))
    assert model.num_classes == 3


def test_classes_come_from_a_dataloader(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3))

    tiny_trainer().fit(model, DataLoader(blobs(COUNTS, NAMES), batch_size=8))

    assert model.distribution == ClassDistribution(COUNTS, NAMES)


def test_classes_come_from_the_dataloader_of_the_module_itself(tiny_trainer, blobs):
    model = OwnLoader(nn.Linear(3, 3))
    model.data = blobs(COUNTS, NAMES)

    tiny_trainer().fit(model)

    assert model.distribution == ClassDistribution(COUNTS, NAMES)


def test_classes_come_from_an_override_and_the_data_are_not_read(tiny_trainer):
    model = OwnDistribution(nn.Linear(3, 3))
    endless = DataLoader(Endless(), batch_size=4)

    tiny_trainer(limit_train_batches=2).fit(model, endless)

    assert model.class_counts.tolist() == [100, 10, 1]
    assert model.class_names == tuple(NAMES)


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(3), 0


def test_names_may_be_left_to_the_data_or_be_given(tiny_trainer, blobs):
    given, unnamed = WeightedClassifier(nn.Linear(3, 3), class_names=NAMES), WeightedClassifier(nn.Linear(3, 3))

    for model in (given, unnamed):
        tiny_trainer().fit(model, DataLoader(blobs(COUNTS), batch_size=8))

    assert (given.class_names, unnamed.class_names) == (tuple(NAMES), ("0", "1", "2"))


def test_a_class_beyond_those_of_the_data_is_warned_about_and_has_a_weight(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 4), num_classes=4, class_names=[*NAMES, "wart"])

    with pytest.warns(UserWarning, match="no training sample of class 'wart'") as warned:
        tiny_trainer().fit(model, DataLoader(blobs(COUNTS), batch_size=8))

    [message] = [str(warning.message) for warning in warned if "wart" in str(warning.message)]
    assert message == (
        "no training sample of class 'wart': weighted like the rarest class that has some, 'melanoma' (3 samples)."
    )
    assert model.class_weights[3] == model.class_weights[2] > 1


def test_fitting_twice_gives_the_same_classes(tiny_trainer, blobs):
    model, trainer, loader = WeightedClassifier(nn.Linear(3, 3)), tiny_trainer(), DataLoader(blobs(COUNTS, NAMES))

    trainer.fit(model, loader)
    first = (model.distribution, model.class_weights.clone(), model.class_names)
    tiny_trainer().fit(model, loader)

    assert (model.distribution, model.class_names) == (first[0], first[2])
    assert torch.equal(model.class_weights, first[1])
    assert [name for name, _ in model.named_buffers()] == ["class_weights", "class_counts"]


def test_a_second_fit_on_other_data_takes_their_counts_and_names(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(2, 2))

    for counts, names in (([8, 2], None), ([3, 9], ["cat", "dog"]), ([5, 5], ["red", "blue"])):
        tiny_trainer().fit(model, DataLoader(blobs(counts, names), batch_size=8))

        assert model.distribution == ClassDistribution(counts, names)
        assert model.class_names == ClassDistribution(counts, names).class_names
        assert model.class_counts.tolist() == counts


SCHEMES = {
    "name": "effective_number",
    "list": [1.0, 2.0, 10.0],
    "tuple": (1.0, 2.0, 10.0),
    "integers": [1, 2, 10],
    "tensor": torch.tensor([1.0, 2.0, 10.0]),
    "array": np.array([1.0, 2.0, 10.0]),
    "by name": {"melanoma": 10.0, "nevus": 1.0, "keratosis": 2.0},
    "by index": {2: 10.0, 0: 1.0, 1: 2.0},
    "lambda": lambda d: d.priors.rsqrt(),
    "scheme": EffectiveNumber(beta=0.9),
    "power": Power(exponent=0.25),
    "uniform": "uniform",
}


@pytest.mark.parametrize("weighting", SCHEMES.values(), ids=SCHEMES)
def test_weights_are_those_of_class_weights_whatever_form_they_are_given_in(weighting, tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3), weighting=weighting)

    tiny_trainer().fit(model, DataLoader(blobs(COUNTS, NAMES), batch_size=8))

    assert torch.equal(model.class_weights, class_weights(ClassDistribution(COUNTS, NAMES), weighting))


def test_numbers_mean_the_same_in_each_form(tiny_trainer, blobs):
    weights = []
    for form in ("list", "tuple", "integers", "tensor", "array", "by name", "by index"):
        model = WeightedClassifier(nn.Linear(3, 3), weighting=SCHEMES[form])
        tiny_trainer().fit(model, DataLoader(blobs(COUNTS, NAMES), batch_size=8))
        weights.append(model.class_weights.tolist())

    assert weights == [[1.0, 2.0, 10.0]] * 7


# --- buffers -----------------------------------------------------------------------------------------------------


def test_buffers_are_there_from_the_beginning():
    known, unknown = WeightedClassifier(nn.Linear(3, 3), 3), WeightedClassifier(nn.Linear(3, 3))

    assert (known.class_weights.tolist(), known.class_counts.tolist(), known.num_classes) == ([1.0] * 3, [0] * 3, 3)
    assert (unknown.class_weights.shape, unknown.class_counts.shape, unknown.num_classes) == ((0,), (0,), None)
    for model in (known, unknown):
        assert (model.class_weights.dtype, model.class_counts.dtype) == (torch.float32, torch.int64)
        assert {"class_weights", "class_counts"} < set(model.state_dict())


@pytest.mark.parametrize("arguments", [{"weighting": [1.0, 2.0, 3.0]}, {"class_names": NAMES}, {"num_classes": 3}])
def test_the_number_of_classes_follows_from_any_argument_that_says_it(arguments):
    assert WeightedClassifier(nn.Linear(3, 3), **arguments).num_classes == 3


def test_a_binary_model_always_has_two_classes():
    assert WeightedClassifier(nn.Linear(3, 1), task="binary").class_weights.tolist() == [1, 1]


def test_buffers_move_with_the_module():
    model = WeightedClassifier(nn.Linear(3, 3), 3)

    assert model.to("meta").class_weights.device.type == "meta"
    assert model.class_counts.device.type == "meta"


def test_buffers_change_type_with_the_module_and_counts_stay_counts():
    model = WeightedClassifier(nn.Linear(3, 3), 3).to(torch.float64)

    assert (model.class_weights.dtype, model.class_counts.dtype) == (torch.float64, torch.int64)


def test_a_fit_in_double_precision_computes_in_double_precision(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3))

    tiny_trainer(precision="64-true").fit(model, DataLoader(blobs(COUNTS), batch_size=8))

    assert model.compute_loss(torch.zeros(2, 3, dtype=torch.float64), torch.tensor([0, 2])).dtype == torch.float64


# --- the loss ----------------------------------------------------------------------------------------------------


def fitted(weights, **arguments) -> WeightedClassifier:
    """A model with weights, without a Trainer."""
    model = WeightedClassifier(nn.Identity(), len(weights), **arguments)
    model.class_weights = torch.tensor(weights)
    return model


def test_the_loss_is_torchs_weighted_cross_entropy():
    logits, target, weights = torch.randn(9, 3), torch.arange(9) % 3, [0.5, 1.0, 4.0]

    torch.testing.assert_close(
        fitted(weights).compute_loss(logits, target), F.cross_entropy(logits, target, torch.tensor(weights))
    )


def test_a_one_hot_target_gives_the_loss_of_its_index():
    model, logits, target = fitted([0.5, 1.0, 4.0]), torch.randn(9, 3), torch.arange(9) % 3

    soft = F.one_hot(target, 3).float()

    torch.testing.assert_close(model.compute_loss(logits, soft), model.compute_loss(logits, target))
    torch.testing.assert_close(model.compute_loss(logits, soft.double()), model.compute_loss(logits, target))


def test_a_mixed_target_is_the_weighted_mean_of_its_parts():
    model, logits = fitted([0.5, 4.0]), torch.randn(1, 2)
    log = logits.log_softmax(1)[0]

    loss = model.compute_loss(logits, torch.tensor([[0.3, 0.7]]))

    weight = 0.3 * 0.5 + 0.7 * 4
    torch.testing.assert_close(loss, -(0.3 * 0.5 * log[0] + 0.7 * 4 * log[1]) / weight)


# A target may have the logits' column, not one of its own.
@pytest.mark.parametrize(("shape", "target_shape"), [((6,), (6,)), ((6, 1), (6,)), ((6, 1), (6, 1))])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bool, torch.uint8])
def test_binary_logits_and_targets_may_have_a_column_and_any_type(shape, target_shape, dtype):
    logits, target = torch.randn(6), torch.tensor([0, 1, 1, 0, 0, 0])
    weights = torch.tensor([0.5, 3.0])
    each = F.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")

    loss = fitted([0.5, 3.0], task="binary").compute_loss(logits.reshape(shape), target.to(dtype).reshape(target_shape))

    torch.testing.assert_close(loss, (each * weights[target]).sum() / weights[target].sum())


def test_the_multilabel_loss_weights_positives():
    logits, target, weights = torch.randn(5, 3), torch.randint(0, 2, (5, 3)), [1.0, 4.0, 9.0]
    each = F.binary_cross_entropy_with_logits(
        logits, target.float(), pos_weight=torch.tensor(weights), reduction="none"
    )
    counted = torch.where(target == 1, torch.tensor(weights), 1.0)

    loss = fitted(weights, task="multilabel").compute_loss(logits, target)

    torch.testing.assert_close(loss, each.sum() / counted.sum())


def test_every_pixel_counts_except_the_ignored_ones():
    logits, target, weights = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5)), [0.5, 1.0, 4.0]
    target[0, :2] = 255

    loss = fitted(weights, ignore_index=255).compute_loss(logits, target)

    torch.testing.assert_close(
        loss, F.cross_entropy(logits, target, torch.tensor(weights), ignore_index=255), rtol=1e-5, atol=1e-6
    )


def test_a_batch_of_which_nothing_counts_has_loss_0_and_gradients_of_0():
    model = WeightedClassifier(nn.Linear(3, 3), 3, ignore_index=-1)

    loss = model.compute_loss(model(torch.randn(4, 3)), torch.full((4,), -1))
    loss.backward()

    assert loss.item() == 0
    assert [parameter.grad.abs().sum().item() for parameter in model.parameters()] == [0, 0]


def test_the_loss_compiles_without_a_graph_break_and_so_without_waiting_for_a_device():
    model, logits, target = fitted([0.5, 1.0, 4.0]), torch.randn(9, 3), torch.arange(9) % 3

    compiled = torch.compile(model.compute_loss, fullgraph=True, backend="eager")

    torch.testing.assert_close(compiled(logits, target), model.compute_loss(logits, target))


# torch's own, where it compiles what comes after a break in the graph
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_compiled_module_is_compiled_once_and_trains_the_same(accumulate, tiny_trainer, blobs):
    torch.compiler.reset()  # what other tests have compiled
    results = []
    for compiled in (False, True):
        model = WeightedClassifier(nn.Linear(3, 3))
        nn.init.ones_(model.model.weight)
        nn.init.zeros_(model.model.bias)
        trainer = tiny_trainer(max_epochs=3, accumulate_grad_batches=accumulate, log_every_n_steps=2)
        with torch._dynamo.config.patch(error_on_recompile=compiled):
            trainer.fit(torch.compile(model, backend="eager") if compiled else model, DataLoader(blobs([20, 5, 5]), 5))
        results.append([model.model.weight, trainer.callback_metrics["train_loss"]])

    torch.testing.assert_close(*results)


@pytest.mark.parametrize(
    ("task", "logits", "target"),
    [("binary", torch.randn(6, 1), torch.tensor([0, 1, 1, 0, 0, 0])), ("multilabel", torch.randn(6, 2), None)],
)
def test_the_losses_of_the_other_tasks_compile_too(task, logits, target):
    model = fitted([0.5, 2.0], task=task)
    target = torch.randint(0, 2, (6, 2)) if target is None else target

    compiled = torch.compile(model.compute_loss, fullgraph=True, backend="eager")

    torch.testing.assert_close(compiled(logits, target), model.compute_loss(logits, target))


# --- what is logged ----------------------------------------------------------------------------------------------


def test_losses_are_means_over_all_samples_and_not_over_batches(tiny_trainer, blobs):
    train, val, test = blobs([9, 4, 1]), blobs([6, 3, 1]), blobs([1, 2, 4])
    loaders = {"train": DataLoader(train, 4), "val": DataLoader(val, 4), "test": DataLoader(test, 4)}
    model, trainer = WeightedClassifier(nn.Linear(3, 3), optimizer=standing_still), tiny_trainer()

    trainer.fit(model, loaders["train"], loaders["val"])
    logged = dict(trainer.callback_metrics)
    [tested] = trainer.test(model, loaders["test"], verbose=False)

    weights, ones = class_weights(ClassDistribution([9, 4, 1])), torch.ones(3)
    assert set(logged) == {"train_loss", "val_loss", "val_loss_unweighted"}
    assert set(tested) == {"test_loss", "test_loss_unweighted"}
    logged |= tested
    for name, data, weight in (
        ("train_loss", train, weights),
        ("val_loss", val, weights),
        ("val_loss_unweighted", val, ones),
        ("test_loss", test, weights),
        ("test_loss_unweighted", test, ones),
    ):
        loader = loaders[name.partition("_")[0]]
        assert float(logged[name]) == pytest.approx(weighted_loss(model, data, weight), rel=1e-6)
        assert float(logged[name]) != pytest.approx(mean_of_batch_means(model, loader, weight), rel=1e-3)


def test_each_epoch_has_a_loss_of_its_own(tiny_trainer, blobs):
    train, val, rows = blobs([9, 4, 1]), blobs([6, 3, 1]), Rows()
    model = WeightedClassifier(nn.Linear(3, 3), optimizer=partial(torch.optim.SGD, lr=0.1))

    tiny_trainer(max_epochs=3, logger=rows).fit(model, DataLoader(train, 4), DataLoader(val, 4))

    losses = [row["val_loss"] for _, row in rows.rows if "val_loss" in row]
    assert len(losses) == len(set(losses)) == 3
    assert losses[-1] == pytest.approx(weighted_loss(model, val, model.class_weights), rel=1e-6)
    assert len({row["train_loss"] for _, row in rows.rows if "train_loss" in row}) == 3


def test_the_loss_of_a_step_is_logged_whenever_loggers_are_due_also_over_short_epochs(tiny_trainer, blobs):
    rows = Rows()

    tiny_trainer(max_epochs=3, logger=rows, log_every_n_steps=3).fit(
        WeightedClassifier(nn.Linear(2, 2)), DataLoader(blobs([12, 8]), batch_size=5)
    )

    assert [step for step, row in rows.rows if "train_loss_step" in row] == [2, 5, 8, 11]


def test_the_loss_of_a_step_is_that_of_the_last_accumulated_batch(tiny_trainer, blobs):
    rows = Rows()

    tiny_trainer(logger=rows, log_every_n_steps=1, accumulate_grad_batches=2).fit(
        WeightedClassifier(nn.Linear(2, 2)), DataLoader(blobs([12, 8]), batch_size=5)
    )

    assert [step for step, row in rows.rows if "train_loss_step" in row] == [0, 1]


def test_several_dataloaders_are_logged_apart(tiny_trainer, blobs):
    first, second = blobs([6, 3, 1]), blobs([1, 2, 4])
    model, trainer = WeightedClassifier(nn.Linear(3, 3), optimizer=standing_still), tiny_trainer()

    trainer.fit(model, DataLoader(blobs(COUNTS), 8), [DataLoader(first, 4), DataLoader(second, 4)])
    logged = dict(trainer.callback_metrics)
    tested = trainer.test(model, [DataLoader(first, 4), DataLoader(second, 4)], verbose=False)

    assert set(logged) == {
        "train_loss",
        "val_loss/dataloader_idx_0",
        "val_loss/dataloader_idx_1",
        "val_loss_unweighted/dataloader_idx_0",
        "val_loss_unweighted/dataloader_idx_1",
    }
    for index, data in enumerate((first, second)):
        expected = pytest.approx(weighted_loss(model, data, model.class_weights), rel=1e-6)
        assert float(logged[f"val_loss/dataloader_idx_{index}"]) == expected
        assert {**tested[0], **tested[1]}[f"test_loss/dataloader_idx_{index}"] == expected


def test_validation_within_an_epoch_does_not_disturb_its_training_loss(tiny_trainer, blobs):
    train, val = blobs([9, 4, 1]), blobs([6, 3, 1])
    model, trainer = WeightedClassifier(nn.Linear(3, 3), optimizer=standing_still), tiny_trainer(val_check_interval=2)

    trainer.fit(model, DataLoader(train, 4), DataLoader(val, 4))

    for name, data in (("train_loss", train), ("val_loss", val)):
        assert float(trainer.callback_metrics[name]) == pytest.approx(weighted_loss(model, data, model.class_weights))


def test_a_scheduler_that_waits_for_a_plateau_watches_val_loss(tiny_trainer, blobs):
    model = WeightedClassifier(
        nn.Linear(3, 3),
        optimizer=standing_still,
        lr_scheduler=partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0),
    )
    trainer = tiny_trainer(max_epochs=2)

    trainer.fit(model, DataLoader(blobs(COUNTS), 8), DataLoader(blobs([2, 2, 2]), 4))

    [config] = trainer.lr_scheduler_configs
    assert config.monitor == "val_loss"
    assert config.scheduler.best == pytest.approx(float(trainer.callback_metrics["val_loss"]))
    assert config.scheduler.last_epoch == 2


def test_other_schedulers_step_once_an_epoch(tiny_trainer, blobs):
    model = WeightedClassifier(
        nn.Linear(3, 3),
        optimizer=partial(torch.optim.SGD, lr=1.0),
        lr_scheduler=partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5),
    )
    trainer = tiny_trainer(max_epochs=3)

    trainer.fit(model, DataLoader(blobs(COUNTS), 8))

    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.125


def test_the_optimizer_is_adamw_unless_told_otherwise():
    optimizer = WeightedClassifier(nn.Linear(3, 3)).configure_optimizers()

    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["lr"] == 0.001


# --- kinds of runs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"fast_dev_run": True},
        {"overfit_batches": 2},
        {"limit_val_batches": 1, "limit_train_batches": 1},
        {"limit_val_batches": 0},
        {"num_sanity_val_steps": 0},
        {"accumulate_grad_batches": 3},
        {"max_steps": 2, "max_epochs": -1},
    ],
    ids=str,
)
def test_other_kinds_of_runs_train_and_log_a_loss(options, tiny_trainer, blobs):
    model, after = WeightedClassifier(nn.Linear(3, 3)), AfterTraining()
    trainer = tiny_trainer(**options, callbacks=[after])

    trainer.fit(model, DataLoader(blobs(COUNTS), 4), DataLoader(blobs([2, 2, 2]), 4))

    assert not torch.equal(model.model.weight, after.before["model.weight"])
    assert torch.isfinite(trainer.callback_metrics["train_loss"])
    assert model.class_counts.tolist() == COUNTS


# Lightning's own words for each self.log() in this mode.
@pytest.mark.filterwarnings("ignore:You are trying to `self.log\\(\\)` but `Trainer\\(barebones=True\\)`")
def test_a_barebones_run_trains(blobs):
    model = WeightedClassifier(nn.Linear(3, 3))
    before = model.model.weight.clone()

    L.Trainer(barebones=True, max_epochs=1, accelerator="cpu").fit(
        model, DataLoader(blobs(COUNTS), 4), DataLoader(blobs([2, 2, 2]), 4)
    )

    assert not torch.equal(model.model.weight, before)


def test_training_learns_the_classes(tiny_trainer, blobs):
    data = blobs([40, 20, 20])
    model = WeightedClassifier(nn.Linear(3, 3), optimizer=partial(torch.optim.SGD, lr=0.5))

    tiny_trainer(max_epochs=5).fit(model, DataLoader(data, 8, shuffle=True))

    assert (model(data.tensors[0]).argmax(1) == data.tensors[1]).double().mean() > 0.8


# --- subclasses --------------------------------------------------------------------------------------------------


def test_a_subclass_in_under_ten_lines_trains(tiny_trainer, blobs):
    class Flowers(WeightedClassifier):
        def __init__(self, width=4):
            super().__init__(num_classes=3, weighting="effective_number")
            self.save_hyperparameters()
            self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 3))

        def forward(self, x):
            return self.net(x)

    model, after = Flowers(), AfterTraining()
    trainer = tiny_trainer(callbacks=[after])
    trainer.fit(model, DataLoader(blobs(COUNTS), 8), DataLoader(blobs([2, 2, 2])))

    assert not torch.equal(model.net[2].weight, after.before["net.2.weight"])
    assert torch.equal(model.class_weights, class_weights(ClassDistribution(COUNTS), "effective_number"))
    assert {"train_loss", "val_loss"} < set(trainer.callback_metrics)
    assert dict(model.hparams) == {"width": 4}


def test_the_loss_of_a_training_step_of_ones_own_is_logged(tiny_trainer, blobs):
    class Own(WeightedClassifier):
        def training_step(self, batch, _batch_idx):
            inputs, target = batch
            return self.compute_loss(self(inputs + 1), target)

    data = blobs(COUNTS)
    model, trainer = Own(nn.Linear(3, 3), optimizer=standing_still), tiny_trainer()

    trainer.fit(model, DataLoader(data, 8))

    moved = TensorDataset(data.tensors[0] + 1, data.tensors[1])
    expected = weighted_loss(model, moved, model.class_weights)
    assert float(trainer.callback_metrics["train_loss"]) == pytest.approx(expected, rel=1e-6)


def test_a_loss_computed_in_validation_is_none_of_training(tiny_trainer, blobs):
    class Own(WeightedClassifier):
        def validation_step(self, batch, batch_idx):
            return self.compute_loss(self(batch[0]), batch[1])

    data = blobs(COUNTS)
    model = Own(nn.Linear(3, 3), optimizer=standing_still)
    trainer = tiny_trainer(val_check_interval=1)

    trainer.fit(model, DataLoader(data, 8), DataLoader(blobs([1, 1, 6]), 4))

    expected = weighted_loss(model, data, model.class_weights)
    assert float(trainer.callback_metrics["train_loss"]) == pytest.approx(expected, rel=1e-6)


def test_mixup_in_a_training_step_of_ones_own(tiny_trainer, blobs):
    class Mixup(WeightedClassifier):
        def training_step(self, batch, batch_idx):
            inputs, target = batch
            soft = F.one_hot(target, self.num_classes).float()
            mixed = 0.6 * inputs + 0.4 * inputs.flip(0), 0.6 * soft + 0.4 * soft.flip(0)
            return super().training_step(mixed, batch_idx)

    model, trainer = Mixup(nn.Linear(3, 3)), tiny_trainer()

    trainer.fit(model, DataLoader(blobs(COUNTS), 8, shuffle=True))

    assert torch.isfinite(trainer.callback_metrics["train_loss"])


def test_a_loss_of_ones_own_is_what_is_trained(tiny_trainer, blobs):
    class Squared(WeightedClassifier):
        def compute_loss(self, logits, target):
            return super().compute_loss(logits, target) * 0

    model, after = Squared(nn.Linear(3, 3), optimizer=partial(torch.optim.SGD, lr=1.0)), AfterTraining()

    tiny_trainer(callbacks=[after]).fit(model, DataLoader(blobs(COUNTS), 8))

    assert torch.equal(model.model.weight, after.before["model.weight"])


def test_batches_of_another_form_are_unpacked_by_an_override(tiny_trainer, blobs):
    class Triples(WeightedClassifier):
        def unpack_batch(self, batch):
            return batch[1], batch[2]

    class Triple(TensorDataset):
        def class_labels(self):
            return self.tensors[2]

    data = blobs(COUNTS)
    loader = DataLoader(Triple(torch.arange(20), *data.tensors), 8)
    model, trainer = Triples(nn.Linear(3, 3), optimizer=standing_still), tiny_trainer()

    trainer.fit(model, loader, loader)
    val_loss = float(trainer.callback_metrics["val_loss"])
    predicted = trainer.predict(model, loader)

    assert val_loss == pytest.approx(weighted_loss(model, data, model.class_weights), rel=1e-6)
    torch.testing.assert_close(torch.cat(predicted), model(data.tensors[0]).softmax(1).detach())


@pytest.mark.parametrize("keys", [("image", "label"), ("pixel_values", "labels"), ("x", "y")])
def test_batches_may_be_mappings(keys, tiny_trainer, blobs):
    samples = [dict(zip((*keys, "path"), (*sample, "a.png"), strict=True)) for sample in blobs(COUNTS)]
    model, trainer = WeightedClassifier(nn.Linear(3, 3)), tiny_trainer()

    trainer.fit(model, DataLoader(samples, 8), DataLoader(samples, 8))

    assert model.class_counts.tolist() == COUNTS
    assert torch.isfinite(trainer.callback_metrics["val_loss"])


# --- tasks, losses, steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [None, 1])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_a_binary_model_trains_on_one_logit(width, dtype, tiny_trainer):
    network = nn.Linear(2, 1) if width else nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    data = TensorDataset(torch.randn(20, 2), torch.tensor([0] * 15 + [1] * 5).to(dtype))
    model, trainer = WeightedClassifier(network, task="binary"), tiny_trainer()

    trainer.fit(model, DataLoader(data, 8), DataLoader(data, 8))
    predicted = trainer.predict(model, DataLoader(data, 8))

    assert model.distribution == ClassDistribution([15, 5], task="binary")
    assert model.class_names == ("negative", "positive")
    torch.testing.assert_close(model.class_weights, torch.tensor([20 / 30, 2.0]))
    torch.testing.assert_close(torch.cat(predicted), model(data.tensors[0]).flatten().sigmoid().detach())


def test_a_multilabel_model_trains_with_the_negatives_over_the_positives(tiny_trainer):
    target = torch.tensor([[1, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 1]] * 3)
    data = TensorDataset(torch.randn(12, 2), target)
    model, trainer = WeightedClassifier(nn.Linear(2, 3), task="multilabel"), tiny_trainer()

    trainer.fit(model, DataLoader(data, 5), DataLoader(data, 5))

    assert model.class_counts.tolist() == [3, 3, 9]
    torch.testing.assert_close(model.class_weights, torch.tensor([3.0, 3.0, 1 / 3]))
    assert torch.isfinite(trainer.callback_metrics["val_loss"])


def test_a_segmentation_model_counts_and_trains_pixel_by_pixel(tiny_trainer):
    masks = torch.zeros(6, 4, 4, dtype=torch.int64)
    masks[:, 0, 0], masks[:, 1] = 1, 255
    data = TensorDataset(torch.randn(6, 3, 4, 4), masks)
    model, trainer = WeightedClassifier(nn.Conv2d(3, 2, 1), num_classes=2, ignore_index=255), tiny_trainer()

    trainer.fit(model, DataLoader(data, 4), DataLoader(data, 4))
    val_loss = float(trainer.callback_metrics["val_loss"])
    [first, _] = trainer.predict(model, DataLoader(data, 4))

    assert model.class_counts.tolist() == [6 * 11, 6]
    assert first.shape == (4, 2, 4, 4)
    expected = F.cross_entropy(model(data.tensors[0]), masks, model.class_weights, ignore_index=255)
    assert val_loss == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "cross_entropy",
        WeightedCrossEntropy(),
        nn.CrossEntropyLoss(),
        F.cross_entropy,
        lambda logits, target: F.cross_entropy(logits, target, reduction="none"),
    ],
    ids=["name", "ours", "torch", "function", "lambda"],
)
def test_each_form_of_a_loss_gives_the_same_weighted_mean(loss):
    logits, target, weights = torch.randn(9, 3), torch.arange(9) % 3, [0.5, 1.0, 4.0]

    torch.testing.assert_close(
        fitted(weights, loss=loss).compute_loss(logits, target), F.cross_entropy(logits, target, torch.tensor(weights))
    )


def test_steps_return_loss_logits_and_target(tiny_trainer, blobs):
    returned = []

    class Watch(Callback):
        def on_train_batch_end(self, _trainer, _pl_module, outputs, *_):
            returned.append(outputs)

        def on_validation_batch_end(self, _trainer, _pl_module, outputs, *_):
            returned.append(outputs)

    data = blobs(COUNTS)
    tiny_trainer(callbacks=[Watch()], num_sanity_val_steps=0).fit(
        WeightedClassifier(nn.Linear(3, 3)), DataLoader(data, 20), DataLoader(data, 20)
    )

    assert len(returned) == 2
    for outputs in returned:
        assert set(outputs) == {"loss", "logits", "target"}
        assert (outputs["loss"].shape, outputs["logits"].shape) == ((), (20, 3))
        assert not outputs["logits"].requires_grad
        assert torch.equal(outputs["target"], data.tensors[1])


@pytest.mark.parametrize("batch", ["tensor", "single", "pair", "mapping"])
def test_predictions_are_probabilities_of_inputs_alone_or_with_targets(batch, tiny_trainer, blobs):
    inputs, target = blobs(COUNTS).tensors
    loader = {
        "tensor": DataLoader(inputs, 8),
        "single": DataLoader(TensorDataset(inputs), 8),
        "pair": DataLoader(TensorDataset(inputs, target), 8),
        "mapping": DataLoader([{"image": x, "label": y} for x, y in zip(inputs, target, strict=True)], 8),
    }[batch]
    model = WeightedClassifier(nn.Linear(3, 3))

    predicted = torch.cat(tiny_trainer().predict(model, loader))

    torch.testing.assert_close(predicted, model(inputs).softmax(1).detach())


def test_a_training_step_can_be_called_without_a_trainer():
    model = WeightedClassifier(nn.Linear(3, 3), 3)

    output = model.training_step((torch.randn(4, 3), torch.tensor([0, 1, 2, 0])), 0)

    assert output["loss"].requires_grad


def test_an_override_of_setup_without_super_is_named(tiny_trainer, blobs):
    class Forgetful(WeightedClassifier):
        def setup(self, stage):
            self.prepared = stage

    with pytest.raises(RuntimeError) as error:
        tiny_trainer().fit(Forgetful(nn.Linear(3, 3), num_classes=3), DataLoader(blobs([20, 8, 4]), 8))

    assert str(error.value) == (
        "`setup` must have counted the classes before a loss is weighted by them, got an override that did not. "
        "Call `super().setup(stage)` in it."
    )


@pytest.mark.parametrize("calls_super", [False, True])
def test_an_override_of_compute_loss_is_what_is_trained_validated_and_logged(tiny_trainer, blobs, calls_super):
    class Own(WeightedClassifier):
        def compute_loss(self, logits, target):
            own = logits.sum() * 0 + 7
            return own + 0 * super().compute_loss(logits, target) if calls_super else own

    trainer = tiny_trainer(max_epochs=1)
    loader = DataLoader(blobs([20, 8, 4]), 8)
    trainer.fit(Own(nn.Linear(3, 3)), loader, loader)

    assert trainer.callback_metrics["val_loss"].item() == pytest.approx(7)
    assert trainer.callback_metrics["train_loss"].item() == pytest.approx(7)
    assert ("val_loss_unweighted" in trainer.callback_metrics) is calls_super


@pytest.mark.parametrize("batch_size", [4, 16, 64])
@pytest.mark.parametrize("more", [0.0, 100.0])
def test_an_override_that_adds_to_the_loss_keeps_the_mean_over_all_samples(tiny_trainer, blobs, batch_size, more):
    class Adding(WeightedClassifier):
        def compute_loss(self, logits, target):
            return super().compute_loss(logits, target) + more

    network = nn.Linear(3, 3)
    still = {"optimizer": partial(torch.optim.SGD, lr=0.0)}
    loader = DataLoader(blobs([20, 8, 4]), batch_size)
    logged = []
    for model in (Adding(network, **still), WeightedClassifier(network, **still)):
        trainer = tiny_trainer(accumulate_grad_batches=2)
        trainer.fit(model, loader, loader)
        logged.append({name: value.item() for name, value in trainer.callback_metrics.items()})

    assert set(logged[0]) == set(logged[1])
    for name in ("train_loss", "val_loss"):
        assert logged[0][name] == pytest.approx(logged[1][name] + more, rel=1e-6)


def test_a_loss_without_gradients_is_none_of_training(tiny_trainer, blobs):
    class Looking(WeightedClassifier):
        def training_step(self, batch, batch_idx):
            with torch.no_grad():
                self.compute_loss(100 * self(batch[0]), batch[1])
            return self.compute_loss(self(batch[0]), batch[1])

    network = nn.Linear(3, 3)
    still = {"optimizer": partial(torch.optim.SGD, lr=0.0)}
    logged = []
    for model in (Looking(network, **still), WeightedClassifier(network, **still)):
        trainer = tiny_trainer()
        trainer.fit(model, DataLoader(blobs([20, 8, 4]), 8))
        logged.append(trainer.callback_metrics["train_loss"].item())

    assert logged[0] == pytest.approx(logged[1])


def test_two_models_with_one_loss_have_counts_of_their_own(tiny_trainer, blobs):
    loss = BalancedSoftmaxLoss()
    first, second = (WeightedClassifier(nn.Linear(3, 3), weighting="uniform", loss=loss) for _ in range(2))
    tiny_trainer().fit(first, DataLoader(blobs([20, 8, 4]), 8))
    logits, target = torch.zeros(1, 3), torch.tensor([0])
    before = first.compute_loss(logits, target)

    tiny_trainer().fit(second, DataLoader(blobs([4, 8, 20]), 8))

    assert torch.equal(first.compute_loss(logits, target), before)
    assert second.compute_loss(logits, target) > before


def test_a_subclass_may_name_its_number_of_classes_after_super():
    class Named(WeightedClassifier):
        def __init__(self, known, named):
            super().__init__(nn.Linear(3, 3), num_classes=known)
            self.num_classes = named

    assert Named(3, 3).num_classes == Named(None, 3).num_classes == 3
    with pytest.raises(ValueError) as error:
        Named(3, 4)
    assert str(error.value) == ("`num_classes` must stay 3, got 4. Give it to `super().__init__(num_classes=...)`.")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_round_the_weights(dtype):
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)
    model.class_weights = torch.tensor([0.4444, 1.7778, 5.3333])

    model.to(dtype)

    assert model.model.weight.dtype == dtype
    assert model.class_weights.tolist() == torch.tensor([0.4444, 1.7778, 5.3333]).tolist()


def test_uniform_weighting_follows_the_buffer_when_a_schedule_changes_it():
    model = WeightedClassifier(nn.Identity(), num_classes=3, weighting="uniform")
    logits, target = torch.eye(3)[:2], torch.tensor([1, 1])
    before = model.compute_loss(torch.cat([logits, logits]), torch.tensor([0, 1, 1, 1]))
    model.class_weights.copy_(torch.tensor([100.0, 1.0, 1.0]))

    assert model.compute_loss(torch.cat([logits, logits]), torch.tensor([0, 1, 1, 1])) < before
    assert target.tolist() == [1, 1]


def test_a_loss_is_adapted_to_the_counts_in_fit_and_after_loading(tiny_trainer, blobs, tmp_path):
    class Counting(WeightedCrossEntropy):
        seen = None

        def adapt(self, distribution):
            self.seen = distribution
            return self

    trainer = tiny_trainer()
    trainer.fit(model := WeightedClassifier(nn.Linear(3, 3), loss=Counting()), DataLoader(blobs([20, 8, 4]), 8))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = WeightedClassifier.load_from_checkpoint(tmp_path / "model.ckpt", model=nn.Linear(3, 3), loss=Counting())

    assert model._loss.seen == again._loss.seen == ClassDistribution([20, 8, 4])


def test_a_distribution_for_another_task_is_refused(tiny_trainer):
    class Other(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution([20, 8, 4])

    data = DataLoader(TensorDataset(torch.zeros(4, 4), torch.eye(3).repeat(2, 1)[:4]), 2)
    with pytest.raises(ValueError) as error:
        tiny_trainer().fit(Other(nn.Linear(3, 3), num_classes=3, task="multilabel"), data)

    assert str(error.value) == ("the class distribution must be for `task='multilabel'`, got one for 'multiclass'.")


def test_an_ignore_index_that_is_no_integer_is_refused():
    with pytest.raises(TypeError) as error:
        WeightedClassifier(nn.Linear(3, 3), ignore_index=1.5)

    assert str(error.value) == "`ignore_index` must be an integer or None, got 1.5."


def test_predictions_alone_are_made_of_transformed_logits(tiny_trainer):
    model, inputs = WeightedClassifier(nn.Linear(3, 3), num_classes=3), torch.randn(4, 3)
    model.posthoc += [lambda logits: logits + torch.arange(3), lambda logits: 2 * logits]

    (predicted,) = tiny_trainer().predict(model, DataLoader(inputs, batch_size=4))

    assert torch.allclose(predicted, (2 * (model(inputs) + torch.arange(3))).softmax(1))
