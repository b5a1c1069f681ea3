"""How many runs go on at a time, and what stops them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import pytest
import torch

from lightning_imbalance.comparison import Remedy, scheduling
from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.progress import ComparisonProgress
from lightning_imbalance.comparison.run_folders import RunFolders
from lightning_imbalance.comparison.scheduling import Job, make_all, number_of_workers

Make = Callable[..., Experiment]


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (3, 1), (4, 2), (64, 12)])
def test_auto_is_one_run_for_two_cores(monkeypatch: pytest.MonkeyPatch, cores: int, workers: int) -> None:
    monkeypatch.setattr(scheduling, "_cores", lambda: range(cores))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    assert number_of_workers("auto", jobs=12) == workers


def test_auto_is_one_run_a_gpu_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)

    assert number_of_workers("auto", jobs=12) == 4


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "all", None])
def test_other_numbers_of_workers_are_refused(workers: Any) -> None:
    with pytest.raises(ValueError) as error:
        number_of_workers(workers, jobs=3)

    assert str(error.value) == f"`workers` must be a number from 1 on, or 'auto', got {workers!r}."


class Interrupted(L.Callback):
    """Somebody presses Ctrl-C."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        raise KeyboardInterrupt


def test_an_interruption_is_a_keyboard_interrupt_and_the_next_one_is_heard(experiment: Make, tmp_path: Path) -> None:
    stopped = Remedy("stopped", callbacks=lambda: [Interrupted()])
    folders = RunFolders(tmp_path, experiment(["none", stopped, "weighted"]))
    jobs = [Job(remedy, 0) for remedy in folders.experiment.remedies]
    handler = signal.getsignal(signal.SIGINT)
    progress = ComparisonProgress(3, "balanced_accuracy", quiet=True)

    with pytest.raises(KeyboardInterrupt), progress:
        make_all(folders, jobs, 1, progress)

    assert signal.getsignal(signal.SIGINT) is handler
    assert [folders.is_finished(remedy, 0) for remedy in folders.experiment.remedies] == [True, False, False]
    assert list((tmp_path / "runs" / "stopped").iterdir()) == []


def test_what_cannot_be_sent_to_a_process_is_refused_before_one_is_started(experiment: Make, tmp_path: Path) -> None:
    folders = RunFolders(tmp_path, experiment(model=lambda number: torch.nn.Linear(3, number)))
    progress = ComparisonProgress(1, "balanced_accuracy", quiet=True)

    with pytest.raises(TypeError) as error:
        make_all(folders, [Job(folders.experiment.remedies[0], 0)], 2, progress)

    assert str(error.value) == (
        "`workers` must be 1 where the data, `model`, `optimizer` or a remedy cannot be sent to another process "
        f"({error.value.__cause__}). Define functions at the top of a module, and pass one that makes the data as `source`."
    )


class Threads(L.Callback):
    """Remembers with how many threads a fit was made."""

    seen: ClassVar[list[int]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seen.append(torch.get_num_threads())


@pytest.mark.parametrize(("network", "threads"), [(None, 1), (lambda classes: torch.nn.Linear(3, classes), 3)])
def test_the_small_network_has_one_thread_and_the_program_keeps_its_own(
    experiment: Make, tmp_path: Path, network: Any, threads: int
) -> None:
    folders = RunFolders(tmp_path, experiment(["none", Remedy("seen", callbacks=lambda: [Threads()])], model=network))
    progress = ComparisonProgress(1, "balanced_accuracy", quiet=True)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        make_all(folders, [Job(folders.experiment.remedy("seen"), 0)], 1, progress)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

    assert Threads.seen.pop() == threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_ends_with_the_comparison_that_began_it() -> None:
    theirs, ours = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        ours.close()
        scheduling._end_with(theirs)
        os._exit(0)  # not before the comparison has ended, and never here

    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    ours.close()  # as the system does for a process that was killed

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs signal masks")
def test_processes_that_are_begun_hear_no_ctrl_c_and_this_one_does_afterwards() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    with scheduling._undisturbed():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
