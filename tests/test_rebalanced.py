"""RebalancedDataModule: the training sampler is ours, and nothing else changes."""

from __future__ import annotations

import pickle
from collections import Counter
from functools import partial
from itertools import chain

import lightning as L
import pytest
import torch
from lightning.pytorch.tuner import Tuner
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from torchdata.stateful_dataloader import StatefulDataLoader

from lightning_imbalance import ClassDistribution, RebalancedDataModule, WeightedClassifier
from lightning_imbalance.samplers import (
    ClassBalancedSampler,
    MPerClassSampler,
    ProgressivelyBalancedSampler,
    UndersamplingSampler,
)

COUNTS = [24, 8, 4]


class Numbered(TensorDataset):
    """Samples that carry their own index, and labels as uneven as COUNTS."""

    def __init__(self) -> None:
        target = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
        super().__init__(torch.arange(len(target)).float()[:, None], target)


class Plain(L.LightningDataModule):
    """Remembers what was asked of it."""

    def __init__(self, make=DataLoader, **settings) -> None:
        super().__init__()
        self.make, self.settings, self.calls = make, {"batch_size": 6} | settings, Counter()
        self.class_names = ["a", "b", "c"]

    def prepare_data(self) -> None:
        self.calls["prepare_data"] += 1

    def setup(self, stage) -> None:
        self.calls["setup"] += 1
        self.dataset = Numbered()

    def teardown(self, stage) -> None:
        self.calls["teardown"] += 1

    def train_dataloader(self):
        return self.make(self.dataset, **self.settings)

    def val_dataloader(self):
        return DataLoader(self.dataset, batch_size=9)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        self.calls["on_after_batch_transfer"] += 1
        return batch

    def state_dict(self):
        return {"kept": 7}

    def load_state_dict(self, state_dict):
        self.calls[f"loaded {state_dict}"] += 1


class Watching(WeightedClassifier):
    """Remembers which samples each epoch trained on."""

    def __init__(self, **options) -> None:
        super().__init__(nn.Linear(1, 3), weighting="uniform", **options)
        self.epochs: dict[int, list[int]] = {}

    def training_step(self, batch, batch_idx):
        self.epochs.setdefault(self.current_epoch, []).extend(batch[0].flatten().int().tolist())
        return super().training_step(batch, batch_idx)


def drawn(sampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_trains_on_the_draw_of_its_own(workers, tiny_trainer):
    model = Watching()

    tiny_trainer(max_epochs=3).fit(model, datamodule=RebalancedDataModule(Plain(num_workers=workers)))

    expected = ClassBalancedSampler(Numbered())
    assert model.epochs == {epoch: drawn(expected, epoch) for epoch in range(3)}
    assert len(set(map(tuple, model.epochs.values()))) == 3


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("reload", [0, 1])
def test_the_epoch_after_a_resume_draws_what_it_would_have_drawn(workers, reload, tiny_trainer, tmp_path):
    options = {"reload_dataloaders_every_n_epochs": reload}
    whole, first, resumed = Watching(), Watching(), Watching()
    data = partial(RebalancedDataModule, Plain(num_workers=workers), seed=3)
    tiny_trainer(max_epochs=3, **options).fit(whole, datamodule=data())
    trainer = tiny_trainer(max_epochs=2, **options)
    trainer.fit(first, datamodule=data())
    trainer.save_checkpoint(tmp_path / "two.ckpt")

    tiny_trainer(max_epochs=3, **options).fit(resumed, datamodule=data(), ckpt_path=tmp_path / "two.ckpt")

    assert resumed.epochs == {2: whole.epochs[2]}
    assert first.epochs == {epoch: whole.epochs[epoch] for epoch in range(2)}


class StopsInside(L.Callback):
    def __init__(self, path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if (trainer.current_epoch, batch_idx) == (1, 2):
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_inside_an_epoch(workers, tiny_trainer, tmp_path):
    data = partial(RebalancedDataModule, Plain(StatefulDataLoader, num_workers=workers))
    whole, resumed = Watching(), Watching()
    tiny_trainer(max_epochs=3).fit(whole, datamodule=data())
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        tiny_trainer(max_epochs=3, callbacks=[StopsInside(tmp_path / "inside.ckpt")]).fit(Watching(), datamodule=data())

    tiny_trainer(max_epochs=3).fit(resumed, datamodule=data(), ckpt_path=tmp_path / "inside.ckpt")

    assert resumed.epochs == {1: whole.epochs[1][18:], 2: whole.epochs[2]}


def test_overfitting_sees_the_same_balanced_batches_each_epoch(tiny_trainer):
    model = Watching()

    # Lightning warns where it takes a sampler away, and a warning is a failure here.
    tiny_trainer(max_epochs=2, overfit_batches=2, limit_val_batches=0).fit(
        model, datamodule=RebalancedDataModule(Plain())
    )

    assert model.epochs[0] == model.epochs[1] == drawn(ClassBalancedSampler(Numbered()), 0)[:12]


def test_counts_and_weights_stay_those_of_the_data(tiny_trainer):
    data = RebalancedDataModule(Plain(), sampler="undersampling")
    model = Watching()

    tiny_trainer().fit(model, datamodule=data)

    assert model.distribution == ClassDistribution(COUNTS, ["a", "b", "c"])
    assert ClassDistribution.from_datamodule(RebalancedDataModule(Plain())).counts.tolist() == COUNTS
    assert len(model.epochs[0]) == 12


def test_the_prior_of_the_sampler_is_the_models_and_is_in_the_checkpoint(tiny_trainer, tmp_path):
    trainer, model = tiny_trainer(), Watching()
    trainer.fit(model, datamodule=RebalancedDataModule(Plain()))
    trainer.save_checkpoint(tmp_path / "balanced.ckpt")

    loaded = Watching.load_from_checkpoint(tmp_path / "balanced.ckpt")

    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    for each in (model, loaded):
        torch.testing.assert_close(each.training_prior, third)


def test_target_prior_moves_predictions_from_the_samplers_prior(tiny_trainer):
    trainer, model = tiny_trainer(), Watching()
    trainer.fit(model, datamodule=RebalancedDataModule(Plain()))
    logits = model(torch.ones(1, 1))

    model.target_prior = "train"

    moved = logits.double() + torch.tensor(COUNTS).double().log()
    torch.testing.assert_close(model.predict_step(torch.ones(1, 1), 0), moved.softmax(1).float())


def test_hooks_settings_and_attributes_are_those_of_the_datamodule_inside(tiny_trainer):
    inside = Plain(batch_size=5, drop_last=True, collate_fn=torch.utils.data.default_collate, timeout=0)
    data = RebalancedDataModule(inside, "oversampling")
    trainer = tiny_trainer()

    trainer.fit(WeightedClassifier(nn.Linear(1, 3), weighting="uniform"), datamodule=data)

    assert inside.trainer is data.trainer is trainer
    assert inside.calls == {
        "prepare_data": 1,
        "setup": 1,
        "teardown": 1,
        # Two batches more, of the sanity check.
        "on_after_batch_transfer": len(trainer.train_dataloader) + len(trainer.val_dataloaders) + 2,
    }
    loader = trainer.train_dataloader
    assert (loader.batch_size, loader.drop_last, len(loader)) == (5, True, 72 // 5)
    assert loader.collate_fn is torch.utils.data.default_collate
    assert data.class_names == ["a", "b", "c"]
    assert data.state_dict() == {"kept": 7}
    data.load_state_dict({"kept": 8})
    assert inside.calls["loaded {'kept': 8}"] == 1


def test_the_tuner_sets_the_batch_size_of_the_datamodule_inside(tiny_trainer):
    class Sized(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.batch_size = 2

        def train_dataloader(self):
            return DataLoader(self.dataset, batch_size=self.batch_size)

    inside = Sized()
    data = RebalancedDataModule(inside)

    Tuner(tiny_trainer()).scale_batch_size(Watching(), datamodule=data, max_trials=2, steps_per_trial=1)

    # How often it doubles in two trials depends on the version of Lightning.
    assert data.batch_size == inside.batch_size == data.train_dataloader().batch_size > 2


def test_settings_of_its_own_are_not_set_inside():
    inside = Plain()
    inside.prepare_data_per_node = False
    data = RebalancedDataModule(inside)

    data.prepare_data_per_node, data.sampler = True, "undersampling"

    assert not inside.prepare_data_per_node
    assert not hasattr(inside, "sampler")


def test_no_validation_data_inside_are_none_outside(tiny_trainer):
    inside = L.LightningDataModule()
    inside.train_dataloader = lambda: DataLoader(Numbered(), batch_size=6)

    tiny_trainer().fit(Watching(), datamodule=RebalancedDataModule(inside))


def test_it_can_be_pickled_for_processes_that_are_spawned():
    data = pickle.loads(pickle.dumps(RebalancedDataModule(Plain(), "square_root")))  # noqa: S301  # its own bytes

    data.setup("fit")

    assert isinstance(data.train_dataloader().sampler, ClassBalancedSampler)


def test_labels_are_read_once_however_often_the_loader_is_asked_for():
    reads = []

    class Counted(Numbered):
        def class_labels(self):
            reads.append(1)
            return self.tensors[1]

    class Inside(Plain):
        def setup(self, stage):
            self.dataset = Counted()

    data = RebalancedDataModule(Inside())
    data.setup("fit")

    loaders = [data.train_dataloader() for _ in range(3)]

    assert len(reads) == 1
    assert loaders[0].sampler is loaders[2].sampler


def test_a_loader_that_is_limited_to_a_subset_draws_from_it_alone():
    data = RebalancedDataModule(Plain(sampler=SubsetRandomSampler([35, 3, 34, 5, 4])), "oversampling")
    data.setup("fit")

    loader = data.train_dataloader()

    samples = torch.cat([inputs for inputs, _ in loader]).flatten().int().tolist()
    assert Counter(samples) == {35: 2, 34: 1, 3: 1, 4: 1, 5: 1} or Counter(samples) == {34: 2, 35: 1, 3: 1, 4: 1, 5: 1}


class Folds(L.LightningDataModule):
    """One data set for all folds, and a loader that is limited to the one at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.dataset, self.fold = Numbered(), [0, 1, 2, 24, 32]

    def train_dataloader(self):
        return DataLoader(self.dataset, batch_size=6, sampler=SubsetRandomSampler(self.fold))


@pytest.mark.parametrize("reload", [0, 1])
def test_a_subset_of_the_same_data_that_changes_is_drawn_from_anew(reload, tiny_trainer):
    folds, model = Folds(), Watching()
    data = RebalancedDataModule(folds, "oversampling")

    class NextFold(L.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            folds.fold = [3, 25, 26, 27, 33]

    trainer = tiny_trainer(max_epochs=2, reload_dataloaders_every_n_epochs=reload, callbacks=[NextFold()])
    trainer.fit(model, datamodule=data)

    if not reload:  # the loader of the fit that follows
        tiny_trainer().fit(model, datamodule=data)
        model.epochs[1] = model.epochs[0][9:]
    assert Counter(model.epochs[0][:9]) == {0: 1, 1: 1, 2: 1, 24: 3, 32: 3}
    assert Counter(model.epochs[1]) == {25: 1, 26: 1, 27: 1, 3: 3, 33: 3}


def test_each_fit_changes_over_its_own_number_of_epochs(tiny_trainer):
    data = RebalancedDataModule(Folds(), "progressive")
    ends = []
    for epochs in (2, 6):
        tiny_trainer(max_epochs=epochs).fit(Watching(), datamodule=data)
        ends.append(data.train_dataloader().sampler.end)

    assert ends == [1, 5]


def test_labels_that_were_changed_between_two_fits_are_read_again(tiny_trainer):
    folds = Folds()
    data = RebalancedDataModule(folds, "undersampling")
    tiny_trainer().fit(Watching(), datamodule=data)
    folds.dataset.tensors[1][0] = 1

    tiny_trainer().fit(Watching(), datamodule=data)

    assert data.train_dataloader().sampler.counts.tolist() == [2, 2, 1]


@pytest.mark.parametrize(
    ("sampler", "epoch", "counts"),
    [
        ("balanced", 0, [12, 12, 12]),
        ("progressive", 0, COUNTS),
        ("progressive", 9, [12, 12, 12]),
        ("deferred", 7, COUNTS),
        ("deferred", 8, [12, 12, 12]),
        (partial(ProgressivelyBalancedSampler, end=1), 1, [12, 12, 12]),
        (UndersamplingSampler, 0, [4, 4, 4]),
    ],
    ids=str,
)
def test_samplers_by_name_and_by_function(sampler, epoch, counts, tiny_trainer):
    data = RebalancedDataModule(Plain(), sampler)
    data.setup("fit")
    data.trainer = tiny_trainer(max_epochs=10)

    drawing = data.train_dataloader().sampler

    labels = Numbered().tensors[1][drawn(drawing, epoch)]
    assert labels.bincount().tolist() == counts


def test_batches_of_m_a_class(tiny_trainer):
    data = RebalancedDataModule(Plain(num_workers=2), partial(MPerClassSampler, m=2, batch_size=6))
    model = Watching()

    tiny_trainer(max_epochs=2).fit(model, datamodule=data)

    sampler = MPerClassSampler(Numbered(), m=2, batch_size=6)
    assert model.epochs == {epoch: list(chain(*drawn(sampler, epoch))) for epoch in range(2)}
    torch.testing.assert_close(model.training_prior, torch.full((3,), 1 / 3, dtype=torch.float64))


def test_batches_of_m_a_class_cannot_be_overfitted(tiny_trainer):
    data = RebalancedDataModule(Plain(), partial(MPerClassSampler, m=2, batch_size=6))

    with pytest.raises(TypeError) as raised:
        tiny_trainer(overfit_batches=1).fit(Watching(), datamodule=data)

    assert str(raised.value) == (
        "`overfit_batches` must be 0 for a sampler of batches, which Lightning would take away, got a MPerClassSampler. "
        "Overfit with another sampler."
    )


class Endless(IterableDataset):
    def __iter__(self):
        yield from Numbered()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: RebalancedDataModule(DataLoader(Numbered())),
            TypeError,
            (
                "`datamodule` must be a LightningDataModule, got DataLoader. For a dataloader, give the sampler to it: "
                "`DataLoader(dataset, sampler=ClassBalancedSampler(dataset), ...)`."
            ),
        ),
        (
            lambda: RebalancedDataModule(Plain(), "ballanced"),
            ValueError,
            (
                "`sampler` must be one of 'balanced', 'square_root', 'progressive', 'deferred', 'undersampling', "
                "'oversampling', 'repeat_factor', or a function, got 'ballanced'. Did you mean 'balanced'?"
            ),
        ),
        (
            lambda: RebalancedDataModule(Plain(), 0.5),
            TypeError,
            (
                "`sampler` must be a name or a function from the training data set to a sampler, for example "
                "`partial(ClassBalancedSampler, power=0.5)`, got float."
            ),
        ),
        (
            lambda: RebalancedDataModule(Plain(), ClassBalancedSampler, seed=3),
            TypeError,
            "`seed` must be given to the sampler itself where `sampler` is a function, got 3.",
        ),
        (
            lambda: RebalancedDataModule(Plain(), "square_root", power=0.3),
            TypeError,
            (
                "`power` must be given to the sampler itself, `sampler=partial(ClassBalancedSampler, ...)`, got it with "
                "`sampler='square_root'`, which takes task, num_classes, class_names, ignore_index, seed, drop_last, "
                "num_replicas, rank."
            ),
        ),
        (lambda: RebalancedDataModule(Plain(), seed="x"), TypeError, "`seed` must be an integer, got 'x'."),
        (
            lambda: RebalancedDataModule(Plain(), drop_last=1),
            TypeError,
            "`drop_last` must be True or False, got 1.",
        ),
    ],
    ids=[
        "a dataloader",
        "an unknown name",
        "a number",
        "an option beside a function",
        "an option of the sampler alone",
        "a seed that is none",
        "a flag that is none",
    ],
)
def test_what_cannot_work_is_refused_at_once(build, error, message):
    with pytest.raises(error) as raised:
        build()

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("inside", "sampler", "error", "message"),
    [
        (
            Plain(sampler=WeightedRandomSampler([1.0] * 36, 36)),
            "balanced",
            ValueError,
            (
                "`train_dataloader()` must return a loader that has no sampler of its own, which would be lost, got "
                "WeightedRandomSampler. Leave it out, or do without RebalancedDataModule."
            ),
        ),
        (
            Plain(lambda dataset, **_: DataLoader(Endless(), batch_size=6)),
            "balanced",
            TypeError,
            (
                "`train_dataloader()` must return a loader of a data set with indices for a sampler, got one of Endless, an "
                "IterableDataset. Wrap the data set in `IterableBalancer` instead."
            ),
        ),
        (
            Plain(),
            lambda dataset: UndersamplingSampler([0, 1]),
            ValueError,
            (
                "the sampler must have a label for each of the 36 samples of the data set, got 2 labels. Make it of the "
                "data set that the loader is given."
            ),
        ),
        (
            Plain(),
            SequentialSampler,
            TypeError,
            "`sampler` must return a sampler of lightning_imbalance.samplers, got SequentialSampler.",
        ),
        (
            Plain(),
            "progressive",
            ValueError,
            (
                "`sampler='progressive'` must have a last epoch to go to, got max_epochs=None. Pass "
                "`Trainer(max_epochs=...)`, or `sampler=partial(ProgressivelyBalancedSampler, end=...)`."
            ),
        ),
        (
            Plain(lambda dataset, **_: DataLoader(dataset, batch_sampler=Pairs(SequentialSampler(dataset), 2, False))),
            "balanced",
            ValueError,
            "`train_dataloader()` must return a loader with `batch_size` for another sampler, got `batch_sampler=Pairs`.",
        ),
        (
            Plain(lambda dataset, **_: Closed(dataset, 3)),
            "balanced",
            TypeError,
            (
                "Closed must keep its argument `size` in an attribute of that name for its sampler to be replaced, got none. "
                "Set it in `__init__`, or give the sampler to the loader by hand."
            ),
        ),
    ],
    ids=["a sampler", "a stream", "another length", "no sampler", "no end", "batches by a rule", "a closed loader"],
)
def test_what_the_loader_cannot_do_is_refused_with_it(inside, sampler, error, message):
    data = RebalancedDataModule(inside, sampler)
    data.setup("fit")

    with pytest.raises(error) as raised:
        data.train_dataloader()

    assert str(raised.value) == message


class Pairs(BatchSampler):
    """A batch sampler of somebody's own."""


class Closed(DataLoader):
    """A loader whose arguments are its own."""

    def __init__(self, dataset, size) -> None:
        super().__init__(dataset, batch_size=size)


class Open(DataLoader):
    """A loader that passes on what it is given."""

    def __init__(self, dataset, *, tag="none", **settings) -> None:
        self.tag = tag
        super().__init__(dataset, **settings)


def test_a_loader_of_ones_own_class_stays_one():
    data = RebalancedDataModule(Plain(Open, tag="mine", drop_last=True))
    data.setup("fit")

    loader = data.train_dataloader()

    assert (type(loader), loader.tag, loader.batch_size, loader.drop_last) == (Open, "mine", 6, True)
    assert isinstance(loader.sampler, ClassBalancedSampler)
