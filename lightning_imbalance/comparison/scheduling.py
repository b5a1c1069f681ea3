"""Runs one after the other, or several at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple

import torch

from lightning_imbalance.comparison.progress import ComparisonProgress
from lightning_imbalance.comparison.remedies import Remedy
from lightning_imbalance.comparison.run_folders import Finished, RunFolders

Workers = int | Literal["auto"]

_CORES_OF_A_RUN = 2


class Job(NamedTuple):
    """A run to be made.

    Example:
        >>> Job(Remedy("none"), 0).seed
        0
    """

    remedy: Remedy
    seed: int


def number_of_workers(workers: Workers, jobs: int) -> int:
    """Return how many runs go on at a time.

    Args:
        workers: A number, or ``"auto"``: one a GPU, or without one, one for two cores of the CPU.
        jobs: How many runs there are.

    Returns:
        From 1 to ``jobs``.

    Raises:
        ValueError: It is no number from 1 on.

    Example:
        >>> number_of_workers(4, jobs=3)
        3
    """
    if workers == "auto":
        wanted = torch.cuda.device_count() or len(_cores()) // _CORES_OF_A_RUN
    else:
        known: object = workers
        if not isinstance(known, int) or isinstance(known, bool) or known < 1:
            msg = f"`workers` must be a number from 1 on, or 'auto', got {workers!r}."
            raise ValueError(msg)
        wanted = known
    return max(1, min(wanted, jobs))


def make_all(folders: RunFolders, jobs: list[Job], workers: int, progress: ComparisonProgress) -> None:
    """Make runs that train, and say of each when it is done.

    Args:
        folders: Where they are kept.
        jobs: The runs.
        workers: How many at a time; 1 makes them in this process.
        progress: Is told.

    Raises:
        KeyboardInterrupt: Also where Lightning makes a SystemExit of it.
        TypeError: Several processes are asked for, and what they need cannot be sent to them.
    """
    if workers == 1:
        with _threads(folders, torch.get_num_threads()):
            for job in jobs:
                progress.begin(f"{job.remedy.name}, seed {job.seed}")
                progress.finish(job.remedy.name, job.seed, make_one(folders, job))
        return
    from concurrent.futures import ProcessPoolExecutor  # the package is imported without it

    _refuse_unsendable(folders)
    context = multiprocessing.get_context("spawn")  # a fork would share CUDA and the threads of torch
    numbers: Any = context.Queue()
    for number in range(workers):
        numbers.put(number)
    threads = max(1, len(_cores()) // workers)
    alive, ours = context.Pipe(duplex=False)
    progress.begin(f"{workers} runs at a time")
    pool = ProcessPoolExecutor(workers, context, _begin_worker, (folders, numbers, threads, alive))
    try:
        with _undisturbed():
            running: dict[Future[None], Job] = {pool.submit(_make, job): job for job in jobs}
        for done in as_completed(running):
            done.result()
            job = running[done]
            progress.finish(job.remedy.name, job.seed, folders.finished(job.remedy, job.seed))
    except KeyboardInterrupt:
        ours.close()  # ends the workers, whatever they do
        pool.shutdown(cancel_futures=True)
        folders.clear_unfinished()
        raise
    finally:
        # Of a comparison that fails, runs that have not begun are left out; those that have are finished, and kept.
        pool.shutdown(cancel_futures=True)
        ours.close()


@contextmanager
def _threads(folders: RunFolders, most: int) -> Iterator[None]:
    """Let torch take no more threads than are of use: beside other programs, waiting for each other takes minutes."""
    before = torch.get_num_threads()
    torch.set_num_threads(_useful(folders, most))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the processes that are begun here hear no Ctrl-C, which a terminal sends to all of them: this one decides."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def make_one(folders: RunFolders, job: Job) -> Finished:
    """Make a run in this process.

    Args:
        folders: Where it is kept.
        job: The run.

    Raises:
        KeyboardInterrupt: Also where Lightning makes a SystemExit of it.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        return folders.make(job.remedy, job.seed)
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        # Lightning ends the whole program on a Ctrl-C, also that of a notebook, and lets it ignore the next one.
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from stop


_here: list[RunFolders] = []
"""What a worker process was begun with: sent once, since making the parts again may take long."""


def _begin_worker(folders: RunFolders, numbers: Any, threads: int, alive: Connection) -> None:
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    _here[:] = [folders]
    torch.set_num_threads(_useful(folders, threads))
    number, gpus = numbers.get(), torch.cuda.device_count()
    if gpus:
        # A run takes the first GPU that it sees.
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number % gpus)


def _useful(folders: RunFolders, threads: int) -> int:
    return 1 if folders.experiment.is_small else threads


def _end_with(alive: Connection) -> None:
    # The other end is closed when the comparison is interrupted, and by the system when its process was killed: nobody
    # may then go on writing into a folder where the next comparison begins.
    try:
        alive.recv()
    except EOFError:
        os._exit(1)


def _make(job: Job) -> None:
    _here[0].make(job.remedy, job.seed)


def _refuse_unsendable(folders: RunFolders) -> None:
    try:
        pickle.dumps(folders)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        msg = (
            "`workers` must be 1 where the data, `model`, `optimizer` or a remedy cannot be sent to another process "
            f"({error}). Define functions at the top of a module, and pass one that makes the data as `source`."
        )
        raise TypeError(msg) from error


def _cores() -> set[int] | range:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)
