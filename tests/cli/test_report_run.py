"""``report`` on runs of ``fit``, ``demo`` and ``compare`` on real data, and what it says about mistakes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_digits

from lightning_imbalance import compare
from lightning_imbalance.cli import main
from lightning_imbalance.datamodules import ImageFolderDataModule
from lightning_imbalance.small_networks import small_network

QUIET = [
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.logger.class_path", "CSVLogger"),
    *("--trainer.logger.save_dir", ".", "--trainer.logger.name", "logs"),
]
NAMES = ["<i>nought", "one & only", "two", "[bold]three"]
RUN = "logs/version_0"


def write_digits(folder: Path) -> None:
    """Write images of four digits, ever fewer of each, into folders of names that want to be more than text."""
    digits = load_digits()
    for label, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for index, image in enumerate(digits.images[digits.target == label][: 80 // (label + 1)]):
            Image.fromarray((image * 15).astype("uint8")).save(folder / name / f"{index:03}.png")


def write_tumours(path: Path) -> None:
    frame = load_breast_cancer(as_frame=True).frame
    frame["diagnosis"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    frame.to_csv(path, index=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which ``fit`` has trained on images that it split with a seed of its own, and ``compare`` on a table."""
    folder = tmp_path_factory.mktemp("trained")
    levels = {name: logging.getLogger(name).level for name in ("lightning.pytorch", "lightning.fabric")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # of Lightning's own calls
        write_digits(folder / "digits")
        write_tumours(folder / "tumours.csv")
        given = ["--data.root", "digits", "--data.image_size", "8", "--data.channels", "1", "--data.seed", "3"]
        assert (
            main(
                [
                    "fit",
                    "--data",
                    "ImageFolderDataModule",
                    *given,
                    "--trainer.max_epochs",
                    "12",
                    "--model.optimizer",
                    "Adam",
                    "--model.optimizer.lr",
                    "0.01",
                    *QUIET,
                ]
            )
            == 0
        )
        compare(
            "tumours.csv",
            ["none", "weighted", "posthoc"],
            seeds=2,
            target="diagnosis",
            max_epochs=2,
            output="comparison",
        )
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    """A copy of it, in the folder that commands run in."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def report(here, *arguments):
    code, out, err = here("report", *arguments, "--json")
    assert (code, err) == (0, ""), err
    return json.loads(out)


def test_a_run_of_fit_is_all_that_is_needed_also_without_a_terminal(run, folder):
    code, out, err = run("report", RUN)

    assert (code, err) == (0, "")
    assert "Classes, on 25 samples of the test part" in out
    for name in NAMES:
        assert name in out
    assert "\x1b" not in out
    assert out.splitlines()[-2:] == ["data  digits", f"page  {folder / RUN / 'report.html'}"]
    assert max(map(len, out.splitlines()[:-1])) <= 80
    page = (folder / RUN / "report.html").read_text(encoding="utf-8")
    assert "&lt;i&gt;nought" in page
    assert "<i>" not in page
    assert "The 12 epochs of the fit." in page
    assert "lightning-imbalance report logs/version_0" in page
    assert "lightning-imbalance fit --config logs/version_0/config.yaml" in page


def test_it_measures_samples_that_the_fit_has_not_seen_and_its_figures_are_scikit_learns(here, folder):
    found = report(here, RUN)

    data = ImageFolderDataModule("digits", image_size=8, channels=1, seed=3)
    state = torch.load(next(folder.glob(f"{RUN}/checkpoints/*.ckpt")), weights_only=True)["state_dict"]
    network = small_network((1, 8, 8), 4).eval()
    network.load_state_dict(
        {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
    )
    batches = list(data.test_dataloader())
    with torch.no_grad():
        logits = torch.cat([network(images) for images, _ in batches])
    target, predicted = torch.cat([labels for _, labels in batches]), logits.argmax(1)
    precision, recall, f1, samples = metrics.precision_recall_fscore_support(target, predicted, zero_division=0)
    assert found["notices"] == []
    assert found["figures"]["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(target, predicted))
    assert found["figures"]["balanced_accuracy"] > 0.6
    for row, *expected in zip(found["classes"], precision, recall, f1, samples, strict=True):
        assert [row["precision"] or 0, row["recall"], row["f1"], row["samples"]] == pytest.approx(expected)
    for index, row in enumerate(found["classes"]):
        assert row["average_precision"] == pytest.approx(
            metrics.average_precision_score(target == index, logits.softmax(1)[:, index])
        )
    others = torch.cat(
        [images for images, _ in ImageFolderDataModule("digits", image_size=8, channels=1).test_dataloader()]
    )
    assert not torch.equal(others, torch.cat([images for images, _ in batches]))
    assert [row["trained_on"] for row in found["classes"]] == [56, 14, 28, 18]


def test_with_the_data_named_the_split_is_that_of_the_fit_too(here, folder):
    alone, named = report(here, RUN), report(here, RUN, "--data", "digits")
    (folder / "digits").rename(folder / "moved")
    moved = report(here, RUN, "--data", "moved")

    assert alone["classes"] == named["classes"] == moved["classes"]
    assert named["notices"] == moved["notices"] == []
    assert moved["command"] == "lightning-imbalance report logs/version_0 --data moved"


def test_the_validation_part_is_the_one_that_fit_logged(here, folder):
    found = report(here, RUN, "--part", "val")

    lines = (folder / RUN / "metrics.csv").read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    logged = [line.split(",")[header.index("val_balanced_accuracy")] for line in lines[1:]]
    assert found["figures"]["balanced_accuracy"] == pytest.approx(
        float([value for value in logged if value][-1]), abs=1e-6
    )
    assert found["part"] == "val"
    assert len(found["notices"]) == 1


def test_a_run_of_compare_has_the_figures_of_the_comparison(here, folder):
    for remedy, seed in (("none", 1), ("weighted", 0)):
        run = Path("comparison/runs", remedy, f"seed-{seed}")
        found = report(here, str(run), "--data", "tumours.csv", "--target", "diagnosis")

        record = json.loads((run / "run.json").read_text(encoding="utf-8"))["figures"]
        for name in ("balanced_accuracy", "worst_class_recall", "macro_f1"):
            assert found["figures"][name] == pytest.approx(record[name])
        assert found["notices"] == []
        assert found["trained_with"]["remedy"] == remedy
        assert found["trained_with"]["seed"] == str(seed)


def test_a_checkpoint_alone_is_enough_with_the_data(here, folder):
    for checkpoint in folder.glob("comparison/runs/weighted/seed-0/checkpoint.ckpt"):
        shutil.copy(checkpoint, folder / "alone.ckpt")

    found = report(here, "alone.ckpt", "--data", "tumours.csv", "--target", "diagnosis", "--html", "mine.html")

    assert found["page"] == "mine.html"
    assert (folder / "mine.html").exists()
    assert not (folder / "report.html").exists()
    (notice,) = found["notices"]
    assert notice.startswith(
        "Nothing says how the data were split for the training. tumours.csv is split with the seed 0 here"
    )
    inside = report(
        here, "comparison/runs/weighted/seed-0/checkpoint.ckpt", "--data", "tumours.csv", "--target", "diagnosis"
    )
    assert inside["classes"] == found["classes"]


def test_a_run_of_the_demo_needs_the_digits_named(here, tmp_path):
    assert here("demo", "--epochs", "1")[0] == 0

    code, out, err = here(
        "report",
        "lightning-imbalance-demo/balanced/version_0",
        "--data",
        "lightning_imbalance.datamodules:DigitsDataModule",
    )

    assert (code, err) == (0, "")
    assert "Classes, on 520 samples of the test part" in out
    assert (tmp_path / "lightning-imbalance-demo/balanced/version_0/report.html").exists()


def test_a_class_that_the_data_lack_is_nothing_to_measure_and_moves_no_other(here, folder):
    shutil.rmtree(folder / "digits" / NAMES[1])

    found = report(here, RUN)

    rows = {row["name"]: row for row in found["classes"]}
    assert [rows[name]["samples"] for name in NAMES] == [12, 0, 4, 3]
    assert rows[NAMES[1]]["recall"] is None
    assert rows[NAMES[0]]["recall"] > 0.7
    assert found["notices"][0].startswith(
        "The training part of these data is not what the model was trained on: that were 116 samples ("
    )
    assert found["notices"][1] == "No sample of 'one & only' is in the test part: nothing is known of it."


def another_class(folder):
    shutil.copytree(folder / "digits" / "two", folder / "digits" / "zebra")


def half_a_checkpoint(folder):
    (path,) = folder.glob(f"{RUN}/checkpoints/*.ckpt")
    content = path.read_bytes()
    (folder / RUN / "checkpoints").rename(folder / "kept")
    (folder / RUN / "checkpoints").mkdir()
    (folder / RUN / "checkpoints/x.ckpt").write_bytes(content[: len(content) // 2])


def nothing(folder):
    pass


TUMOURS = ["--data", "tumours.csv", "--target", "diagnosis"]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (nothing, ["nowhere"], "RUN_OR_CHECKPOINT must be the folder of a run or a checkpoint, got nowhere, which does not exist."),
        (nothing, ["comparison", *TUMOURS], "RUN_OR_CHECKPOINT must be one run, got comparison, in which there are 4. Name one, for example comparison/runs/none/seed-0."),
        (nothing, ["comparison/runs/posthoc/seed-1", *TUMOURS], "RUN_OR_CHECKPOINT must be a run that trained something, got comparison/runs/posthoc/seed-1, which takes the network of 'none'. Report on comparison/runs/none/seed-1."),
        (nothing, ["comparison/runs/none/seed-1"], "`--data` must name the data to measure the model on, got none, and comparison/runs/none/seed-1 does not say what it was trained on. Name the source that was compared on."),
        (nothing, [RUN, "--data", "gone"], "the source must be a folder, a table or `package.module:name`, got gone, which does not exist. Check the path; it is relative to the folder that the program runs in."),
        (nothing, [RUN, "--data", "tumours.csv"], "`--target` must name the column of the classes of a table, got none for tumours.csv."),
        (nothing, [RUN, *TUMOURS], "the data must have the 4 classes of the model, '<i>nought', '[bold]three', 'one & only', 'two', or some of them, got 'benign', 'malignant' too."),
        (nothing, ["comparison/runs/none/seed-0", "--data", "tumours.csv", "--target", "x"], None),
        (nothing, [RUN, "--model", "no.such"], None),
        (nothing, [RUN, "--html", "."], "`--html` must be a file that ends in .html or .htm, got .."),
        (nothing, [RUN, "--html", "tumours.csv"], "`--html` must be a file that ends in .html or .htm, got tumours.csv."),
        (nothing, [RUN, "--html", "no/such/page.html"], "`--html` must be a file that can be written, got no/such/page.html. Name another one."),
        (another_class, [RUN], "the data must have the 4 classes of the model, '<i>nought', '[bold]three', 'one & only', 'two', or some of them, got 'zebra' too."),
        (half_a_checkpoint, [RUN], f"the checkpoint must be a whole file that torch can read, got {RUN}/checkpoints/x.ckpt, which is cut off or is something else."),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_2_and_says_what_would_be_right(here, folder, change, arguments, message):
    change(folder)

    code, out, err = here("report", *arguments)

    assert (code, out) == (2, "")
    assert "Traceback" not in err
    if message is None:
        assert err.startswith(f"lightning-imbalance: `{arguments[-2]}` must ")
    else:
        assert err == f"lightning-imbalance: {message}\n"
    assert list(folder.rglob("report.html")) == []


@pytest.mark.parametrize("arguments", [[], [RUN, "--part", "train"], [RUN, "--datta", "x"]])
def test_what_argparse_refuses_ends_with_2(here, folder, arguments):
    code, out, err = here("report", *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("usage: lightning-imbalance")


def test_debug_shows_where(here, folder):
    code, _, err = here("report", "nowhere", "--debug")

    assert code == 2
    assert "Traceback" in err


def test_without_matplotlib_the_extra_is_named_before_anything_is_measured(here, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    code, out, err = here("report", RUN)

    assert (code, out) == (2, "")
    assert (
        err
        == 'lightning-imbalance: `report` must have matplotlib, which draws it, and it is not installed. Run: pip install "lightning-imbalance[plots]"\n'
    )


def test_ctrl_c_ends_with_130_and_leaves_no_page(folder):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored, which is inherited
    (folder / "endless.py").write_text(ENDLESS, encoding="utf-8")
    command = [sys.executable, "-m", "lightning_imbalance", "report", RUN, "--data", "endless:Endless"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    while not (folder / "begun").exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "lightning-imbalance: stopped before the report was written."
    assert list(folder.rglob("report.html")) == []


ENDLESS = """
from pathlib import Path
import lightning as L
import torch
from torch.utils.data import DataLoader, IterableDataset

class Stream(IterableDataset):
    def __iter__(self):
        Path("begun").touch()
        while True:
            yield torch.zeros(1, 8, 8), 0

class Endless(L.LightningDataModule):
    def test_dataloader(self):
        return DataLoader(Stream(), batch_size=2)
"""
