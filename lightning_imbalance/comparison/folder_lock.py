"""One comparison at a time writes into a folder."""

from __future__ import annotations

import os
import socket
import sys
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO

from typing_extensions import Self

_FILE = ".lock"

# Of this process. A lock of the system does not hold between two comparisons of one process.
_held: set[Path] = set()


class FolderLock:
    """Holds a folder while a ``with`` block runs.

    The system lets go when the process ends, however it ends: nobody has to delete a file that a killed process left.
    A process that was forked, such as one that loads data, does not hold the lock of the one it came from.

    Args:
        folder: The folder, made where it is missing.

    Raises:
        ValueError: On entering: the folder cannot be written, or another comparison holds it.

    Example:
        >>> with FolderLock("comparison"):
        ...     Path("comparison/.lock").exists()
        True
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._key = self.folder.resolve()
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._key in _held:
                # Not read from the file: to close it a second time would let go of it.
                raise ValueError(_busy(self.folder, "this process"))
            file = (self.folder / _FILE).open("a+", encoding="utf-8")
        except OSError as error:
            msg = f"`output` must be a folder that can be written, got {self.folder}: {error.strerror}."
            raise ValueError(msg) from error
        if not _locked(file):
            file.seek(0)
            holder = file.read()
            file.close()
            raise ValueError(_busy(self.folder, holder or "another process"))
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')},")
        file.flush()
        self._file = file
        _held.add(self._key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _held.discard(self._key)
        if self._file is not None:
            # The file stays: to delete it would let go of a lock that somebody may be waiting to read.
            self._file.truncate(0)
            self._file.close()


def _busy(folder: Path, holder: str) -> str:
    return (
        f"`output` must be a folder that no other comparison writes into, got {folder}, which {holder} does. Wait "
        "until that one has ended, or pass another `output`."
    )


if sys.platform == "win32":

    def _locked(file: IO[str]) -> bool:
        import msvcrt

        # Far behind what is written: what is locked there cannot be read either.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _locked(file: IO[str]) -> bool:
        import fcntl

        try:
            # Not flock, which a forked process would hold on to.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # a system may say either
            return False
        except OSError as error:
            msg = (
                f"the file system of {file.name} keeps no locks ({error.strerror}): see to it that no other comparison "
                "writes into this folder."
            )
            warnings.warn(msg, stacklevel=3)
        return True
