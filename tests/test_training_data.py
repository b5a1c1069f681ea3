from __future__ import annotations

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from lightning_imbalance import ClassDistribution
from lightning_imbalance.training_data import from_trainer


class Counting(L.LightningModule):
    """Counts in ``setup``, as a module of somebody else would."""

    def __init__(self, *arguments) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.arguments = arguments
        self.counted: list[ClassDistribution] = []

    def setup(self, stage):
        self.counted.append(from_trainer(self.trainer, *self.arguments))

    def training_step(self, batch, _batch_idx):
        return self.layer(batch[0][:, :2]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Reading(L.LightningDataModule):
    """Builds its data in ``setup`` alone, and notes what it is asked for."""

    def __init__(self, make) -> None:
        super().__init__()
        self.make = make
        self.calls: list[str] = []

    def prepare_data(self):
        self.calls.append("prepare_data")

    def setup(self, stage):
        self.calls.append("setup")
        self.data = self.make()

    def train_dataloader(self):
        self.calls.append("train_dataloader")
        return DataLoader(self.data, batch_size=4)


def test_a_datamodule_is_counted_after_its_own_setup_and_set_up_once(tiny_trainer, blobs):
    model, data = Counting(), Reading(lambda: blobs([5, 3], ["cat", "dog"]))

    tiny_trainer().fit(model, datamodule=data)

    assert model.counted == [ClassDistribution([5, 3], ["cat", "dog"])]
    assert data.calls == ["prepare_data", "setup", "train_dataloader", "train_dataloader"]


def test_a_dataloader_given_to_fit_is_counted(tiny_trainer, blobs):
    model = Counting()

    tiny_trainer().fit(model, DataLoader(blobs([5, 3], ["cat", "dog"])))

    assert model.counted == [ClassDistribution([5, 3], ["cat", "dog"])]


def test_the_train_dataloader_of_the_module_itself_is_counted(tiny_trainer, blobs):
    class Own(Counting):
        def train_dataloader(self):
            return DataLoader(blobs([2, 6]))

    model = Own()
    tiny_trainer().fit(model)

    assert model.counted == [ClassDistribution([2, 6])]


def test_a_dataloader_given_to_fit_comes_before_that_of_the_module(tiny_trainer, blobs):
    class Own(Counting):
        def train_dataloader(self):
            raise NotImplementedError

    model = Own()
    tiny_trainer().fit(model, DataLoader(blobs([2, 6])))

    assert model.counted == [ClassDistribution([2, 6])]


def test_a_second_fit_with_a_dataloader_does_not_count_the_datamodule_of_the_first(tiny_trainer, blobs):
    model, trainer = Counting(), tiny_trainer()

    trainer.fit(model, datamodule=Reading(lambda: blobs([5, 3])))
    trainer.fit(model, DataLoader(blobs([2, 6])))
    trainer.fit(model, datamodule=Reading(lambda: blobs([4, 4])))

    assert model.counted == [ClassDistribution([5, 3]), ClassDistribution([2, 6]), ClassDistribution([4, 4])]


def test_a_subset_sampler_limits_the_count_and_a_weighted_one_does_not(tiny_trainer, blobs):
    data, model = blobs([5, 3]), Counting()

    for sampler in (SubsetRandomSampler([0, 5, 6]), WeightedRandomSampler([1.0] * 8, 100), RandomSampler(data)):
        tiny_trainer().fit(model, DataLoader(data, sampler=sampler, batch_size=4))

    assert model.counted == [ClassDistribution([1, 2]), ClassDistribution([5, 3]), ClassDistribution([5, 3])]


def test_arguments_are_those_of_from_dataset(tiny_trainer, blobs):
    model = Counting(3, ["a", "b", "c"], "multiclass", 1)

    tiny_trainer().fit(model, DataLoader(blobs([5, 3, 2])))

    assert model.counted == [ClassDistribution([5, 0, 2], ["a", "b", "c"])]


def test_counting_draws_no_random_number_and_leaves_the_loader_as_it_was(tiny_trainer, blobs):
    loader = DataLoader(blobs([5, 3]), shuffle=True, batch_size=8)
    trainer = tiny_trainer()
    trainer.fit_loop._data_source.instance = loader
    torch.manual_seed(0)
    expected = next(iter(loader))[1]

    torch.manual_seed(0)
    from_trainer(trainer)

    assert torch.equal(next(iter(loader))[1], expected)


def test_nothing_to_count_is_an_error_that_says_what_to_do(tiny_trainer):
    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(Counting())

    assert str(error.value) == (
        "the Trainer must have training data to count, got neither a datamodule nor a dataloader. Call "
        "`trainer.fit(model, datamodule=...)`, or override `class_distribution()`."
    )


def test_a_trainer_that_never_ran_has_nothing_to_count(tiny_trainer):
    with pytest.raises(ValueError, match=r"^the Trainer must have training data to count, got neither"):
        from_trainer(tiny_trainer())


def test_a_datamodule_without_train_dataloader_is_named(tiny_trainer):
    class Empty(L.LightningDataModule):
        pass

    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(Counting(), datamodule=Empty())

    assert str(error.value) == "`datamodule` must have a method `train_dataloader()`, got Empty without one."


@pytest.mark.parametrize(
    ("several", "got"), [(lambda one: [one, one], "a list of 2"), (lambda one: {"a": one}, "a dict with keys 'a'")]
)
def test_several_dataloaders_are_refused_because_nobody_says_which_to_count(several, got, tiny_trainer, blobs):
    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(Counting(), several(DataLoader(blobs([5, 3]))))

    assert str(error.value) == (
        f"`train_dataloaders` must be one DataLoader, got {got}. Override `class_distribution()` to say which data to "
        "count, or give one loader."
    )


def test_several_dataloaders_of_the_module_itself_are_refused_too(tiny_trainer, blobs):
    class Own(Counting):
        def train_dataloader(self):
            return {"labelled": DataLoader(blobs([5, 3])), "unlabelled": DataLoader(blobs([9, 9]))}

    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(Own())

    assert str(error.value) == (
        "`Own.train_dataloader()` must return one DataLoader, got a dict with keys 'labelled', 'unlabelled'. Override "
        "`class_distribution()` to say which data to count, or give one loader."
    )


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        (
            torch.zeros(0, dtype=torch.int64),
            ValueError,
            "the training data must hold at least one label, got an empty data set (there are none).",
        ),
        (
            torch.tensor([0.5, 1.0]),
            TypeError,
            (
                "labels must be class indices (integers), got float32 values such as 0.5. Convert them with `.long()` "
                'if they are whole numbers, use `task="binary"` if they are 0 and 1 for one logit; '
                "for class probabilities pass counts instead: `ClassDistribution(counts)`."
            ),
        ),
        (
            torch.tensor([0, -1]),
            ValueError,
            "labels must be class indices from 0 on, got -1. Pass `ignore_index=-1` to leave such labels out.",
        ),
        (
            torch.tensor([0, 7]),
            ValueError,
            "labels must be below the number of classes, 2, got 7. Pass a larger `num_classes` if it is a class, or `ignore_index=7` to leave such labels out.",
        ),
    ],
    ids=["empty", "fractions", "negative", "too large"],
)
def test_labels_that_cannot_be_counted_are_named(target, kind, message, tiny_trainer):
    data = torch.utils.data.TensorDataset(torch.zeros(len(target), 2), target)

    with pytest.raises(kind) as error:
        tiny_trainer().fit(Counting(2), DataLoader(data))

    assert str(error.value) == message
