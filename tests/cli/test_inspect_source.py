"""``inspect`` as people and programs meet it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sklearn.datasets import load_breast_cancer


@pytest.fixture
def tumours(tmp_path):
    frame = load_breast_cancer(as_frame=True).frame
    frame["diagnosis"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    frame.drop(frame[frame["diagnosis"] == "malignant"].index[30:]).to_csv(tmp_path / "tumours.csv", index=False)
    return "tumours.csv"


@pytest.fixture
def photos(tmp_path):
    for name, count in (("möwe [bold]", 60), ("dog", 3)):
        folder = tmp_path / "photos" / "train" / name
        folder.mkdir(parents=True)
        for index in range(count):
            (folder / f"{index}.png").touch()
    (tmp_path / "photos" / "train" / "dog" / "notes.txt").touch()
    return "photos"


def test_a_table_is_shown_without_a_terminal(run, tumours):
    code, out, err = run("inspect", tumours, "--target", "diagnosis")

    assert (code, err) == (0, "")
    assert out.startswith("2 classes, 387 samples, imbalance ratio 11.9")
    assert max(map(len, out.splitlines())) <= 80 + len("--model.weighting balanced" * 2)  # the command is not broken
    assert "\x1b" not in out
    words = " ".join(out.split())
    assert "benign 357 92.2% many 54 0.26 wide" in words
    assert "complement 11.9 x 50.0% 50.0% 1 : 1" in words
    assert "('complement') take the ratio from 11.9 to 1; 'balanced' takes it to 1." in words
    assert "Warning: Too few validation samples to measure the recall of 'malignant'" in words
    assert "Suggestion: weighting 'balanced' with the loss 'cross_entropy'." in words
    assert out.splitlines()[-1] == (
        "  lightning-imbalance fit --data TabularDataModule --data.data tumours.csv --data.target diagnosis "
        "--model.weighting balanced"
    )


def test_a_program_gets_one_object(run, tumours):
    code, out, err = run("inspect", tumours, "--target", "diagnosis", "--json")

    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["source"] == tumours
    assert found["kind"] == "table"
    assert dict(zip(found["class_names"], found["counts"], strict=True)) == {"benign": 357, "malignant": 30}
    assert found["schemes"]["balanced"]["effective_prior"] == pytest.approx([0.5, 0.5])
    assert found["suggestion"]["weighting"] == "balanced"


def test_a_narrow_terminal_that_cannot_show_a_name_still_shows_the_table(run, photos):
    code, out, err = run("inspect", photos, columns="40", PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert (code, err) == (0, "")
    assert out.isascii()
    assert "[bold]" in out.replace("\n", " ")
    assert "m\\xf6we" in out


def test_what_is_left_out_is_a_warning_and_no_traceback(here, photos):
    code, out, err = here("inspect", photos)

    assert (code, err) == (0, "")
    assert "Warning: files in class folders must be images" in out
    assert "UserWarning" not in out
    assert "möwe [bold]" in out
    _, out, _ = here("inspect", photos, "--json")
    assert any(warning.endswith("left out: 1 .txt.") for warning in json.loads(out)["warnings"])


def test_inspecting_waits_for_no_lightning(tmp_path, photos):
    program = (
        "import sys; from lightning_imbalance.cli import main; code = main(['inspect', 'photos'])\n"
        "print([name for name in ('lightning', 'torchmetrics', 'torchvision', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_who_reads_only_the_first_line_gets_no_traceback(tmp_path, tumours):
    # The pipe is closed before anything is written, as `head` may close it.
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "lightning_imbalance", "inspect", tumours, "--target", "diagnosis"]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)

    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo"], "the source must be a folder, a table or `package.module:name`, got photo, which does not exist. Check the path; it is relative to the folder that the program runs in."),
        (["tumours.csv"], "`--target` must name the column of the classes of a table, got none for tumours.csv."),
        (["tumours.csv", "--target", "mean area"], "`--target` must hold classes, got numbers with fractions in 'mean area' ("),
        (["tumours.csv", "--target", "diagnoses"], "Did you mean 'diagnosis'?"),
        (["photos", "--target", "dog"], "`--target` must be left out unless the source has columns, got 'dog' for photos."),
        (["photos/train/dog"], "SOURCE must hold a folder of images for each of at least 2 classes, got no folder in photos/train/dog."),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_2_and_one_line(here, tumours, photos, arguments, message):
    code, out, err = here("inspect", *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("lightning-imbalance: ")
    assert err.count("\n") == 1
    assert message in err


def test_debug_shows_where(here):
    code, _, err = here("inspect", "nothing", "--debug")

    assert code == 2
    assert "Traceback" in err
