"""A checkpoint is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_imbalance.cli.checkpoint import WholeFileCheckpointIO


def test_a_failure_in_the_middle_leaves_the_checkpoint_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.ckpt"
    WholeFileCheckpointIO().save_checkpoint({"epoch": 1}, path)

    def half_a_file(self: object, checkpoint: object, path: Path, storage_options: object) -> None:
        Path(path).write_bytes(b"PK half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TorchCheckpointIO, "save_checkpoint", half_a_file)
    with pytest.raises(OSError, match="No space left"):
        WholeFileCheckpointIO().save_checkpoint({"epoch": 2}, path)

    assert torch.load(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
