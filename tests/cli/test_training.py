"""``fit``, ``validate``, ``test`` and ``predict`` on real data, and what they say about mistakes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from sklearn.datasets import load_wine

QUICK = [
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.logger.class_path", "CSVLogger"),
    *("--trainer.logger.save_dir", ".", "--trainer.logger.name", "logs"),
]
BARE = [
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.logger", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.enable_checkpointing", "false"),
]
WINE = ["--data", "TabularDataModule", "--data.data", "wine.csv", "--data.target", "grape"]


@pytest.fixture
def photos(tmp_path) -> str:
    generator = torch.Generator().manual_seed(0)
    for name, shade, count in (("dark", 40, 30), ("light", 200, 12)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(count):
            noise = torch.randint(-30, 30, (16, 16, 3), generator=generator)
            Image.fromarray((noise + shade).byte().numpy()).save(tmp_path / "photos" / name / f"{index}.png")
    return "photos/"


@pytest.fixture
def wine(tmp_path) -> str:
    frame = load_wine(as_frame=True).frame
    frame["grape"] = frame.pop("target").map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})
    frame.to_csv(tmp_path / "wine.csv", index=False)
    return "wine.csv"


def checkpoint_of(folder: Path) -> str:
    (path,) = (folder / "logs" / "version_0" / "checkpoints").glob("*.ckpt")
    return str(path)


def test_a_folder_of_photos_is_enough_to_fit(run, photos, tmp_path):
    arguments = ["--data", "ImageFolderDataModule", "--data.root", photos, "--model.weighting", "balanced"]

    code, out, err = run("fit", *arguments, "--data.image_size", "16", "--trainer.max_epochs", "2", *QUICK)

    assert (code, err) == (0, "")
    assert "balanced accuracy" in out
    assert "95 % interval" in out
    assert out.splitlines()[-1] == f"checkpoint  {checkpoint_of(tmp_path)}"
    with (tmp_path / "logs" / "version_0" / "metrics.csv").open(encoding="utf-8") as log:
        assert {"val_balanced_accuracy", "val_recall/dark", "val_recall/light"} <= set(next(csv.reader(log)))
    saved = torch.load(checkpoint_of(tmp_path), weights_only=True)
    assert saved["lightning_imbalance"]["class_distribution"]["counts"] == [21, 8]
    config = yaml.safe_load((tmp_path / "logs" / "version_0" / "config.yaml").read_text(encoding="utf-8"))
    assert config["model"]["model"]["init_args"] == {"shape": [3, 16, 16], "num_classes": 2}


def test_a_table_is_fitted_tested_and_predicted_by_three_commands(here, wine, tmp_path):
    code, _, _ = here("fit", *WINE, "--trainer.max_epochs", "12", "--data.batch_size", "8", *QUICK)
    given = [*WINE, "--ckpt_path", checkpoint_of(tmp_path), *QUICK]

    tested, printed, _ = here("test", *given)
    validated, _, _ = here("validate", *given)
    predicted, said, _ = here("predict", *given, "--output", "grapes.csv")

    assert [code, tested, validated, predicted] == [0] * 4
    assert "test, epoch 0: balanced accuracy" in printed
    assert "test_balanced_accuracy" in printed
    with (tmp_path / "grapes.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert said == f"{len(rows)} predictions are in grapes.csv.\n"
    assert header == ["predicted", "Barbera", "Barolo", "Grignolino"]
    for row in rows:
        probabilities = [float(cell) for cell in row[1:]]
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)
        assert row[0] == header[1 + probabilities.index(max(probabilities))]


def test_the_same_command_gives_the_same_model(here, wine, tmp_path):
    def fit(name: str) -> dict[str, torch.Tensor]:
        command = ["fit", *WINE, "--trainer.max_epochs", "1", *QUICK, "--trainer.default_root_dir", name]
        assert here(*command)[0] == 0
        path = max((tmp_path / "logs").glob("*/checkpoints/*.ckpt"))
        return torch.load(path, weights_only=True)["state_dict"]

    first, second = fit("a"), fit("b")

    assert all(torch.equal(value, second[name]) for name, value in first.items())


EXPERIMENT = """
model:
  model:
    class_path: torchvision.models.squeezenet1_1
  weighting: {dark: 1, light: 2.5}
trainer:
  max_epochs: 1
  callbacks:
    - class_path: lightning_imbalance.callbacks.ImbalanceMonitor
      init_args: {few: 5, many: 10}
    - class_path: EarlyStopping
      init_args: {monitor: val_balanced_accuracy, mode: max}
data:
  class_path: ImageFolderDataModule
  init_args: {root: photos, image_size: 32}
"""


def test_a_file_says_the_same_and_a_network_learns_how_many_classes_there_are(here, photos, tmp_path):
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")

    code, _, err = here("fit", "--config", "experiment.yaml", *QUICK)

    assert code == 0, err
    state = torch.load(checkpoint_of(tmp_path), weights_only=True)["state_dict"]
    assert state["class_weights"].tolist() == [1.0, 2.5]
    assert len(state["model.classifier.1.bias"]) == 2
    config = yaml.safe_load((tmp_path / "logs" / "version_0" / "config.yaml").read_text(encoding="utf-8"))
    monitors = [each for each in config["trainer"]["callbacks"] if each["class_path"].endswith("ImbalanceMonitor")]
    assert [monitor["init_args"]["few"] for monitor in monitors] == [5]


def test_the_file_that_a_fit_leaves_fits_again(here, wine, tmp_path):
    assert here("fit", *WINE, "--trainer.max_epochs", "1", *QUICK)[0] == 0

    code, _, err = here("fit", "--config", "logs/version_0/config.yaml")

    assert (code, err) == (0, "")
    first, second = (
        torch.load(path, weights_only=True)["state_dict"] for path in sorted(tmp_path.glob("logs/*/*/*.ckpt"))
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_without_a_logger_no_file_is_written_over(here, wine, tmp_path):
    (tmp_path / "config.yaml").write_text("mine", encoding="utf-8")

    code, _, err = here("fit", *WINE, "--trainer.max_epochs", "1", *BARE)

    assert (code, err) == (0, "")
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: fit.data\nAll options: lightning-imbalance --help\n"),
        ([*WINE, "--model.wheight", "3"], "unrecognized arguments: --model.wheight 3\nAll options: lightning-imbalance fit --help\n"),
        ([*WINE, "--output", "x.csv"], "`--output` must come with `predict`, which alone writes a table.\nAll options: lightning-imbalance --help\n"),
        ([*WINE, "--model.weighting", "balancd"], "the weighting must be one of 'uniform', 'balanced', 'complement', 'inverse', 'inverse_sqrt', 'effective_number', 'median_frequency', 'log', got 'balancd'. Did you mean 'balanced'?\n"),
        ([*WINE, "--data.missing", "median", "--data.drop", "[grapes]"], "`drop` must name one column of the table ('alcohol', 'malic_acid', 'ash', 'alcalinity_of_ash', 'magnesium', 'total_phenols', 'flavanoids', 'nonflavanoid_phenols', 'proanthocyanins', 'color_intensity', ... (14)), got 'grapes'. Did you mean 'grape'?\n"),
        ([*WINE, "--model.model", "torch.nn.Linear", "--model.model.in_features", "13", "--model.model.out_features", "2", *BARE], "the model must give one logit for each of the 3 classes, got 2 (logits of shape (27, 2)). Change the model's last layer to 3 outputs.\n"),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_2_and_says_what_would_be_right(here, wine, arguments, message):
    code, _, err = here("fit", *arguments)

    assert code == 2
    assert err.endswith(f"lightning-imbalance: {message}")
    assert "Traceback" not in err


def test_debug_shows_where(here, wine):
    code, _, err = here("fit", *WINE, "--model.weighting", "balancd", "--debug")

    assert code == 2
    assert "Traceback" in err


def test_help_is_that_of_lightning_cli(here):
    code, out, _ = here("fit", "--help")

    assert code == 0
    assert "--model.weighting" in out
    assert "--trainer.max_epochs" in out


def test_without_the_parser_the_extra_is_named(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonargparse", None)
    for name in ("training", "network"):
        monkeypatch.delitem(sys.modules, f"lightning_imbalance.cli.{name}", raising=False)

    code, out, err = here("fit")

    assert (code, out) == (2, "")
    assert err == (
        "lightning-imbalance: fit, validate, test and predict need jsonargparse, which is not installed. "
        'Run `pip install "lightning-imbalance[cli]"`.\n'
    )


def test_ctrl_c_ends_with_130(wine, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored, which is inherited
    command = [sys.executable, "-m", "lightning_imbalance", "fit", *WINE, *QUICK, "--trainer.max_epochs", "-1"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    while not list(tmp_path.glob("logs/version_0/checkpoints/*.ckpt")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "lightning-imbalance: stopped before the model was done."
