"""The same parts for every run."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from datasets import ClassLabel, DatasetDict, Features, Value
from datasets import Dataset as HuggingFace
from datasets import Image as ImageColumn
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset, random_split

from lightning_imbalance.comparison.source import FixedParts, datamodule_of
from lightning_imbalance.datamodules import ImageFolderDataModule
from lightning_imbalance.quiet import quiet


def test_a_path_is_a_folder_of_images() -> None:
    Path("photos").mkdir()
    for source in ("photos", Path("photos")):
        made = datamodule_of(source)
        assert isinstance(made, ImageFolderDataModule)
        assert made.root == Path("photos")


def test_a_function_makes_the_datamodule_and_a_datamodule_is_taken_as_it_is(datamodule: L.LightningDataModule) -> None:
    assert datamodule_of(lambda: datamodule) is datamodule
    assert datamodule_of(datamodule) is datamodule


def test_a_table_comes_with_the_column_of_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "loans.csv"
    path.write_text("amount,paid\n" + "".join(f"{i},{'no' if i % 3 else 'yes'}\n" for i in range(60)))

    parts = FixedParts.of(path, "paid")

    assert parts.class_names == ("no", "yes")
    again = pickle.loads(pickle.dumps(parts))  # noqa: S301  # our own
    assert torch.equal(again.target, parts.target)


def test_a_data_set_is_split_by_class_and_so_is_one_that_a_function_makes(blobs: Callable[..., Any]) -> None:
    data = blobs([80, 40, 20])
    for source in (data, lambda: data):
        parts = FixedParts.of(source)
        assert parts.distribution.counts.tolist() == [56, 28, 14]
        assert torch.bincount(parts.val_target).tolist() == torch.bincount(parts.target).tolist() == [12, 6, 3]
        assert parts.notes == ()


@pytest.fixture
def letters() -> HuggingFace:
    pictures = [Image.new("L", (12, 8), shade) for shade in range(0, 240, 4)]
    features = Features({"id": Value("int64"), "glyph": ImageColumn(), "letter": ClassLabel(names=["a", "b"])})
    rows = {"id": list(range(60)), "glyph": pictures, "letter": [0] * 40 + [1] * 20}
    return HuggingFace.from_dict(rows, features=features)


def test_a_data_set_of_hugging_face_on_disk_gives_its_images_and_its_own_parts(
    letters: HuggingFace, tmp_path: Path
) -> None:
    letters.save_to_disk(str(tmp_path / "one"))
    DatasetDict({"train": letters, "dev": letters.select([0, 50]), "test": letters.select([1, 2, 51])}).save_to_disk(
        str(tmp_path / "three")
    )

    one, three = FixedParts.of(tmp_path / "one"), FixedParts.of(str(tmp_path / "three"), "letter")

    assert (one.class_names, one.distribution.counts.tolist()) == (("a", "b"), [28, 14])
    assert three.distribution.counts.tolist() == [40, 20]
    assert (three.val_target.tolist(), three.target.tolist()) == ([0, 1], [0, 0, 1])
    images, labels = next(iter(three.datamodule.test_dataloader()))
    assert (images.shape, labels.tolist()) == ((3, 1, 8, 12), [0, 0, 1])
    assert images[0].unique().item() == pytest.approx(4 / 255 * 2 - 1)  # the second picture has the shade 4
    again = pickle.loads(pickle.dumps(three))  # noqa: S301  # our own
    assert torch.equal(again.target, three.target)


def test_columns_of_numbers_are_a_table(tmp_path: Path) -> None:
    HuggingFace.from_dict({"x": [1, 2], "y": [3, 4], "label": [0, 1]}).save_to_disk(str(tmp_path / "numbers"))

    with pytest.raises(TypeError) as error:
        datamodule_of(tmp_path / "numbers", "label")

    assert str(error.value) == (
        "`dataset` must have one column of images or of lists of numbers beside the classes, got 'x', 'y'. Keep one with "
        "`select_columns(...)`; if each number has a column of its own, write a table with `to_parquet(...)`."
    )


def test_a_data_set_of_torchvision_on_disk_gives_its_test_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for number, name in enumerate([*(f"data_batch_{part}" for part in range(1, 6)), "test_batch"]):
        rows = 8 if name == "test_batch" else 20
        pixels = np.full((rows, 3072), 10 * number, dtype=np.uint8)
        batch = {"data": pixels, "labels": [0, 1, 2, 3] * (rows // 4)}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [*"abcdefghij"]}))

    parts = FixedParts.of(tmp_path)

    assert parts.distribution.counts.tolist() == [21] * 4 + [0] * 6
    assert parts.distribution.class_names == tuple("abcdefghij")
    assert (len(parts.val_target), parts.target.tolist()) == (16, [0, 1, 2, 3] * 2)
    images, _ = next(iter(parts.datamodule.test_dataloader()))
    assert (images.shape, images.dtype) == ((8, 3, 32, 32), torch.float32)
    # Normalised by ImageNet's mean and standard deviation, as images in folders are.
    assert images[0, :, 0, 0].tolist() == pytest.approx([(50 / 255 - 0.485) / 0.229, (50 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225])  # fmt: skip


MODULE = """
import lightning as L
import torch
from torch.utils.data import TensorDataset

points = TensorDataset(torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1] * 20))

def data_set():
    return points

def datamodule():
    return L.LightningDataModule.from_datasets(points, points, points)

number = 3
"""


@pytest.mark.parametrize(("name", "counts"), [("points", [14, 28]), ("data_set", [14, 28]), ("datamodule", [20, 40])])
def test_a_name_in_a_module_is_a_datamodule_or_a_data_set(
    name: str, counts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compared_points.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))

    parts = FixedParts.of(f"compared_points:{name}")

    assert parts.distribution.counts.tolist() == counts
    again = pickle.loads(pickle.dumps(parts))  # noqa: S301  # our own
    assert torch.equal(again.target, parts.target)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("loans.csv", None, "`target` must name the column of the classes of a table, got none for loans.csv."),
        ("photos", "paid", "`target` must be left out unless the source has columns, got 'paid' for photos."),
        (TensorDataset(torch.zeros(2)), "paid", "`target` must be left out unless the source is a path, got 'paid' for TensorDataset."),
        ("nowhere", None, "the source must be a folder, a table or `package.module:name`, got nowhere, which does not exist. Check the path; it is relative to the folder that the program runs in."),
    ],
)  # fmt: skip
def test_a_target_without_columns_a_table_without_one_and_no_source_are_refused(
    source: Any, target: str | None, message: str
) -> None:
    Path("photos").mkdir()
    Path("loans.csv").touch()

    with pytest.raises(ValueError) as error:
        datamodule_of(source, target)

    assert str(error.value) == message


@pytest.mark.parametrize(("source", "got"), [(3, "int"), (lambda: 3, "int"), ([1, 2], "list"), (lambda: dict, "dict")])
def test_something_else_is_refused(source: Any, got: str) -> None:
    with pytest.raises(TypeError) as error:
        datamodule_of(source)

    assert str(error.value) == (
        "`source` must be a LightningDataModule, a data set with an index for each sample, a function that makes one, or "
        f"a path, got {got}."
    )


class Drawn(L.LightningDataModule):
    """Splits with torch's global generator each time it is set up, as many do."""

    def __init__(self, *, test: bool = True) -> None:
        super().__init__()
        self.setups: list[str | None] = []
        self.has_test = test

    def setup(self, stage: str | None = None) -> None:
        self.setups.append(stage)
        target = torch.tensor([0] * 60 + [1] * 40)
        data = TensorDataset(torch.arange(100.0)[:, None], target)
        self.train, self.val, self.test = random_split(data, [0.6, 0.2, 0.2])

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, batch_size=10, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, batch_size=10)

    def test_dataloader(self) -> Any:
        return DataLoader(self.test, batch_size=10) if self.has_test else []


def values(loader: Any) -> list[float]:
    with quiet():  # a loader of `from_datasets` pins memory
        return sorted(value.item() for value in torch.cat([batch[0] for batch in loader]).flatten())


def test_a_split_by_torchs_generator_is_drawn_once_and_alike_in_every_process() -> None:
    torch.manual_seed(1)
    first = FixedParts(Drawn())
    torch.manual_seed(2)
    second = FixedParts(Drawn())
    before = values(first.train_dataloader())

    for stage in ("fit", "test"):
        first.setup(stage)
    first.prepare_data()

    assert values(first.train_dataloader()) == before == values(second.train_dataloader())
    assert first.datamodule.setups == ["fit", "test"]  # type: ignore[union-attr]  # of the class above


def test_the_generator_of_the_user_is_left_alone() -> None:
    before = torch.get_rng_state()
    FixedParts(Drawn())

    assert torch.equal(torch.get_rng_state(), before)


def test_half_of_the_validation_part_becomes_the_test_part_class_by_class(datamodule: L.LightningDataModule) -> None:
    datamodule.test_dataloader = list  # type: ignore[method-assign]  # none
    parts = FixedParts(datamodule)
    val, test = values(parts.val_dataloader()), values(parts.test_dataloader())

    assert torch.bincount(parts.target).tolist() == torch.bincount(parts.val_target).tolist() == [4, 4, 4]
    assert set(val) & set(test) == set()
    assert parts.notes == ("no test part was given: half of the validation part, drawn by class, is the test part",)
    with quiet():
        assert [batch[1].tolist() for batch in parts.test_dataloader()] == [parts.target.tolist()]


def test_a_test_part_that_is_there_is_taken_whole(datamodule: L.LightningDataModule) -> None:
    parts = FixedParts(datamodule)

    assert (len(parts.target), len(parts.val_target), parts.notes) == (34, 24, ())
    assert parts.class_names == ("cat", "dog", "eel")


def test_data_without_a_validation_part_are_refused(blobs: Callable[..., Any]) -> None:
    with pytest.raises(TypeError) as error:
        FixedParts(L.LightningDataModule.from_datasets(blobs([8, 4])))

    assert str(error.value) == (
        "`source` must have validation data, which choose the epoch, got LightningDataModule without."
    )


def test_test_samples_in_a_random_order_are_refused(
    datamodule: L.LightningDataModule, blobs: Callable[..., Any]
) -> None:
    data = blobs([4, 4, 4])
    datamodule.test_dataloader = lambda: DataLoader(data, shuffle=True)  # type: ignore[method-assign]

    with pytest.raises(ValueError) as error:
        FixedParts(datamodule)

    assert str(error.value) == (
        "`test_dataloader()` must give the samples in the same order each time (`shuffle=False`), got RandomSampler."
    )


def test_several_test_loaders_are_refused(datamodule: L.LightningDataModule, blobs: Callable[..., Any]) -> None:
    loader = DataLoader(blobs([4, 4, 4]))
    datamodule.test_dataloader = lambda: [loader, loader]  # type: ignore[method-assign]

    with pytest.raises(TypeError) as error:
        FixedParts(datamodule)

    assert str(error.value) == "`LightningDataModule.test_dataloader()` must return one DataLoader, got list."


def test_a_class_that_is_tested_and_unknown_is_refused(
    datamodule: L.LightningDataModule, blobs: Callable[..., Any]
) -> None:
    loader = DataLoader(blobs([4, 4, 4, 4]))
    datamodule.test_dataloader = lambda: loader  # type: ignore[method-assign]

    with pytest.raises(ValueError) as error:
        FixedParts(datamodule)

    assert str(error.value) == (
        "validation and test data must have one class index a sample, from 0 to 2, got shape (16,) with values from 0 to 3."
    )


def test_other_training_data_leave_the_parts_as_they_are(datamodule: L.LightningDataModule) -> None:
    parts = FixedParts(datamodule)

    changed = parts.with_training_data(lambda dataset, seed: torch.utils.data.Subset(dataset, range(seed)), 7)

    assert len(changed.train_dataloader().dataset) == 7
    assert len(parts.train_dataloader().dataset) == 62
    assert torch.equal(changed.target, parts.target)
