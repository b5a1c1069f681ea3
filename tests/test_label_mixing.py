"""Training batches are mixed, no others are, and what follows from it is said."""

from __future__ import annotations

import copy
from functools import partial

import lightning as L
import pytest
import torch
from lightning.pytorch.cli import LightningCLI
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.losses.resolve import NAMED as LOSSES
from lightning_imbalance.losses.resolve import resolve as resolve_loss
from lightning_imbalance.synthesis import BatchTransform, CutMix, CutMixMinority, Mixup, Remix

COUNTS = [12, 6, 3]
SEEN = partial(CutMixMinority, probability=1.0, skip_first=0, skip_last=0)


class Recording(BatchTransform):
    """Adds 100 to each input, so that the model's inputs show whether it was here."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs = []

    def set_epoch(self, epoch, num_epochs=None):
        self.epochs.append((epoch, num_epochs))

    def mix(self, inputs, shares):
        return inputs + 100, (shares + shares.roll(1, 0)) / 2


class Watched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.seen = []

    def forward(self, inputs):
        self.seen.append((self.training, bool((inputs > 50).all()), bool((inputs < 50).all())))
        return self.layer(inputs)


class Photographs(TensorDataset):
    def __init__(self, counts=COUNTS) -> None:
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        generator = torch.Generator().manual_seed(0)
        super().__init__(torch.randn(len(target), 1, 4, 4, generator=generator), target)


def network(outputs: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, outputs))


def test_training_batches_are_mixed_and_no_others(tiny_trainer, blobs):
    net = Watched()
    model, data = WeightedClassifier(net, batch_transform=Recording()), DataLoader(blobs(COUNTS), batch_size=7)
    trainer = tiny_trainer(max_epochs=2)

    trainer.fit(model, data, data)
    trainer.validate(model, data, verbose=False)
    trainer.test(model, data, verbose=False)
    trainer.predict(model, data)

    mixed = [outside for _, outside, _ in net.seen]
    assert [training for training, *_ in net.seen] == mixed
    assert sum(mixed) == 2 * 3
    assert all(outside != inside for _, outside, inside in net.seen)


@pytest.mark.parametrize(
    "transform", [Mixup(), CutMix(), Remix(), SEEN()], ids=lambda transform: type(transform).__name__
)
def test_a_fit_is_the_same_as_mixing_by_hand(transform, tiny_trainer):
    data = DataLoader(Photographs(), batch_size=7)
    sgd = partial(torch.optim.SGD, lr=0.1)
    model = WeightedClassifier(network(), batch_transform=transform, optimizer=sgd)

    torch.manual_seed(5)
    tiny_trainer().fit(model, data)

    by_hand = network()
    optimizer = sgd(by_hand.parameters())
    mixing = copy.deepcopy(transform).adapt(ClassDistribution(COUNTS))
    loss = resolve_loss("cross_entropy")
    torch.manual_seed(5)
    for inputs, target in data:
        mixed, shares = mixing(inputs, target)
        optimizer.zero_grad()
        loss(by_hand(mixed), shares, model.class_weights).backward()
        optimizer.step()
    assert torch.equal(model.model[1].weight, by_hand[1].weight)


def test_the_mean_counts_a_mixture_by_its_weight(tiny_trainer, blobs):
    model = WeightedClassifier(Watched(), batch_transform=Recording(), optimizer=partial(torch.optim.SGD, lr=0.0))
    trainer = tiny_trainer()

    trainer.fit(model, DataLoader(blobs(COUNTS), batch_size=7))

    numerator = denominator = 0.0
    for inputs, target in DataLoader(blobs(COUNTS), batch_size=7):
        costs = -model.model.layer(inputs + 100).double().log_softmax(1)
        for i in range(len(target)):
            for label in (target[i], target[i - 1]):
                numerator += 0.5 * (model.class_weights[label] * costs[i, label]).item()
                denominator += 0.5 * model.class_weights[label].item()
    assert trainer.callback_metrics["train_loss"].item() == pytest.approx(numerator / denominator, rel=1e-5)


def test_the_monitor_counts_a_mixture_as_the_class_that_most_of_it_is(tiny_trainer):
    class Mostly(BatchTransform):
        def mix(self, inputs, shares):
            return inputs, 0.6 * shares.roll(1, 1) + 0.4 * shares  # every sample is more of the next class

    monitor = ImbalanceMonitor(train=True)
    data = DataLoader(Photographs(), batch_size=7)

    tiny_trainer(callbacks=[monitor]).fit(WeightedClassifier(network(), batch_transform=Mostly()), data)

    assert monitor.results["train"]["samples"] == {"0": 3, "1": 12, "2": 6}


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_other_tasks_are_mixed_and_monitored(task, tiny_trainer):
    target = torch.tensor([0, 0, 1, 0, 0, 1]) if task == "binary" else torch.tensor([[0, 1, 1]] * 3 + [[1, 0, 0]] * 3)
    data = DataLoader(TensorDataset(torch.randn(6, 1, 4, 4), target), batch_size=4)
    model = WeightedClassifier(network(1 if task == "binary" else 3), task=task, batch_transform="mixup")
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(train=True)])

    trainer.fit(model, data, data)

    assert {"train_loss", "train_balanced_accuracy", "val_balanced_accuracy"} <= set(trainer.callback_metrics)


@pytest.mark.parametrize("name", [name for name, kinds in LOSSES.items() if "multiclass" in kinds[0].tasks])
def test_a_loss_says_whether_it_takes_mixed_labels(name):
    loss = resolve_loss(name).adapt(ClassDistribution(COUNTS))
    shares = torch.eye(3) * 0.7 + 0.1

    if loss.soft_targets:
        assert loss(torch.zeros(3, 3), shares).isfinite()
        assert WeightedClassifier(network(), 3, loss=name, batch_transform="mixup").batch_transform is not None
        return
    with pytest.raises(ValueError, match="class indices"):
        loss(torch.zeros(3, 3), shares)
    with pytest.raises(ValueError) as error:
        WeightedClassifier(network(), 3, loss=name, batch_transform="mixup")

    assert str(error.value) == (
        f"`loss` must take class probabilities with `batch_transform=Mixup()`, which mixes labels, got {loss!r}, which "
        "takes class indices alone. Use 'cross_entropy', 'focal', 'balanced_softmax' or 'logit_adjusted'."
    )


@pytest.mark.parametrize("loss", [nn.MultiMarginLoss(), nn.NLLLoss()], ids=lambda loss: type(loss).__name__)
def test_so_does_a_loss_of_torch_that_takes_indices_alone(loss):
    with pytest.raises(ValueError, match="takes class indices alone"):
        WeightedClassifier(network(), 3, loss=loss, batch_transform="mixup")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"batch_transform": Remix(), "ignore_index": -1},
            "`ignore_index` must be None with `batch_transform=Remix()`, got -1: what a sample without a label is mixed with would have none either. Leave such samples out of the training data.",
        ),
        (
            {"batch_transform": Remix(kappa=2.0), "task": "multilabel"},
            "`task` must be 'multiclass' or 'binary' for Remix, got 'multilabel': a sample has no class of its own.",
        ),
        (
            {"batch_transform": "mixup", "target_prior": "uniform"},
            "the logits of a model must be class posteriors for a prior to be known, and training on labels mixed by Mixup() does not make them so. Calibrate its probabilities on held-out data instead: temperature scaling.",
        ),
    ],
    ids=["ignored targets", "several labels", "another prior"],
)
def test_what_cannot_be_mixed_is_refused_by_the_constructor(arguments, message):
    with pytest.raises(ValueError) as error:
        WeightedClassifier(network(), 3, **arguments)

    assert str(error.value) == message


def test_the_prior_of_a_model_on_mixed_labels_is_not_known(tiny_trainer, tmp_path):
    data = DataLoader(Photographs(), batch_size=7)
    model, trainer = WeightedClassifier(network(), batch_transform="remix"), tiny_trainer()
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "mixed.ckpt")
    message = (
        "the logits of a model must be class posteriors for a prior to be known, and training on labels mixed by Remix() "
        "does not make them so. Calibrate its probabilities on held-out data instead: temperature scaling."
    )

    loaded = WeightedClassifier.load_from_checkpoint(tmp_path / "mixed.ckpt", model=network())

    for each in (model, loaded):
        with pytest.raises(ValueError) as error:
            _ = each.training_prior
        assert str(error.value) == message
    with pytest.raises(ValueError) as error:
        WeightedClassifier.load_from_checkpoint(tmp_path / "mixed.ckpt", model=network(), target_prior="uniform")
    assert str(error.value) == message
    assert len(trainer.predict(loaded, data)) == 3


@pytest.mark.parametrize(
    ("transform", "kept"),
    [
        ("remix", "remix"),
        (
            Remix(kappa=2.0),
            {
                "class_path": "lightning_imbalance.synthesis.Remix",
                "init_args": {"alpha": 1.0, "kappa": 2.0, "tau": 0.5},
            },
        ),
    ],
    ids=["name", "object"],
)
def test_the_transform_is_a_hyper_parameter(transform, kept, tiny_trainer, tmp_path):
    trainer, model = tiny_trainer(), WeightedClassifier(network(), batch_transform=transform)
    trainer.fit(model, DataLoader(Photographs(), batch_size=7))
    trainer.save_checkpoint(tmp_path / "mixed.ckpt")

    parameters = torch.load(tmp_path / "mixed.ckpt", weights_only=True)["hyper_parameters"]
    loaded = WeightedClassifier.load_from_checkpoint(tmp_path / "mixed.ckpt", model=network())

    assert parameters["batch_transform"] == kept
    assert repr(loaded.batch_transform) == repr(model.batch_transform)
    assert loaded.batch_transform.class_counts.tolist() == COUNTS


def test_one_of_ones_own_is_given_again_or_named(tiny_trainer, tmp_path):
    trainer = tiny_trainer()
    trainer.fit(WeightedClassifier(network(), batch_transform=Recording()), DataLoader(Photographs(), batch_size=7))
    trainer.save_checkpoint(tmp_path / "mixed.ckpt")
    load = partial(WeightedClassifier.load_from_checkpoint, tmp_path / "mixed.ckpt", model=network())

    assert "batch_transform" not in torch.load(tmp_path / "mixed.ckpt", weights_only=True)["hyper_parameters"]
    assert isinstance(load(batch_transform=Recording()).batch_transform, Recording)
    with pytest.warns(UserWarning, match="`batch_transform` must be given again"):
        load()


def test_a_checkpoint_has_the_same_keys_with_and_without_a_transform():
    with_one, without = WeightedClassifier(network(), 3, batch_transform="mixup"), WeightedClassifier(network(), 3)

    assert with_one.state_dict().keys() == without.state_dict().keys()


def test_two_models_with_one_transform_have_counts_of_their_own(tiny_trainer):
    remix = Remix()
    first, second = (WeightedClassifier(network(), batch_transform=remix) for _ in range(2))

    tiny_trainer().fit(first, DataLoader(Photographs(), batch_size=7))
    tiny_trainer().fit(second, DataLoader(Photographs([9, 3, 2]), batch_size=7))

    assert first.batch_transform.class_counts.tolist() == COUNTS
    assert second.batch_transform.class_counts.tolist() == [9, 3, 2]
    assert remix.class_counts.tolist() == []


def test_the_transform_knows_the_epoch_of_every_batch(tiny_trainer):
    model = WeightedClassifier(network(), batch_transform=Recording())

    tiny_trainer(max_epochs=2, limit_train_batches=2).fit(model, DataLoader(Photographs(), batch_size=7))

    assert model.batch_transform.epochs == [(0, 2), (0, 2), (0, 2), (1, 2), (1, 2)]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"max_epochs": -1, "max_steps": 1}, (0, None)), ({"fast_dev_run": True}, (10**9, 2 * 10**9))],
    ids=["no end", "a trial"],
)
def test_a_fit_that_has_no_epochs_to_count_says_so(options, told, tiny_trainer):
    model = WeightedClassifier(network(), batch_transform=Recording())

    tiny_trainer(**options).fit(model, DataLoader(Photographs(), batch_size=7))

    assert model.batch_transform.epochs == [told, told]


def test_epochs_that_leave_nothing_to_mix_are_refused_before_the_first_step(tiny_trainer):
    model = WeightedClassifier(Watched(), batch_transform=CutMixMinority())

    with pytest.raises(ValueError, match="`skip_first` and `skip_last` must leave an epoch to mix"):
        tiny_trainer(max_epochs=6).fit(model, DataLoader(Photographs(), batch_size=7))

    assert model.model.seen == []


class OwnStep(WeightedClassifier):
    mixes = True

    def training_step(self, batch, batch_idx):
        inputs, target = self.mix_batch(*batch) if self.mixes else batch
        return self.compute_loss(self(inputs), target)


def test_a_training_step_of_ones_own_mixes_by_itself(tiny_trainer):
    own = OwnStep(network(), batch_transform="mixup")
    ours = WeightedClassifier(network(), batch_transform="mixup")

    for model in (own, ours):
        torch.manual_seed(5)
        tiny_trainer().fit(model, DataLoader(Photographs(), batch_size=7))

    assert torch.equal(own.model[1].weight, ours.model[1].weight)


def test_a_training_step_of_ones_own_that_does_not_is_named_once(tiny_trainer):
    model = OwnStep(network(), batch_transform="mixup")
    model.mixes = False

    with pytest.warns(UserWarning, match="must call") as caught:
        tiny_trainer(max_epochs=2).fit(model, DataLoader(Photographs(), batch_size=7))

    assert [str(warning.message) for warning in caught if "batch_transform" in str(warning.message)] == [
        "`training_step` must call `self.mix_batch(inputs, target)` for Mixup() to take effect, got one of your own that did not. Call it, or leave `batch_transform` out."
    ]


def test_without_a_transform_there_is_none(tiny_trainer):
    model = WeightedClassifier(network())

    tiny_trainer().fit(model, DataLoader(Photographs(), batch_size=7))

    assert model.batch_transform is None
    assert model.training_prior.shape == (3,)


class Dreamt(Photographs):
    holds_synthetic_samples = True


@pytest.mark.parametrize("run", ["fit", "validate", "test"])
def test_synthetic_samples_may_be_trained_on_and_not_be_evaluated_on(run, tiny_trainer):
    real, dreamt = DataLoader(Photographs(), batch_size=7), DataLoader(Dreamt(), batch_size=7)
    model, trainer = WeightedClassifier(network()), tiny_trainer()
    trainer.fit(model, dreamt, real)

    with pytest.raises(ValueError) as error:
        tiny_trainer().fit(model, real, dreamt) if run == "fit" else getattr(trainer, run)(model, [real, dreamt])

    stage = "test" if run == "test" else "validation"
    assert str(error.value) == (
        f"{stage} data must be real samples, got a Dreamt, which holds synthetic ones. Split the data first, and make "
        "more of the training part alone."
    )


class Data(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(Photographs(), batch_size=7)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model.batch_transform=remix"], "Remix()"),
        (
            [
                "--model.batch_transform.class_path=lightning_imbalance.synthesis.Remix",
                "--model.batch_transform.init_args.kappa=2.0",
            ],
            "Remix(kappa=2.0)",
        ),
    ],
    ids=["name", "class"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Lightning's own use of jsonargparse
def test_the_command_line_takes_it_by_name_and_by_class(arguments, expected, monkeypatch):
    monkeypatch.setattr("sys.argv", ["program"])  # those of pytest are none of Lightning's
    net = ["--model.model=torch.nn.Linear", "--model.model.in_features=4", "--model.model.out_features=3"]
    cli = LightningCLI(
        WeightedClassifier,
        Data,
        run=False,
        args=[*net, *arguments, "--trainer.accelerator=cpu", "--trainer.logger=false"],
        save_config_callback=None,
        seed_everything_default=False,
    )

    assert repr(cli.model.batch_transform) == expected


@pytest.mark.parametrize("transform", ["mixup", "remix", "cutmix_minority"])
def test_a_fit_that_is_resumed_mixes_as_one_that_was_never_interrupted(transform, tiny_trainer, tmp_path):
    class Seeded(WeightedClassifier):
        def on_train_batch_start(self, batch, batch_idx):
            # The generator is the user's to restore; here it depends on the epoch and the batch alone.
            torch.manual_seed(100 * self.current_epoch + batch_idx)

    def fit(epochs, resume=None):
        options = {"skip_first": 1, "skip_last": 1, "probability": 1.0}
        mixing = CutMixMinority(**options) if transform == "cutmix_minority" else transform
        model = Seeded(network(), batch_transform=mixing)
        trainer = tiny_trainer(max_epochs=4, callbacks=[Stop(epochs)])
        trainer.fit(model, DataLoader(Photographs(), batch_size=7), ckpt_path=resume)
        return model, trainer

    whole, _ = fit(4)
    _, stopped = fit(2)
    stopped.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = fit(4, tmp_path / "half.ckpt")

    assert torch.equal(resumed.model[1].weight, whole.model[1].weight)
    assert torch.equal(resumed.model[1].bias, whole.model[1].bias)


class Stop(L.Callback):
    def __init__(self, epochs) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs
