"""Checkpoints that are whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.plugins.io import TorchCheckpointIO


class WholeFileCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there when it is complete.

    A disk that fills up or a process that is killed then leaves the checkpoint of before, and never half a file under a
    name that looks whole.

    Example:
        >>> import os, tempfile, torch
        >>> folder = tempfile.mkdtemp()
        >>> WholeFileCheckpointIO().save_checkpoint({"step": 3}, f"{folder}/last.ckpt")
        >>> torch.load(f"{folder}/last.ckpt")["step"], os.listdir(folder)
        (3, ['last.ckpt'])
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the checkpoint; on an error nothing of it is left.

        Args:
            checkpoint: What to save.
            path: Where to, on a local disk.
            storage_options: Passed on to Lightning, which refuses what it cannot honour.
        """
        unfinished = Path(f"{path}.part")
        try:
            super().save_checkpoint(checkpoint, unfinished, storage_options)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
