"""The command as people meet it: as a process, with its exit codes and its words."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from lightning_imbalance import __version__
from lightning_imbalance.cli import main


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "error::UserWarning:lightning_imbalance", "-m", "lightning_imbalance", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    for name, shade, count in (("dark", 40, 30), ("light [bold]", 200, 12)):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for index in range(count):
            noise = torch.randint(-30, 30, (16, 16, 3), generator=generator)
            Image.fromarray((noise + shade).byte().numpy()).save(folder / f"{index}.png")
    return tmp_path / "photos"


def test_the_demo_on_the_digits_compares_both_models_and_leaves_checkpoint_and_log(tmp_path: Path) -> None:
    code, out, err = run("demo", "--epochs", "2", cwd=tmp_path)

    assert (code, err) == (0, "")
    assert "10 classes, 329 samples, imbalance ratio 24.5" in out
    rows = re.findall(r"^ *(\d|balanced accuracy) +\d+ +\d+ +([\d.]+) +([\d.]+) +([+-][\d.]+) *$", out, re.MULTILINE)
    assert [row[0] for row in rows] == [*"0123456789", "balanced accuracy"]
    for _, before, after, difference in rows:
        assert float(after) - float(before) == pytest.approx(float(difference), abs=0.0011)
    recalls = [[float(row[column]) for row in rows] for column in (1, 2)]
    for column in recalls:
        assert sum(column[:-1]) / 10 == pytest.approx(column[-1], abs=0.001)
    assert re.search(r"(raised|lowered|No difference shown)", out)
    for path in re.findall(r"^  (?:checkpoint|log) +(.+)$", out, re.MULTILINE):
        assert Path(path).is_file()
    checkpoint = torch.load(tmp_path / "lightning-imbalance-demo/balanced/version_0/checkpoints/best.ckpt")
    assert checkpoint["lightning_imbalance"]["class_distribution"]["counts"][0] == 98
    with (tmp_path / "lightning-imbalance-demo/balanced/version_0/metrics.csv").open() as log:
        assert "val_recall/9" in next(csv.reader(log))


def test_the_demo_on_a_folder_shows_the_names_as_they_are(photos: Path, tmp_path: Path) -> None:
    code, out, err = run(
        "demo", "--data", str(photos), "--epochs", "1", "--image-size", "16", "--output", "here", cwd=tmp_path
    )

    assert (code, err) == (0, "")
    assert "light [bold]" in out
    assert (tmp_path / "here" / "unweighted" / "version_0" / "metrics.csv").is_file()


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    tables = [
        re.sub(r"\d+ s to train|/.*", "", run("demo", "--epochs", "1", "--seed", "3", cwd=tmp_path)[1])
        for _ in range(2)
    ]

    assert tables[0] == tables[1]


def test_the_script_and_the_module_are_one_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lightning-imbalance {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "lightning-imbalance: error: the following arguments are required: COMMAND"),
        (
            ["demo", "--epochs", "0"],
            "lightning-imbalance demo: error: argument --epochs: invalid positive int value: '0'",
        ),
        (
            ["demo", "--imbalance-ratio", "nan"],
            "lightning-imbalance demo: error: argument --imbalance-ratio: invalid positive float value: 'nan'",
        ),
        (
            ["demo", "--seed", "-1"],
            "lightning-imbalance demo: error: argument --seed: invalid seed from 0 to 4294967295 value: '-1'",
        ),
        (
            ["demo", "--workers", "-1"],
            "lightning-imbalance demo: error: argument --workers: invalid number from 0 on value: '-1'",
        ),
        (
            ["demo", "--weighting", "inverze"],
            (
                "lightning-imbalance: the weighting must be one of 'uniform', 'balanced', 'complement', 'inverse', "
                "'inverse_sqrt', 'effective_number', 'median_frequency', 'log', got 'inverze'. Did you mean 'inverse'?"
            ),
        ),
        (
            ["demo", "--image-size", "32"],
            "lightning-imbalance: `--image-size` must come with `--data`, got 32: the digits have 8 x 8 pixels.",
        ),
        (
            ["demo", "--image-size", "3"],
            "lightning-imbalance demo: error: argument --image-size: invalid image size from 4 to 2048 value: '3'",
        ),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_would_be_right(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == message


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", str(tmp_path / "none")]) == 2

    assert "Traceback" not in (error := capsys.readouterr().err)
    assert str(tmp_path / "none") in error


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", str(tmp_path / "none"), "--debug"]) == 2

    assert "Traceback" in capsys.readouterr().err


def test_a_job_that_fails_ends_with_1(photos: Path, tmp_path: Path) -> None:
    (photos / "dark" / "0.png").write_bytes(b"no picture")

    code, _, err = run("demo", "--data", str(photos), "--epochs", "1", "--output", "out", cwd=tmp_path)

    assert code == 1
    assert str(photos / "dark" / "0.png") in err
    assert "Traceback" not in err


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """A shell that starts tests in the background ignores SIGINT, and programs inherit what is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_ctrl_c_ends_with_130_and_no_half_written_checkpoint(tmp_path: Path) -> None:
    process = start("demo", "--epochs", "100000", cwd=tmp_path)
    assert process.stdout is not None
    while "group" not in process.stdout.readline():  # the distribution is printed right before the first run
        assert process.poll() is None
    log = tmp_path / "lightning-imbalance-demo" / "unweighted" / "version_0" / "checkpoints"
    while not list(log.glob("*.ckpt")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "raised" not in out
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "lightning-imbalance: stopped before both models were trained."
    for checkpoint in log.glob("*.ckpt"):
        assert "state_dict" in torch.load(checkpoint)


def test_a_sigterm_ends_with_143(tmp_path: Path) -> None:
    process = start("demo", "--epochs", "100000", cwd=tmp_path)
    log = tmp_path / "lightning-imbalance-demo" / "unweighted" / "version_0" / "checkpoints"
    while not list(log.glob("*.ckpt")):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 143
    assert err.splitlines()[-1] == "lightning-imbalance: stopped before both models were trained."


def test_an_output_that_is_a_file_is_wrong_use_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert main(["demo", "--output", str(tmp_path / "file")]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"lightning-imbalance: `--output` must be a folder that can be written, got {tmp_path / 'file'}: File exists.\n"
    )
