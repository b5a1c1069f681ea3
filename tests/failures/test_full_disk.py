"""The disk is full when a checkpoint is due, or the process is killed while it writes one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

# A limit on the size of files makes a write fail as a full disk does: some bytes are written, then an OSError comes.
FULL = """
path = os.path.join(sys.argv[1], "last.ckpt")


def full():
    size = os.path.getsize(path) // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

"""

WHOLE = "fit(sys.argv[1], full)"

# Lightning's own way is a file for temporary files first. The disk is full where the checkpoint goes.
LIGHTNINGS = """
fit(
    sys.argv[1],
    lambda: sys.addaudithook(lambda event, _: full() if event == "shutil.move" else None),
    plugins=[],
)
"""

KILLED = """
def killed(event, arguments):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)


fit(sys.argv[1], lambda: sys.addaudithook(killed))
"""


def test_the_checkpoint_of_before_is_whole_and_nothing_else_is_left(start, epoch_of, tmp_path):
    folder = tmp_path / "checkpoints"

    ended = start(FULL + WHOLE, folder).end()

    assert ended.code == 1
    assert ended.err.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{folder / 'last.ckpt'}'"
    assert [path.name for path in folder.iterdir()] == ["last.ckpt"]
    assert epoch_of(folder / "last.ckpt") == 0


def test_lightnings_own_way_can_leave_half_a_file_in_its_place(start, tmp_path):
    memory = Path("/dev/shm")  # noqa: S108  # a file system that is not the one of the checkpoints
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev or not os.access(memory, os.W_OK):
        pytest.skip("there is one file system only, and within it Lightning renames too")
    folder = tmp_path / "checkpoints"

    ended = start(FULL + LIGHTNINGS, folder, TMPDIR=str(memory)).end()

    assert ended.code == 1
    assert [path.name for path in folder.iterdir()] == ["last.ckpt"]
    with pytest.raises(RuntimeError, match="failed finding central directory"):
        torch.load(folder / "last.ckpt")


def test_a_process_killed_while_it_writes_leaves_the_checkpoint_of_before(start, epoch_of, tmp_path):
    folder = tmp_path / "checkpoints"

    ended = start(KILLED, folder).end()

    assert ended.code == -signal.SIGKILL
    assert sorted(path.name for path in folder.iterdir()) == ["last.ckpt", "last.ckpt.part"]
    assert epoch_of(folder / "last.ckpt") == 0
