"""The training dataloader of a datamodule."""

from __future__ import annotations

import pytest
import torch
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance.labels import Stream, names_of, training_loader

LOADER = DataLoader(TensorDataset(torch.zeros(2, 1), torch.tensor([0, 1])))


class Data(LightningDataModule):
    def __init__(self, loader=LOADER):
        super().__init__()
        self.loader, self.calls = loader, []

    def prepare_data(self):
        self.calls.append("prepare_data")

    def setup(self, stage):
        self.calls.append(stage)

    def train_dataloader(self):
        self.calls.append("train_dataloader")
        return self.loader


def test_a_datamodule_without_a_trainer_is_set_up_first():
    data = Data()
    assert training_loader(data) is LOADER
    assert data.calls == ["prepare_data", "fit", "train_dataloader"]


def test_a_trainer_sets_its_datamodule_up_itself():
    data = Data()
    data.trainer = object()
    assert training_loader(data) is LOADER
    assert data.calls == ["train_dataloader"]


@pytest.mark.parametrize(("setup", "calls"), [(True, ["prepare_data", "fit"]), (False, [])])
@pytest.mark.parametrize("trainer", [None, object()])
def test_setup_can_be_chosen(setup, calls, trainer):
    data = Data()
    data.trainer = trainer
    training_loader(data, setup=setup)
    assert data.calls == [*calls, "train_dataloader"]


def test_any_object_with_the_method_will_do():
    class Bare:
        def train_dataloader(self):
            return LOADER

    assert training_loader(Bare()) is LOADER


def test_a_module_that_brings_its_own_data_will_do():
    class Module(LightningModule):
        def train_dataloader(self):
            return LOADER

    assert training_loader(Module()) is LOADER


@pytest.mark.parametrize("datamodule", [LightningDataModule(), object(), None], ids=lambda d: type(d).__name__)
def test_an_object_without_the_method_is_refused(datamodule):
    with pytest.raises(TypeError) as error:
        training_loader(datamodule)
    name = type(datamodule).__name__
    assert str(error.value) == f"`datamodule` must have a method `train_dataloader()`, got {name} without one."


SEVERAL = " Override `class_distribution()` to say which data to count, or give one loader."


@pytest.mark.parametrize(
    ("loader", "got"),
    [
        ([LOADER, LOADER], "a list of 2." + SEVERAL),
        ({"a": LOADER, "b": LOADER}, "a dict with keys 'a', 'b'." + SEVERAL),
        (None, "None."),
        (3, "a int."),
    ],
    ids=["list", "dict", "none", "number"],
)
def test_anything_but_one_loader_is_refused(loader, got):
    with pytest.raises(TypeError) as error:
        training_loader(Data(loader))
    assert str(error.value) == f"`Data.train_dataloader()` must return one DataLoader, got {got}"


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning's, about a newer torch
def test_a_combined_loader_is_refused():
    with pytest.raises(TypeError) as error:
        training_loader(Data(CombinedLoader({"a": LOADER, "b": LOADER})))
    assert str(error.value) == (
        "`Data.train_dataloader()` must return one DataLoader, got a dict with keys 'a', 'b'." + SEVERAL
    )


@pytest.mark.parametrize(
    ("in_data", "of_datamodule", "expected"),
    [
        (None, ["rose", "tulip"], ("rose", "tulip")),
        (("cat", "dog"), ["rose", "tulip"], ("cat", "dog")),
        (None, None, None),
        (None, 2, None),
    ],
    ids=["its own", "the data's", "none", "no names"],
)
def test_a_datamodule_names_classes_that_its_data_do_not(in_data, of_datamodule, expected):
    data = Data()
    data.class_names = of_datamodule

    assert names_of(data, Stream(in_data, iter([]))).class_names == expected
