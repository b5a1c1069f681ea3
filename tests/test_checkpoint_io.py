"""A checkpoint is whole or not there."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import fsspec
import pytest
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_imbalance.checkpoint_io import WholeFileCheckpointIO


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that put a file in its place, in their order."""
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace

    def note_sync(number: int) -> None:
        calls.append("sync folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "sync file")
        sync(number)

    def note_replace(self: Path, target: Path) -> Path:
        calls.append(f"{self.name} -> {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    return calls


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_anything_else(
    tmp_path: Path, written: list[str]
) -> None:
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "new" / "best.ckpt")

    assert written == ["sync file", "best.ckpt.part -> best.ckpt", "sync folder"]
    assert torch.load(tmp_path / "new" / "best.ckpt") == {"epoch": 1}
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "best.ckpt"]


def test_an_unfinished_checkpoint_of_a_cluster_job_is_not_taken_for_one_to_continue_from(
    tmp_path: Path, written: list[str]
) -> None:
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "hpc_ckpt_1.ckpt")

    assert written[1] == "hpc_ckpt-1.ckpt.part -> hpc_ckpt_1.ckpt"


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "best.ckpt")

    monkeypatch.undo()
    assert torch.load(tmp_path / "best.ckpt") == {"epoch": 1}


def test_a_failure_in_the_middle_leaves_the_checkpoint_of_before_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.ckpt"
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        WholeFileCheckpointIO().save_checkpoint({"epoch": 2}, path)

    assert str(error.value) == f"[Errno 28] No space left on device: '{path}'"
    assert torch.load(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    WholeFileCheckpointIO().save_checkpoint({}, str(tmp_path / "best.ckpt"))

    assert (tmp_path / "best.ckpt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_remote_path_is_left_to_lightning() -> None:
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, "memory://runs/best.ckpt")

    assert torch.load(io.BytesIO(fsspec.filesystem("memory").cat("/runs/best.ckpt"))) == {"epoch": 1}
    assert not Path("memory:").exists()


def test_storage_options_are_refused_in_lightnings_words(tmp_path: Path) -> None:
    messages = []
    for plugin in (TorchCheckpointIO(), WholeFileCheckpointIO()):
        with pytest.raises(TypeError) as error:
            plugin.save_checkpoint({}, tmp_path / "best.ckpt", storage_options={"fast": True})
        messages.append(str(error.value).replace(type(plugin).__name__, ""))

    assert messages[0] == messages[1]
