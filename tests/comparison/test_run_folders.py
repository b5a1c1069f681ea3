"""Finished runs on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lightning_imbalance.comparison import run_folders
from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.run_folders import RunFolders

Make = Callable[..., Experiment]


def test_a_run_comes_back_from_its_folder(experiment: Make, tmp_path: Path) -> None:
    folders = RunFolders(tmp_path, experiment())
    remedy = folders.experiment.remedy("none")
    assert not folders.is_finished(remedy, 0)

    made = folders.make(remedy, 0)

    assert folders.is_finished(remedy, 0)
    again = folders.finished(remedy, 0)
    assert torch.equal(again.evidence.log_loss, made.evidence.log_loss)
    assert again.figures == made.figures
    assert again.checkpoint == tmp_path / "runs" / "none" / "seed-0" / "checkpoint.ckpt"
    assert sorted(path.name for path in (tmp_path / "runs" / "none").iterdir()) == ["seed-0"]


def test_a_run_that_fails_leaves_nothing(experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = RunFolders(tmp_path, experiment())

    def fail(*args: object) -> None:
        msg = "out of memory"
        raise RuntimeError(msg)

    monkeypatch.setattr(run_folders, "run", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        folders.make(folders.experiment.remedy("none"), 0)

    assert list((tmp_path / "runs" / "none").iterdir()) == []


def test_what_a_killed_run_has_left_is_deleted_and_finished_ones_are_not(experiment: Make, tmp_path: Path) -> None:
    folders = RunFolders(tmp_path, experiment())
    for name in ("seed-0", ".unfinished-seed-1-abc"):
        (tmp_path / "runs" / "none" / name).mkdir(parents=True)
        (tmp_path / "runs" / "none" / name / "checkpoint.ckpt").touch()

    folders.clear_unfinished()

    assert [path.name for path in (tmp_path / "runs" / "none").iterdir()] == ["seed-0"]


def test_a_run_of_other_settings_is_refused_and_the_one_that_differs_is_named(experiment: Make, tmp_path: Path) -> None:
    before = RunFolders(tmp_path, experiment())
    before.make(before.experiment.remedy("none"), 0)
    after = RunFolders(tmp_path, experiment(max_epochs=7))

    with pytest.raises(ValueError) as error:
        after.is_finished(after.experiment.remedy("none"), 0)

    assert str(error.value) == (
        f"`output` must be a folder without runs of another comparison, got {tmp_path}, where max_epochs of remedy 'none' was 1 and is now 7. Pass another `output`, or delete {tmp_path / 'runs' / 'none' / 'seed-0'}."
    )


def test_more_remedies_and_seeds_leave_finished_runs_valid(experiment: Make, tmp_path: Path) -> None:
    before = RunFolders(tmp_path, experiment())
    before.make(before.experiment.remedy("none"), 0)
    after = RunFolders(tmp_path, experiment(["none", "focal", "posthoc"]))

    assert after.is_finished(after.experiment.remedy("none"), 0)
    assert not after.is_finished(after.experiment.remedy("none"), 1)


def test_what_takes_networks_depends_on_how_they_were_trained(experiment: Make, tmp_path: Path) -> None:
    made_with = RunFolders(tmp_path, experiment(["none", "posthoc"])).made_with

    words = made_with(experiment(["none", "posthoc"]).remedy("posthoc"))

    assert words["decide_for"] == "'uniform'"
    assert words["loss of 'none'"] == "'cross_entropy'"
