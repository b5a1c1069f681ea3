"""Real processes that stay up for a whole test run: a fit on two of them costs a fit, and not two Python starts."""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Programs for the processes, not tests.
collect_ignore = ["programs.py", "worker.py"]

WORKER = Path(__file__).with_name("worker.py")
# A rank that fails leaves the others waiting; this bounds it, and is never reached otherwise.
SECONDS = 120


class Crew:
    """``size`` processes with one gloo group, each of which runs the programs it is told."""

    def __init__(self, size: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "CREW": str(size)}
        self.ranks = [
            subprocess.Popen(
                [sys.executable, WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | shared | {"LOCAL_RANK": str(rank), "NODE_RANK": "0"},
            )
            for rank in range(size)
        ]

    def run(self, program: str, *arguments: Any, **keywords: Any) -> list[Any]:
        """Run a function of programs.py on every rank; return what each returned, in order."""
        for rank in self.ranks:
            pickle.dump((program, arguments, keywords), rank.stdin)
            rank.stdin.flush()
        return [self._answer(rank) for rank in self.ranks]

    def end(self) -> None:
        """End all processes."""
        for rank in self.ranks:
            rank.kill()
            rank.wait()
            rank.stdin.close()
            rank.stdout.close()

    def _answer(self, rank: subprocess.Popen) -> Any:
        ready, _, _ = select.select([rank.stdout], [], [], SECONDS)
        if not ready:
            self.end()
            pytest.fail(f"no answer within {SECONDS} seconds")
        value, error = pickle.load(rank.stdout)  # noqa: S301  # from a process of our own
        if error is not None:
            self.end()
            pytest.fail(error)
        return value


@pytest.fixture(scope="session")
def crew() -> Iterator[Callable[[int], Crew]]:
    """Give the processes: ``crew(2).run("program", ...)``; they are started once."""
    crews: dict[int, Crew] = {}

    def of(size: int) -> Crew:
        if size not in crews or any(rank.poll() is not None for rank in crews[size].ranks):
            crews[size] = Crew(size)
        return crews[size]

    yield of
    for each in crews.values():
        each.end()
