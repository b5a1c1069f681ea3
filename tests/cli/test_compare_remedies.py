"""``compare`` as people and programs meet it, also when it is stopped in the middle."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from lightning_imbalance import WeightedClassifier, compare
from lightning_imbalance.cli.arguments import METRICS
from lightning_imbalance.comparison import Remedy
from lightning_imbalance.comparison.figures import DECIDED_ON

QUICK = ("--max-epochs", "1", "--seeds", "2", "--accelerator", "cpu")
DIGITS = ("digits.csv", "--target", "digit")


@pytest.fixture
def photos(tmp_path: Path) -> str:
    digits = load_digits()
    for digit, count in ((0, 60), (1, 30), (7, 12)):
        (tmp_path / "photos" / f"digit [{digit}]").mkdir(parents=True)
        for index, image in enumerate(digits.images[digits.target == digit][:count]):
            Image.fromarray((image * 15).astype("uint8")).save(
                tmp_path / "photos" / f"digit [{digit}]" / f"{index}.png"
            )
    return "photos/"


@pytest.fixture
def table(tmp_path: Path) -> None:
    frame = load_digits(as_frame=True).frame.rename(columns={"target": "digit"})
    kept = frame[frame["digit"].isin([0, 1]) | (frame["digit"].eq(7) & frame.index.to_series().lt(500))]
    kept.to_csv(tmp_path / "digits.csv", index=False)


def test_a_folder_of_photos_is_compared_without_a_terminal_and_everything_is_written(run, photos, tmp_path):
    remedies = ("--remedies", "none,weighted,balanced_softmax")
    code, out, err = run("compare", photos, *remedies, *QUICK, "--html", "report.html", "--csv", "figures.csv")

    assert code == 0
    lines = err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"{number} of 6 runs: {name}"
        for number, name in enumerate(["none", "weighted", "balanced_softmax"] * 2, start=1)
    ]
    assert "\x1b" not in out + err
    assert max(map(len, out.splitlines()[:-5])) <= 80
    words = " ".join(out.split())
    assert words.startswith("Balanced accuracy on 15 test samples, mean of 2 seeds remedy balanced accuracy difference")
    assert "The intervals hold together for the 2 remedies at 0.95 confidence" in words
    assert words.count("balanced_softmax") >= 2  # no name is broken
    output = tmp_path / "lightning-imbalance-comparison"
    assert dict(line.split(maxsplit=1) for line in out.replace("all of it", "all").splitlines()[-4:]) == {
        "checkpoint": str(output / "best.ckpt"),
        "report": str(tmp_path / "report.html"),
        "figures": str(tmp_path / "figures.csv"),
        "all": str(output / "comparison.json"),
    }
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.lower().startswith("<!doctype html>")
    assert f"lightning-imbalance compare photos/ {' '.join(remedies)}" in report
    assert (output / "report.html").is_file()
    with (tmp_path / "figures.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[:3] == ["remedy", "figure", "mean"]
    assert {row[0] for row in rows} == {"none", "weighted", "balanced_softmax"}
    assert (output / "comparison.csv").read_bytes() == (tmp_path / "figures.csv").read_bytes()
    found = json.loads((output / "comparison.json").read_text(encoding="utf-8"))
    assert (output / "best.ckpt").read_bytes() == (tmp_path / found["checkpoints"]["none"]).read_bytes()
    model = WeightedClassifier.load_from_checkpoint(output / "best.ckpt", model=_network(found["checkpoints"]["none"]))
    assert model.class_names == ("digit [0]", "digit [1]", "digit [7]")


def _network(checkpoint: str) -> torch.nn.Module:
    from lightning_imbalance.small_networks import SmallConvNet

    assert "none" in checkpoint
    return SmallConvNet(3, 3)


def test_a_program_gets_one_object_with_what_the_function_finds(here, table, tmp_path):
    code, out, err = here("compare", *DIGITS, "--remedies", "none,posthoc", *QUICK, "--json", "--output", "out put")

    assert code == 0
    assert "2 of 2 runs: none, seed 1" in err
    found = json.loads(out)
    expected = compare(
        "digits.csv", ["none", "posthoc"], 2, target="digit", max_epochs=1, trainer={"accelerator": "cpu"}, output="again",
        progress=False,
    )  # fmt: skip
    assert found["figures"] == expected.to_dict()["figures"]
    assert found["verdict"] == expected.verdict()
    assert found["source"] == "digits.csv"
    assert {name: Path(path).relative_to(tmp_path) for name, path in found["files"].items()} == {
        "json": Path("out put/comparison.json"),
        "csv": Path("out put/comparison.csv"),
        "html": Path("out put/report.html"),
        "checkpoint": Path("out put/best.ckpt"),
    }


MODULE = """
import os
import signal
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from lightning_imbalance.comparison import Remedy

target = torch.tensor([0] * 60 + [1] * 30)
points = TensorDataset(torch.randn(90, 4, generator=torch.Generator().manual_seed(0)) + target[:, None], target)
focal = Remedy("gentle", weighting="inverse_sqrt")
number = 3

class Network(torch.nn.Linear):
    def forward(self, inputs):
        pause = Path("pause_after")
        done = list(Path().glob("lightning-imbalance-comparison/runs/*/seed-*"))
        if pause.exists() and len(done) == int(pause.read_text()):
            os.write(2, b"in the middle of a fit\\n")  # in one piece, since two processes may write
            signal.pause()
        return super().forward(inputs)

def network(num_classes):
    return Network(4, num_classes)

def needs_more(num_classes, depth):
    pass

def nothing():
    pass
"""


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Iterator[str]:
    (tmp_path / "compared_data.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "compared_data"
    sys.modules.pop("compared_data", None)


def test_a_source_a_remedy_and_a_network_of_ones_own_are_named(here, mine, tmp_path):
    given = ("--model", f"{mine}.network", "--remedies", f"none,posthoc,{mine}:focal", "--seeds", "3,8")

    code, out, _ = here("compare", f"{mine}:points", *given, "--max-epochs", "2", "--metric", "macro_f1", "--json")

    assert code == 0
    found = json.loads(out)
    assert (found["seeds"], found["metric"], list(found["figures"])) == (
        [3, 8],
        "macro_f1",
        ["none", "posthoc", "gentle"],
    )
    assert (tmp_path / "lightning-imbalance-comparison/runs/gentle/seed-8/checkpoint.ckpt").is_file()
    state = torch.load(found["files"]["checkpoint"], weights_only=True)["state_dict"]
    assert state["model.weight"].shape == (2, 4)


def test_a_remedy_that_trains_nothing_says_how_its_checkpoint_is_loaded(here, mine, monkeypatch):
    from lightning_imbalance.cli import compare_remedies

    later = Remedy("later", of="none", decide_for="uniform")
    remedies = [*map(compare_remedies.NAMED.__getitem__, ["none"]), later]
    found = compare(
        _points(), remedies, 2, max_epochs=1, trainer={"accelerator": "cpu"}, progress=False, baseline="none"
    )
    monkeypatch.setattr(type(found), "recommended", "later")

    (said,) = compare_remedies._about_the_checkpoint(found, remedies)
    assert said == (
        "The checkpoint holds a network of 'none': 'later' trains none, and changes decisions afterwards. Load it with "
        "`target_prior='uniform'`."
    )
    monkeypatch.setattr(type(found), "recommended", None)
    assert compare_remedies._about_the_checkpoint(found, remedies) == []


def _points():
    target = torch.tensor([0] * 60 + [1] * 30)
    return torch.utils.data.TensorDataset(torch.randn(90, 4) + target[:, None], target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "lightning-imbalance compare: error: the following arguments are required: SOURCE"),
        (["nowhere"], "lightning-imbalance: the source must be a folder, a table or `package.module:name`, got nowhere, which does not exist. Check the path; it is relative to the folder that the program runs in."),
        (["digits.csv"], "lightning-imbalance: `--target` must name the column of the classes of a table, got none for digits.csv."),
        (["digits.csv", "--target", "digits"], "Did you mean 'digit'?"),
        (["empty"], "lightning-imbalance: SOURCE must hold a folder of images for each of at least 2 classes, got no folder in empty."),
        ([*DIGITS, "--remedies", "none,wieghted"], "'cutmix_minority', or `package.module:name` of a Remedy, got 'wieghted'. Did you mean 'weighted'?"),
        ([*DIGITS, "--remedies", "none,,focal"], "lightning-imbalance compare: error: argument --remedies: invalid list of names with commas between them value: 'none,,focal'"),
        ([*DIGITS, "--remedies", "weighted,focal"], "lightning-imbalance: `--remedies` must contain the baseline, 'none', got ['weighted', 'focal']. Or pass another `--baseline`."),
        ([*DIGITS, "--remedies", "none,compared_data:number"], "lightning-imbalance: `--remedies` must be names, or `package.module:name` of a Remedy, got 'compared_data:number', a int."),
        ([*DIGITS, "--remedies", "none,compared_data:nubmer"], "lightning-imbalance: `--remedies` must name something in the module compared_data, got 'nubmer'. Did you mean 'number'?"),
        ([*DIGITS, "--seeds", "1"], "lightning-imbalance: `--seeds` must be 2 or more, or as many different numbers from 0 on, got 1. One run of each remedy cannot tell the remedy from the luck of its seed."),
        ([*DIGITS, "--seeds", "one"], "lightning-imbalance compare: error: argument --seeds: invalid number of runs or list of seeds with commas between them value: 'one'"),
        ([*DIGITS, "--max-epochs", "0"], "lightning-imbalance compare: error: argument --max-epochs: invalid positive int value: '0'"),
        ([*DIGITS, "--metric", "accuracy"], "lightning-imbalance compare: error: argument --metric: invalid choice: 'accuracy' (choose from"),
        ([*DIGITS, "--confidence", "95"], "lightning-imbalance compare: error: argument --confidence: invalid number between 0 and 1 value: '95'"),
        ([*DIGITS, "--workers", "0"], "lightning-imbalance compare: error: argument --workers: invalid number of workers (or auto) value: '0'"),
        ([*DIGITS, "--output", "digits.csv"], "lightning-imbalance: `--output` must be a folder that can be written, got digits.csv: File exists."),
        ([*DIGITS, "--html", "empty.html"], "lightning-imbalance: `--html` must be a file that can be written, got empty.html (Is a directory). Name another one."),
        ([*DIGITS, "--html", "digits.csv"], "lightning-imbalance: `--html` must be a file that ends in .html or .htm, got digits.csv."),
        ([*DIGITS, "--csv", "./digits.csv"], "lightning-imbalance: `--csv` must be another file than SOURCE, which it would replace, got digits.csv."),
        ([*DIGITS, "--csv", "figures.json"], "lightning-imbalance: `--csv` must be a file that ends in .csv, got figures.json."),
        ([*DIGITS, "--csv", "no/folder.csv"], "lightning-imbalance: `--csv` must be a file that can be written, got no/folder.csv (No such file or directory). Name another one."),
        ([*DIGITS, "--model", "resnet18"], "lightning-imbalance: `--model` must be `package.module.name` of a class or function, got 'resnet18'."),
        ([*DIGITS, "--model", "compared_data.needs_more"], "lightning-imbalance: `--model` must need nothing but the number of classes, got 'compared_data.needs_more', which needs 'depth' too."),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_2_and_names_the_option(here, table, mine, tmp_path, arguments, message):
    for name in ("empty", "empty.html"):
        (tmp_path / name).mkdir()
    before = (tmp_path / "digits.csv").read_bytes()

    code, out, err = here("compare", *arguments)

    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not list(tmp_path.glob("**/runs"))
    assert (tmp_path / "digits.csv").read_bytes() == before


def test_a_gpu_that_is_not_there_is_named(here, table, monkeypatch):
    for name in ("CUDAAccelerator", "MPSAccelerator"):
        monkeypatch.setattr(f"lightning.pytorch.accelerators.{name}.is_available", lambda: False)

    code, _, err = here("compare", *DIGITS, "--accelerator", "gpu")

    assert (code, err) == (
        2,
        "lightning-imbalance: `--accelerator` must be one that this machine has, got gpu, and torch finds none.\n",
    )


def test_a_report_that_cannot_be_made_is_refused_before_anything_is_trained(here, table, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    code, _, err = here("compare", *DIGITS, "--html", "report.html")

    assert code == 2
    assert err == (
        "lightning-imbalance: `--html` must come with jinja2 installed, got report.html. "
        'Run `pip install "lightning-imbalance[plots]"`.\n'
    )
    assert not (tmp_path / "report.html").exists()


def test_without_the_libraries_of_a_report_the_rest_is_there(here, mine, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    code, out, _ = here("compare", f"{mine}:points", "--remedies", "none,posthoc", *QUICK)

    assert code == 0
    assert "No HTML report: " in out
    assert 'pip install "lightning-imbalance[plots]"' in " ".join(out.split())
    assert not (tmp_path / "lightning-imbalance-comparison/report.html").exists()
    assert (tmp_path / "lightning-imbalance-comparison/best.ckpt").exists()


def test_a_run_that_fails_ends_with_1_and_debug_shows_where(here, photos, tmp_path):
    (tmp_path / "photos" / "digit [0]" / "0.png").write_bytes(b"no picture")

    code, out, err = here("compare", photos, "--remedies", "none,weighted", *QUICK, "--debug")

    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith(
        "lightning-imbalance: An image file must be readable, got photos/digit [0]/0.png"
    )


def test_the_metrics_of_the_command_line_are_those_of_the_comparison():
    assert METRICS == DECIDED_ON


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lightning_imbalance", *arguments],
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to the whole group, and this one must not get it
    )


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """A shell that starts tests in the background ignores SIGINT, and programs inherit what is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.xdist_group("processes")
@pytest.mark.usefixtures("heard_ctrl_c")
def test_what_is_finished_outlives_ctrl_c_and_sigkill_and_nobody_else_may_write_meanwhile(here, mine, tmp_path):
    command = (
        *("compare", f"{mine}:points", "--model", f"{mine}.network", "--remedies", "none,weighted,posthoc"),
        *("--seeds", "2", "--max-epochs", "2", "--accelerator", "cpu"),
    )
    runs = tmp_path / "lightning-imbalance-comparison" / "runs"

    def finished() -> dict[str, tuple[int, int]]:
        files = sorted(runs.glob("*/seed-*/*"))
        return {str(file.relative_to(runs)): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}

    def number_of(files: dict[str, tuple[int, int]]) -> int:
        return sum(name.endswith("run.json") for name in files)

    (tmp_path / "pause_after").write_text("1")
    with start(*command, "--workers", "2", cwd=tmp_path) as first:
        lines = iter(first.stderr.readline, "")
        assert next(line for line in lines if line == "in the middle of a fit\n")
        code, _, err = here(*command)
        os.killpg(first.pid, signal.SIGINT)  # the workers get it too, as in a terminal
        out, rest = first.stdout.read(), "".join(lines)
    assert code == 2
    assert err.startswith(
        "lightning-imbalance: `--output` must be a folder that no other comparison writes into, got "
        f"lightning-imbalance-comparison, which process {first.pid} on "
    )
    assert (first.returncode, out) == (130, "")
    assert "Traceback" not in rest
    assert rest.endswith(
        "lightning-imbalance: stopped before the comparison was done. Runs that are finished are kept in "
        "lightning-imbalance-comparison, and the same command goes on from there.\n"
    )
    after_one = finished()
    assert {name.split("/")[1] for name in after_one} == {"seed-0"}
    assert list(runs.glob("*/.unfinished*")) == []

    (tmp_path / "pause_after").write_text(str(number_of(after_one) + 1))
    with start(*command, cwd=tmp_path) as second:
        assert next(line for line in iter(second.stderr.readline, "") if line == "in the middle of a fit\n")
        second.kill()
    after_two = finished()
    assert after_one.items() <= after_two.items()
    assert number_of(after_two) == number_of(after_one) + 1
    assert len(list(runs.glob("*/.unfinished*"))) == 1

    (tmp_path / "pause_after").unlink()
    code, out, err = here(*command, "--json")

    assert code == 0
    assert err.count(" runs: ") == 4 - number_of(after_two)
    assert after_two.items() <= finished().items()
    assert {"/".join(name.split("/")[:2]) for name in finished()} == {
        f"{remedy}/seed-{seed}" for remedy in ("none", "weighted", "posthoc") for seed in (0, 1)
    }
    assert list(runs.glob("*/.unfinished*")) == []
    assert list(json.loads(out)["figures"]) == ["none", "weighted", "posthoc"]
