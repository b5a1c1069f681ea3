"""Every kind of source gives the classes that its library gives, and a source that is none is named."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from PIL import Image

from lightning_imbalance.sources import import_object, read_source


def touch(root, *names: str):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def counted(distribution) -> dict[str, int]:
    return dict(zip(distribution.class_names, distribution.counts.tolist(), strict=True))


def test_a_folder_of_classes_is_counted_without_opening_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "open", None)

    source = read_source(touch(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png"))

    assert (source.kind, counted(source.train), source.validation, source.has_validation) == (
        "images",
        {"cat": 2, "dog": 1},
        None,
        False,
    )


def test_the_validation_folder_is_counted_by_the_classes_of_the_training_folder(tmp_path):
    touch(tmp_path, "train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "val/dog/1.png")
    (tmp_path / "val" / "cat").mkdir()

    source = read_source(str(tmp_path))

    assert (counted(source.train), counted(source.validation)) == ({"cat": 1, "dog": 2}, {"cat": 0, "dog": 1})
    assert source.has_validation


def test_a_table_is_read_by_its_target(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,b\n2,a\n3,b\n", encoding="utf-8")

    source = read_source(tmp_path / "t.csv", target="y")

    assert (source.kind, counted(source.train)) == ("table", {"a": 1, "b": 2})


def write_cifar(root) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{part}" for part in range(1, 6)), "test_batch"]
    for part, name in enumerate(names):
        batch = {"data": np.zeros((2, 3072), dtype=np.uint8), "labels": [part, 9]}
        (folder / name).write_bytes(pickle.dumps(batch))
    meta = {"label_names": [f"kind {index}" for index in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta))


@pytest.fixture
def any_checksum(monkeypatch):
    """The files of a test are not those that torchvision's authors uploaded."""
    for module in ("cifar",):
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", lambda *_: True)


@pytest.mark.usefixtures("any_checksum")
@pytest.mark.parametrize("inside", [".", "cifar-10-batches-py"])
def test_a_data_set_of_torchvision_is_found_by_what_its_download_leaves(inside, tmp_path):
    write_cifar(tmp_path)

    source = read_source(tmp_path / inside)

    assert source.kind == "torchvision"
    assert source.train.counts.tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0, 5]
    assert source.train.class_names[3] == "kind 3"


def test_of_two_data_sets_in_a_folder_one_must_be_named(tmp_path):
    touch(tmp_path, "MNIST/raw/train", "cifar-10-batches-py/data_batch_1")

    with pytest.raises(ValueError, match="must") as error:
        read_source(tmp_path)

    assert str(error.value) == (
        f"the source must be one data set, got {tmp_path} with 2. Name one: {tmp_path / 'cifar-10-batches-py'}, "
        f"{tmp_path / 'MNIST'}."
    )


def test_half_a_download_is_named(tmp_path):
    touch(tmp_path, "cifar-10-batches-py/data_batch_1")

    with pytest.raises(ValueError, match=r"the source must hold torchvision's CIFAR10 as it was downloaded, got .*"):
        read_source(tmp_path)


def test_a_class_may_be_called_mnist(tmp_path):
    assert counted(read_source(touch(tmp_path, "MNIST/1.png", "other/1.png")).train) == {"MNIST": 1, "other": 1}


@pytest.fixture
def letters() -> Dataset:
    features = Features({"x": Value("int64"), "letter": ClassLabel(names=["a", "b", "c"])})
    return Dataset.from_dict({"x": [1, 2, 3], "letter": [1, 1, 0]}, features=features)


def test_a_data_set_of_hugging_face_is_read_by_its_column(letters, tmp_path):
    letters.save_to_disk(str(tmp_path / "one"))
    DatasetDict({"train": letters, "validation": letters.select([2])}).save_to_disk(str(tmp_path / "parts"))

    one, parts = read_source(tmp_path / "one", "letter"), read_source(tmp_path / "parts", target="letter")

    assert (one.kind, counted(one.train), one.has_validation) == ("huggingface", {"a": 1, "b": 2, "c": 0}, False)
    assert counted(parts.validation) == {"a": 1, "b": 0, "c": 0}
    with pytest.raises(ValueError, match="must") as error:
        read_source(tmp_path / "one", target="lettre")
    assert str(error.value) == (
        "`target` must be a column of the data set ('x', 'letter'), got 'lettre'. Did you mean 'letter'?"
    )


MODULE = """
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

points = TensorDataset(torch.zeros(3, 1), torch.tensor([0, 1, 1]))
text = "nothing"

class Points(LightningDataModule):
    class_names = ["left", "right"]
    def train_dataloader(self):
        return DataLoader(points)

class WithValidation(Points):
    def val_dataloader(self):
        return DataLoader(TensorDataset(torch.zeros(1, 1), torch.tensor([1])))

def make():
    return Points()

class Needs(Points):
    def __init__(self, root):
        super().__init__()
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "my_points.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "my_points"
    sys.modules.pop("my_points", None)


@pytest.mark.parametrize("name", ["Points", "make", "points", "WithValidation"])
def test_a_name_in_a_module_of_ones_own_is_imported(name, mine):
    source = read_source(f"{mine}:{name}")

    assert source.kind == "python"
    assert source.train.counts.tolist() == [1, 2]
    assert source.has_validation == (name == "WithValidation")
    if name == "WithValidation":
        assert counted(source.validation) == {"left": 0, "right": 1}


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("my_points:Pionts", ValueError, "the source must name something in the module my_points, got 'Pionts'. Did you mean 'Points'?"),
        ("no_points:Points", ValueError, "the source must be a path, or name a module that Python finds, got no_points:Points: no module 'no_points'."),
        ("my_points:Needs", TypeError, "the source must need no arguments, got my_points:Needs, which needs 'root'. Write a function without arguments that returns it, and name that."),
        ("no/folder", ValueError, "the source must be a folder, a table or `package.module:name`, got no/folder, which does not exist. Check the path; it is relative to the folder that the program runs in."),
        ("notes.txt", ValueError, "a source that is a file must be a table (.csv, .csv.gz, .csv.bz2, .tsv, .tsv.gz, .tsv.bz2, .parquet, .pq), got notes.txt."),
        ("table.csv", ValueError, "`target` must name the column of the classes of a table, got none for table.csv."),
        ("tables", ValueError, "a folder must hold folders of images, got tables, which holds tables. Name one: tables/a.parquet."),
    ],
)  # fmt: skip
def test_a_source_that_is_none_is_named(source, kind, message, mine, tmp_path):
    touch(tmp_path, "notes.txt", "table.csv", "tables/a.parquet")

    with pytest.raises(kind, match=r"must") as error:
        read_source(source)

    assert str(error.value) == message


def test_a_target_without_columns_is_refused(tmp_path, mine):
    with pytest.raises(ValueError, match="must") as error:
        read_source("my_points:Points", target="y")

    assert str(error.value) == (
        "`target` must be left out unless the source has columns, got 'y' for my_points:Points."
    )


def test_a_module_that_fails_to_import_another_says_so_itself(tmp_path, mine):
    (tmp_path / "my_points.py").write_text("import no_such_library", encoding="utf-8")

    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_library'"):
        import_object("my_points:Points")


def test_a_data_set_in_a_module_is_counted_as_it_is(mine):
    assert torch.equal(read_source(f"{mine}:points").train.counts, torch.tensor([1, 2]))
