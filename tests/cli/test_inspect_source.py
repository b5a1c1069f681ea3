"""``inspect`` as people and programs meet it."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

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


def test_a_report_is_written_beside_what_is_printed(here, tumours):
    _, printed, _ = here("inspect", tumours, "--target", "diagnosis")
    code, out, err = here("inspect", tumours, "--target", "diagnosis", "--html", "the report.html")

    assert (code, err) == (0, "")
    assert out == f"{printed}\nWritten: the report.html\n"
    page = Path("the report.html").read_text(encoding="utf-8")
    assert "<h1>The classes of tumours.csv</h1>" in page
    assert '<th scope="row" class="left"><span>malignant</span></th><td class="right"><span>30</span></td>' in page
    assert page.count("<svg") == 2
    words = html.unescape(page)
    for line in printed.splitlines():
        assert not line.startswith(("Warning: ", "The weights")) or line[:40].removeprefix("Warning: ") in words
    assert "'validation' is the 15 % that would be split off by class" in words
    assert printed.splitlines()[-1].strip() in words
    assert "<code>lightning-imbalance inspect tumours.csv --target diagnosis --html 'the report.html'</code>" in words


def test_the_command_in_a_report_makes_the_same_report(here, photos):
    here("inspect", photos, "--html", "a.html")
    first = Path("a.html").read_text(encoding="utf-8")
    command = re.findall(r"<code>(lightning-imbalance inspect .*?)</code>", first)[-1]
    assert here(*shlex.split(html.unescape(command))[1:])[0] == 0

    def without_time(page):
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page)

    assert without_time(Path("a.html").read_text(encoding="utf-8")) == without_time(first)
    # Seen while reading the labels, and none of the inspection's own.
    assert "files in class folders must be images" in html.unescape(first)


@pytest.mark.parametrize(("name", "begins"), [("o.png", b"\x89PNG"), ("o.svg", b"<?xml"), ("o.PDF", b"%PDF")])
def test_a_picture_is_written_in_the_format_of_its_ending(here, photos, name, begins):
    code, out, err = here("inspect", photos, "--plot", name, "--json")

    assert (code, err) == (0, "")
    assert json.loads(out)["kind"] == "images"  # nothing but the object
    assert Path(name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--plot", "counts.gif"],
            "`--plot` must be a file that ends in .png, .svg or .pdf, got counts.gif.",
        ),
        (
            ["--plot", "none/counts.png"],
            "`--plot` must be a file that can be written, got none/counts.png (No such file or directory). Name another one.",
        ),
        (
            ["--html", "photos/train/dog/none/report.html"],
            "`--html` must be a file that can be written, got photos/train/dog/none/report.html (No such file or directory). Name another one.",
        ),
    ],
)
def test_a_file_that_cannot_be_written_ends_with_2_and_one_line(here, photos, arguments, message):
    code, _, err = here("inspect", photos, *arguments)

    assert (code, err) == (2, f"lightning-imbalance: {message}\n")


def test_an_ending_is_refused_before_anything_is_read(here):
    code, out, err = here("inspect", "not/there", "--plot", "counts")

    assert (code, out) == (2, "")
    assert err == "lightning-imbalance: `--plot` must be a file that ends in .png, .svg or .pdf, got counts.\n"


def test_a_report_is_not_written_over_a_table(here, tumours):
    before = Path(tumours).read_bytes()
    code, out, err = here("inspect", tumours, "--target", "diagnosis", "--html", tumours)

    assert (code, out) == (2, "")
    assert err == "lightning-imbalance: `--html` must be a file that ends in .html or .htm, got tumours.csv.\n"
    assert Path(tumours).read_bytes() == before


def test_without_matplotlib_it_says_what_to_install(here, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = here("inspect", photos, "--plot", "counts.png")

    assert code == 2
    assert err.endswith('it is not installed. Run: pip install "lightning-imbalance[plots]"\n')


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
