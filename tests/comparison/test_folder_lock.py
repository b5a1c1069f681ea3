"""Two comparisons and one folder, in processes of their own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lightning_imbalance.comparison import folder_lock
from lightning_imbalance.comparison.folder_lock import FolderLock

HOLD = """
import os, runpy, sys
FolderLock = runpy.run_path(sys.argv[1])["FolderLock"]  # alone: importing the package takes longer
with FolderLock("comparison"):
    child = os.fork() if sys.argv[2:] else None
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    print("held", child, flush=True)
    sys.stdin.read()
"""


def holder(*arguments: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder_lock.__file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline().startswith("held")
    return started


def test_a_second_process_is_refused_and_told_who_is_there_until_the_first_is_killed() -> None:
    with holder() as first:
        with pytest.raises(ValueError) as error, FolderLock("comparison"):
            pass
        first.kill()
        first.wait()

    assert re.fullmatch(
        r"`output` must be a folder that no other comparison writes into, got comparison, which "
        rf"process {first.pid} on {re.escape(socket.gethostname())}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d, does\. "
        r"Wait until that one has ended, or pass another `output`\.",
        str(error.value),
    )
    with FolderLock("comparison"):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_and_lives_on_holds_nothing() -> None:
    with holder("fork") as first:
        first.kill()
        first.wait()

        with FolderLock("comparison"):
            pass


def test_two_comparisons_of_one_process_are_refused_too_and_the_first_keeps_its_lock() -> None:
    with FolderLock("comparison"):
        with pytest.raises(ValueError) as error, FolderLock(Path("comparison").absolute()):
            pass
        command = [sys.executable, "-c", HOLD, folder_lock.__file__]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    assert "comparison, which this process does. Wait" in str(error.value)
    assert done.returncode == 1
    assert f"which process {os.getpid()} on " in done.stderr.decode()


def test_who_has_ended_names_nobody() -> None:
    with FolderLock("comparison"):
        pass

    assert Path("comparison/.lock").read_text() == ""


def test_a_folder_that_cannot_be_written_is_named() -> None:
    Path("file").touch()

    with pytest.raises(ValueError) as error, FolderLock("file/comparison"):
        pass

    assert str(error.value) == "`output` must be a folder that can be written, got file/comparison: Not a directory."


def test_a_file_system_without_locks_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def none(*arguments: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", none)
    with pytest.warns(UserWarning, match="keeps no locks") as warned, FolderLock("comparison"):
        pass

    assert str(warned[0].message) == (
        "the file system of comparison/.lock keeps no locks (No locks available): see to it that no other comparison "
        "writes into this folder."
    )
    assert folder_lock._held == set()
