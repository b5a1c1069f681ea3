"""Checkpoints that are whole or not there."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO


class WholeFileCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there when it is complete: ``Trainer(plugins=[...])``.

    A disk that fills up, a process that is killed or a computer that loses power then leaves the checkpoint of before,
    and never half a file under a name that looks whole.

    Lightning's own way writes into the folder for temporary files and moves from there. Where that folder is on another
    file system, as a ``/tmp`` in memory is, the move is a copy over the checkpoint of before, and a copy can end in the
    middle. Within one file system it is a rename, but without an fsync a power loss can keep the rename and lose what
    was written.

    Remote paths (``s3://...``) are left to Lightning: object stores show an object when all of it is there.

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
            path: Where to.
            storage_options: Passed on to Lightning, which refuses what it cannot honour.

        Raises:
            OSError: It cannot be written; names ``path``.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        # In memory first, as Lightning does it: torch hides the reason when it cannot write to a file.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            # Given back at once: a traceback may keep both, and then the memory could not be closed.
            with content.getbuffer() as whole:
                _write_whole(Path(path), whole)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def _write_whole(path: Path, content: memoryview) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Lightning takes any file with `ckpt_` in its name for one that a cluster job has left to continue from.
    unfinished = path.with_name(f"{path.name.replace('ckpt_', 'ckpt-')}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    # Lightning deletes the checkpoint of before next. Windows and some network disks cannot sync a folder.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
