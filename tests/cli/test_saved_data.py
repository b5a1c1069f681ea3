from __future__ import annotations

from pathlib import Path

import lightning as L
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from lightning_imbalance.cli.saved_data import data_of
from lightning_imbalance.cli.saved_run import SavedRun
from lightning_imbalance.comparison.source import FixedParts
from lightning_imbalance.datamodules import ImageFolderDataModule, TabularDataModule

CHECKPOINT = Path("run/x.ckpt")
ANOTHER = "another one, and the model may have been trained on samples that it is measured on."


@pytest.fixture(autouse=True)
def sources(tmp_path, monkeypatch):
    """A folder of images, two tables and a module, in the folder that the test runs in."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(12):
            Image.new("L", (4, 4), color=index).save(tmp_path / "photos" / name / f"{index}.png")
    rows = "\n".join(f"{index},{('no', 'yes')[index % 3 == 0]}" for index in range(40))
    for name in ("loans.csv", "others.csv"):
        (tmp_path / name).write_text(f"amount,paid\n{rows}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


def config(name: str, **arguments):
    return {"data": {"class_path": f"lightning_imbalance.datamodules.{name}", "init_args": arguments}}


PHOTOS = config("ImageFolderDataModule", root="photos", image_size=8, seed=5, val_fraction=0.25, channels=1)
LOANS = config("TabularDataModule", data="loans.csv", target="paid", seed=7, test_fraction=0.3)


def of(said=None, source=None, target=None, record=None):
    return data_of(SavedRun(Path("run"), CHECKPOINT, config=said, record=record), source, target)


def test_the_data_of_a_run_are_split_as_for_the_training():
    images, rows = of(PHOTOS), of(LOANS)

    assert isinstance(images.datamodule, ImageFolderDataModule)
    assert (images.datamodule.seed, images.datamodule.val_fraction, images.datamodule.channels) == (5, 0.25, 1)
    assert images.datamodule.test_dataloader().dataset[0][0].shape == (1, 8, 8)
    assert isinstance(rows.datamodule, TabularDataModule)
    assert (rows.datamodule.seed, rows.datamodule.test_fraction) == (7, 0.3)
    assert (images.location, images.notices, rows.location, rows.notices) == ("photos", (), "loans.csv", ())


def test_data_that_have_moved_keep_the_settings_of_the_run():
    rows, others = of(LOANS, "others.csv"), of(LOANS, "others.csv", "amount")
    Path("photos").rename("moved")
    images = of(PHOTOS, "moved")

    assert (rows.datamodule.data, rows.datamodule.target, rows.datamodule.seed) == ("others.csv", "paid", 7)
    assert others.datamodule.target == "amount"
    assert (images.datamodule.root, images.datamodule.seed) == (Path("moved"), 5)
    assert rows.notices == others.notices == images.notices == ()


def test_other_data_than_the_runs_are_read_as_inspect_reads_them_and_a_notice_says_so():
    found = of(PHOTOS, "loans.csv", "paid")

    assert isinstance(found.datamodule, TabularDataModule)
    assert found.notices == (
        f"The run was trained on data of ImageFolderDataModule, and loans.csv is read otherwise: the split is {ANOTHER}",
    )


def test_of_a_checkpoint_alone_nobody_knows_the_split():
    found = of(None, "photos")

    (notice,) = found.notices
    assert notice == (
        "Nothing says how the data were split for the training. photos is split with the seed 0 here: with another seed or other shares, "
        "the model was trained on samples that it is measured on."
    )


OWN = """
import lightning as L
class Mine(L.LightningDataModule):
    def __init__(self, size: int = 3):
        super().__init__()
        self.size = size
"""


def test_a_datamodule_of_ones_own_is_made_with_the_runs_arguments():
    Path("my_own_data.py").write_text(OWN, encoding="utf-8")

    found = of({"data": {"class_path": "my_own_data.Mine", "init_args": {"size": 8}}})
    named = of(None, "my_own_data:Mine")

    assert found.datamodule.size == 8
    assert named.datamodule.size == 3
    for data, name in ((found, "Mine"), (named, "my_own_data:Mine")):
        assert data.notices == (
            f"Whether these samples were kept out of the training rests on {name}: a split by chance must have a seed of its own.",
        )


def test_the_parts_of_a_comparison_are_those_of_its_runs():
    record = FixedParts.of("loans.csv", "paid").describe()

    same = of(None, "loans.csv", "paid", record=record)
    assert isinstance(same.datamodule, FixedParts)
    assert same.notices == ()

    changed = of(None, "loans.csv", "paid", record=record | {"test samples": "9 (abc)"})
    assert changed.notices == (
        f"These are not the data of the comparison: test samples were 9 (abc), and are {record['test samples']}. If both come from the same samples, the split is {ANOTHER}",
    )


def test_a_test_part_that_the_comparison_made_is_made_again(monkeypatch):
    data = TensorDataset(torch.randn(40, 2), torch.tensor([0, 1] * 20))
    monkeypatch.setattr(
        "lightning_imbalance.comparison.source.datamodule_of",
        lambda source, target: L.LightningDataModule.from_datasets(data, data),
    )

    found = of(None, "anything", record={"remedy": "none"})

    assert len(found.datamodule.target) == 20
    assert found.notices == ("No test part was given: half of the validation part, drawn by class, is the test part.",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "`--data` must name the data to measure the model on, got none, and run does not say what it was trained on. For the digits of `demo` that is lightning_imbalance.datamodules:DigitsDataModule."),
        (({"data": {"root": "photos"}},), "`--data` must name the data to measure the model on, got none, and run does not say what it was trained on. For the digits of `demo` that is lightning_imbalance.datamodules:DigitsDataModule."),
        ((None, None, None, {"remedy": "none"}), "`--data` must name the data to measure the model on, got none, and run does not say what it was trained on. Name the source that was compared on."),
        ((LOANS, None, "paid"), "`--target` must come with `--data`, got 'paid' alone: the run has its own."),
        ((PHOTOS, "photos", "paid"), "`--target` must be left out unless the source is a table, got 'paid' for photos."),
        ((config("TabularDataModule", data="gone.csv", target="paid"),), "`--data` must name the data, got none, and run was trained on gone.csv, which does not exist here. Run the command in the folder that `fit` ran in, or name them."),
    ],
)  # fmt: skip
def test_what_names_no_data_is_refused(arguments, message):
    with pytest.raises(ValueError) as refused:
        of(*arguments)

    assert str(refused.value) == message
