"""A script started again as several processes with one gloo group, for what a benchmark measures on more than one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def rank() -> int:
    """Return which of the processes this is; 0 where there is one."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def answer_of(script: str, arguments: Sequence[str], processes: int) -> Any:
    """Start a script as that many processes, as Lightning expects them, and wait.

    Args:
        script: Path of the script.
        arguments: Its arguments, the same for each process.
        processes: How many; one starts without a process group.

    Returns:
        What rank 0 printed as its last line, read as JSON.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0"}
    started = [
        subprocess.Popen(
            [sys.executable, script, *arguments],
            stdout=subprocess.PIPE,
            stderr=None if index == 0 else subprocess.DEVNULL,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | ({**group, "LOCAL_RANK": str(index)} if processes > 1 else {}),
        )
        for index in range(processes)
    ]
    outputs = [process.communicate()[0] for process in started]
    # Not the exit codes: gloo may abort a process that ends after the others.
    if not outputs[0].strip():
        msg = f"{script} must print its result, got nothing and the exit codes {[each.returncode for each in started]}."
        raise RuntimeError(msg)
    return json.loads(outputs[0].strip().splitlines()[-1])
