"""A table as a datamodule: split by class, standardised by its training rows, counted without a pass."""

from __future__ import annotations

import pickle

import lightning as L
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_wine

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.datamodules import TabularDataModule
from lightning_imbalance.small_networks import small_network


@pytest.fixture(scope="module")
def wine() -> pd.DataFrame:
    frame = load_wine(as_frame=True).frame
    return frame.assign(target=frame["target"].map({0: "Barolo", 1: "Grignolino", 2: "Barbera"}))


def parts_of(table: TabularDataModule) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [part.tensors for part in table.parts[:3] if part is not None]


def test_file_and_frame_give_the_same_parts(wine, tmp_path):
    wine.to_csv(tmp_path / "wine.csv", index=False)
    wine.to_parquet(tmp_path / "wine.parquet")

    tables = [
        TabularDataModule(data, "target") for data in (wine, tmp_path / "wine.csv", str(tmp_path / "wine.parquet"))
    ]

    for table in tables:
        assert table.class_names == ["Barbera", "Barolo", "Grignolino"]
        assert table.feature_names == tuple(wine.columns[:-1])
        for (features, labels), (expected, expected_labels) in zip(parts_of(table), parts_of(tables[0]), strict=True):
            torch.testing.assert_close(features, expected)
            assert torch.equal(labels, expected_labels)


def test_the_parts_are_those_of_the_seed_and_standardised_by_the_first(wine):
    table = TabularDataModule(wine, "target", seed=3)
    counts = [labels.bincount().tolist() for _, labels in parts_of(table)]

    assert [sum(part) for part in zip(*counts, strict=True)] == wine["target"].value_counts().sort_index().tolist()
    assert counts[1] == [7, 9, 11]
    features, _ = parts_of(table)[0]
    torch.testing.assert_close(features.mean(0), torch.zeros(13), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.std(0, correction=0), torch.ones(13))
    again, other = (TabularDataModule(wine, "target", seed=seed) for seed in (3, 4))
    assert torch.equal(parts_of(again)[0][0], features)
    assert not torch.equal(parts_of(other)[0][0], features)


def test_counting_passes_over_no_batch(wine, monkeypatch):
    table = TabularDataModule(wine, "target")
    table.setup()
    monkeypatch.setattr(torch.utils.data.TensorDataset, "__getitem__", None)

    assert ClassDistribution.from_datamodule(table).class_names == ("Barbera", "Barolo", "Grignolino")


def test_a_trainer_learns_it_and_predicts_the_test_part(wine):
    L.seed_everything(0, verbose=False)
    table = TabularDataModule(wine, "target", drop=["proline"], batch_size=16)
    model = WeightedClassifier(small_network((12,), 3))
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = L.Trainer(accelerator="cpu", max_epochs=15, **quiet)

    trainer.fit(model, datamodule=table)
    (figures,) = trainer.test(model, datamodule=table, verbose=False)
    predicted = torch.cat(trainer.predict(model, datamodule=table)).argmax(1)

    assert figures["test_loss"] < 0.3
    assert (predicted == parts_of(table)[2][1]).float().mean() > 0.9


def test_without_a_test_part_two_are_made(wine):
    table = TabularDataModule(wine, "target", test_fraction=0, val_fraction=0.5)

    assert [len(labels) for _, labels in parts_of(table)] == [90, 88]
    with pytest.raises(ValueError, match="`test_fraction` must be above 0"):
        table.predict_dataloader()


def test_it_can_be_sent_to_another_process_and_columns_may_be_numbers(wine):
    table = TabularDataModule(wine.set_axis(range(14), axis="columns"), "13")

    before, after = pickle.loads(pickle.dumps(table)), pickle.loads(pickle.dumps((table.setup(), table)[1]))  # noqa: S301

    assert torch.equal(parts_of(before)[0][0], parts_of(after)[0][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "Target"}, "`target` must name one column of the table ('alcohol', 'malic_acid', 'ash', 'alcalinity_of_ash', 'magnesium', 'total_phenols', 'flavanoids', 'nonflavanoid_phenols', 'proanthocyanins', 'color_intensity', ... (14)), got 'Target'. Did you mean 'target'?"),
        ({"drop": ["hues"]}, "`drop` must name one column of the table ('alcohol', 'malic_acid', 'ash', 'alcalinity_of_ash', 'magnesium', 'total_phenols', 'flavanoids', 'nonflavanoid_phenols', 'proanthocyanins', 'color_intensity', ... (14)), got 'hues'. Did you mean 'hue'?"),
        ({"drop": "hue"}, "`drop` must be a list of columns to leave out, got the string 'hue'."),
        ({"drop": ["target"]}, "`drop` must be a list of columns to leave out, got 'target', which is the target."),
        ({"missing": "mean"}, "`missing` must be 'error' or 'median', got 'mean'."),
        ({"max_categories": 0}, "`max_categories` must be at least 1, got 0."),
        ({"val_fraction": 0}, "`val_fraction` must be between 0 and 1, got 0."),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0."),
    ],
)  # fmt: skip
def test_a_mistake_is_named(wine, arguments, message):
    with pytest.raises(ValueError, match="must") as error:
        TabularDataModule(wine, **{"target": "target"} | arguments).setup()

    assert str(error.value) == message


def test_rows_for_every_part_and_names_of_columns_are_needed(wine):
    with pytest.raises(ValueError, match="must") as error:
        TabularDataModule(wine.iloc[[0, 70]], "target").setup()
    assert str(error.value) == "the table must have a row for every part, got 2 rows: the val part is empty."

    with pytest.raises(ValueError, match="must") as error:
        TabularDataModule(wine.rename(columns={"hue": "ash"}), "target").setup()
    assert str(error.value) == "the columns of a table must have different names, got 'ash' more than once."
