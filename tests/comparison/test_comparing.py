"""A comparison from the data to the recommendation."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

import lightning_imbalance
from lightning_imbalance import compare
from lightning_imbalance.comparison import Comparison, Remedy, comparing

CPU = {"accelerator": "cpu"}


def small(source: Any, remedies: Any = ("none", "weighted", "posthoc"), seeds: Any = 2, **settings: Any) -> Comparison:
    return compare(source, remedies, seeds, **{"max_epochs": 1, "trainer": CPU, "progress": False, **settings})


def test_compare_is_at_the_top_level() -> None:
    assert lightning_imbalance.compare is compare


def test_each_remedy_has_its_figures_and_a_difference_to_the_baseline(datamodule: L.LightningDataModule) -> None:
    found = small(datamodule, output="here")

    assert list(found.figures) == ["none", "weighted", "posthoc"]
    assert list(found.differences) == ["weighted", "posthoc"]
    for name, gain in found.differences.items():
        expected = found.mean(name, "balanced_accuracy") - found.mean("none", "balanced_accuracy")
        assert gain.difference == pytest.approx(expected)
        assert -1 <= gain.low <= gain.difference <= gain.high <= 1
    assert found.test_samples == 34
    assert found.checkpoints["posthoc"] == found.checkpoints["none"]
    assert found.checkpoints["weighted"].parent.parent == Path("here/runs/weighted")
    # Other decisions of the same networks, and the same probabilities.
    assert found.all_differences["log_loss"]["posthoc"] == pytest.approx((0, 0, 0), abs=1e-9)


def test_finished_runs_are_not_made_again_and_more_can_be_added(
    datamodule: L.LightningDataModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = small(datamodule)
    made = []

    def counted(folders: Any, jobs: Any, workers: int, progress: Any) -> None:
        made.extend((job.remedy.name, job.seed) for job in jobs)
        make_all(folders, jobs, workers, progress)

    make_all = comparing.make_all
    monkeypatch.setattr(comparing, "make_all", counted)

    again = small(datamodule)
    assert made == []
    assert again.to_dict() == first.to_dict()

    small(datamodule, ["none", "weighted", "focal"], seeds=[0, 1, 7])
    assert made == [("focal", 0), ("focal", 1), ("none", 7), ("weighted", 7), ("focal", 7)]


def test_another_comparison_in_the_same_folder_is_refused_before_anything_is_trained(
    datamodule: L.LightningDataModule,
) -> None:
    small(datamodule)

    with pytest.raises(ValueError, match="where max_epochs of remedy 'none' was 1 and is now 2"):
        small(datamodule, ["none", "focal"], max_epochs=2)
    assert not Path("lightning-imbalance-comparison/runs/focal").exists()


def test_a_remedy_of_ones_own_and_one_without_posteriors(datamodule: L.LightningDataModule) -> None:
    mine = Remedy("mine", weighting={"cat": 1.0, "dog": 2.0, "eel": 6.0})

    found = small(datamodule, ["none", mine, "focal"])

    assert found.notes == (
        "log loss and calibration error of focal are those of the softmax, for no known class prior",
    )
    assert "mine" in found.differences


@pytest.mark.parametrize("name", ["a [bold] {epoch}=%20::ünï", "memory:", "-rf", "new\nline", os.fsdecode(b"\xff")])
def test_the_folder_may_be_called_what_it_likes(datamodule: L.LightningDataModule, name: str) -> None:
    found = small(datamodule, ["none", "posthoc"], output=Path(name) / "~")

    assert found.checkpoint is not None
    assert found.checkpoint.is_file()
    assert found.checkpoint.is_relative_to(Path(name) / "~" / "runs")
    assert [path.name for path in Path().iterdir()] == [name]
    for write, file in ((found.to_json, "found.json"), (found.to_csv, "found.csv"), (found.to_html, "found.html")):
        write(Path(name) / file)
        assert (Path(name) / file).stat().st_size > 0


def test_the_users_generator_is_left_alone(datamodule: L.LightningDataModule) -> None:
    before = torch.get_rng_state()
    small(datamodule)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.filterwarnings("ignore:the logits or probabilities of .* samples must be numbers")
def test_a_run_without_a_finite_log_loss_has_no_interval_for_it_and_the_others_have(
    datamodule: L.LightningDataModule,
) -> None:
    class Broken(L.Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            for parameter in pl_module.parameters():
                torch.nn.init.constant_(parameter, torch.nan)

    found = small(datamodule, ["none", Remedy("broken", callbacks=lambda: [Broken()])])

    assert found.mean("broken", "balanced_accuracy") == 0
    assert found.all_differences["log_loss"]["broken"].shown is False
    assert found.to_dict()["figures"]["broken"]["log_loss"] == [None, None]


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        (
            {"seeds": 1},
            ValueError,
            "`seeds` must be 2 or more, or as many different numbers from 0 on, got 1. One run of each remedy cannot tell the remedy from the luck of its seed.",
        ),
        (
            {"seeds": [3, 3]},
            ValueError,
            "`seeds` must be 2 or more, or as many different numbers from 0 on, got [3, 3]. One run of each remedy cannot tell the remedy from the luck of its seed.",
        ),
        ({"seeds": 2.5}, TypeError, "`seeds` must be a number of runs or a list of whole numbers, got 2.5."),
        (
            {"metric": "accuracy"},
            ValueError,
            "`metric` must be one of 'balanced_accuracy', 'worst_class_recall', 'macro_f1', got 'accuracy'.",
        ),
        ({"confidence": 95}, ValueError, "`confidence` must be between 0 and 1, got 95."),
        ({"max_epochs": 0}, ValueError, "`max_epochs` must be at least 1, got 0."),
        (
            {"trainer": {"max_epochs": 3}},
            ValueError,
            "`trainer` must leave max_epochs to the comparison, got 3. Pass `max_epochs=...`.",
        ),
        ({"trainer": {"logger": False}}, ValueError, "`trainer` must leave logger to the comparison, got False."),
        ({"workers": 0}, ValueError, "`workers` must be a number from 1 on, or 'auto', got 0."),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_the_data_are_touched(
    settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    def untouched() -> L.LightningDataModule:
        raise AssertionError

    with pytest.raises(kind) as error:
        compare(untouched, **settings)

    assert str(error.value) == message


PROGRAM = """
import signal
import sys
from pathlib import Path
import lightning as L
import torch
from torch.utils.data import TensorDataset
from lightning_imbalance import compare

# A shell may have started the tests with Ctrl-C ignored, which a process inherits.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Network(torch.nn.Linear):
    def forward(self, inputs):
        if Path("pause").exists() and Path("comparison/runs/none/seed-0").exists():
            print("in the middle of a fit", file=sys.stderr, flush=True)
            signal.pause()
        return super().forward(inputs)

def network(num_classes):
    return Network(4, num_classes)

def data():
    target = torch.tensor([0] * 60 + [1] * 20)
    inputs = torch.randn(80, 4, generator=torch.Generator().manual_seed(0)) + target[:, None]
    part = TensorDataset(inputs, target)
    return L.LightningDataModule.from_datasets(part, part, part, batch_size=40)

def main(workers):
    return compare(data, ["none", "weighted", "posthoc"], seeds=3, model=network, max_epochs=2, output="comparison",
                   workers=workers, trainer={"accelerator": "cpu"})

if __name__ == "__main__":
    torch.set_num_threads(1)
    main(workers=1)
"""


@pytest.mark.xdist_group("processes")
def test_after_ctrl_c_no_finished_run_is_lost_or_made_again_and_two_processes_do_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos_program.py").write_text(PROGRAM)
    (tmp_path / "pause").touch()
    command = [sys.executable, "photos_program.py"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        lines = iter(running.stderr.readline, "")
        assert next(line for line in lines if line == "in the middle of a fit\n")
        running.send_signal(signal.SIGINT)
        rest = list(lines)
    assert running.returncode == -signal.SIGINT
    assert rest[-1] == "KeyboardInterrupt\n"
    folders = tmp_path / "comparison" / "runs"
    kept = {path: path.stat().st_mtime_ns for path in folders.glob("*/seed-*/run.json")}
    assert [path.parent for path in kept] == [folders / "none" / "seed-0"]
    assert list(folders.glob("*/.unfinished*")) == []

    (tmp_path / "pause").unlink()
    # Here and not in a program of its own, which would have to import everything once more.
    monkeypatch.syspath_prepend(str(tmp_path))
    found = importlib.import_module("photos_program").main(workers=2)

    assert list(found.differences) == ["weighted", "posthoc"]
    assert "\n5 of 5 runs: " in capfd.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(folders.glob("*/seed-*/run.json"))) == 9
