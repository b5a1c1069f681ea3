"""The program of docs/recipes/ddp.md in real processes, started as the pages on DDP and on clusters say."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import lightning_imbalance

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"
SECONDS = 300

pytestmark = pytest.mark.xdist_group("processes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with train.py in it, as it stands on the page."""
    (program,) = re.findall(
        r"^```python\n(.*?)^```$", (RECIPES / "ddp.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "train.py").write_text(program, encoding="utf-8")
    return folder


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    ours = {"PYTHONPATH": str(Path(lightning_imbalance.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "train.py", *arguments],
        cwd=folder,
        env=kept | ours | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(*processes: subprocess.Popen) -> list[str]:
    """What the processes print; all of them must succeed."""
    found = []
    for process in processes:
        printed, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
        found.append(printed)
    return found


def said(printed: str) -> tuple[int, list[int], float]:
    """Number of processes, counts and balanced accuracy, of what the program prints."""
    match = re.search(r"^processes (\d+), counts \[(.*)\]\nbalanced accuracy ([\d.]+)$", printed, re.MULTILINE)
    assert match is not None, printed
    return int(match[1]), [int(count) for count in match[2].split(", ")], float(match[3])


COUNTS = [98, 70, 50, 36, 25, 18, 13, 9, 6, 4]
COMMANDS = re.findall(r"^\$ python train\.py (.*)$", (RECIPES / "ddp.md").read_text("utf-8"), re.MULTILINE)
COMMAND = shlex.split(COMMANDS[1])


@pytest.fixture(scope="module")
def by_lightning(folder) -> tuple[int, list[int], float]:
    """What the second command of the page says; Lightning starts the other process."""
    return said(*outputs(start(folder, *COMMAND, MASTER_ADDR="127.0.0.1", MASTER_PORT=free_port())))


def test_two_processes_count_what_there_is_and_learn_from_it(by_lightning):
    processes, counts, accuracy = by_lightning

    assert (processes, counts) == (2, COUNTS)
    assert 0.6 < accuracy < 1


def test_tasks_of_slurm_find_each_other_and_train_the_same_model(folder, by_lightning):
    job = {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "digits",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "MASTER_PORT": free_port(),
    }

    tasks = [start(folder, *COMMAND, **job, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)) for rank in range(2)]
    first, second = outputs(*tasks)

    assert said(first) == by_lightning
    assert "processes" not in second


def test_the_numbers_of_tasks_in_the_script_are_those_of_the_program():
    (script,) = re.findall(
        r"^```text\n(#!.*?)^```$", (RECIPES / "clusters.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script, re.MULTILINE))
    (started,) = re.findall(r"^srun python train\.py (.*)$", script, re.MULTILINE)

    assert started == f"--num-nodes {asked['nodes']} --devices {asked['ntasks-per-node']}"
