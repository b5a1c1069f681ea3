"""CIFAR-10-LT, or any folder of images made long-tailed: the recipe of the papers, the pieces of this package.

    python benchmarks/long_tail/run.py --data cifar10.zip                         # the papers' scale, for a GPU
    python benchmarks/long_tail/run.py --data cifar10.zip --depth 8 --epochs 20   # what two CPU cores can do

Finished runs are kept and never run again, so that the table grows from visit to visit. ``table.py`` makes the table.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import finished
import torch
from images import choose, find_files, load, pack
from methods import METHODS
from recipe import WHOLE, Scale
from training import train_from_file

RESULTS = Path(__file__).with_name("results.jsonl")


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--data", type=Path, required=True, help="folder or zip with train/<class>/ and test/<class>/")
    options.add_argument("--results", type=Path, default=RESULTS, help="finished runs (default: beside this file)")
    options.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS, metavar="METHOD")
    options.add_argument("--seeds", type=int, default=3, help="runs of each method (default: 3)")
    options.add_argument("--ratio", type=float, default=100.0, help="largest class over smallest (default: 100)")
    options.add_argument("--largest", type=int, help="images of the first class (default: as many as there are)")
    options.add_argument("--test-per-class", type=int, help="test images of each class (default: all)")
    options.add_argument("--depth", type=int, default=32, help="layers of the ResNet, 6n + 2 (default: 32)")
    options.add_argument("--epochs", type=int, default=WHOLE, help="the milestones move along (default: 200)")
    options.add_argument("--batch-size", type=int, default=128)
    options.add_argument("--precision", default="bf16-mixed", help="as Lightning takes it (default: bf16-mixed)")
    options.add_argument("--at-once", type=int, default=2, help="runs at a time, one process each (default: 2)")
    options.add_argument("--minutes", type=float, help="start no run after so many (default: go on)")
    options.add_argument("--pack", type=Path, help="only write the files that would be used to this zip")
    return options


def run_all(
    jobs: list[tuple[str, int]], scale: Scale, file: Path, results: Path, at_once: int, seconds: float | None
) -> None:
    """Train what is to do, some at once, and keep each run as it ends.

    Args:
        jobs: Method and seed, in order.
        scale: At which scale.
        file: The decoded images.
        results: Where finished runs go.
        at_once: Processes.
        seconds: No run is started later than that.

    Raises:
        Exception: What ended a run; those at work beside it are finished and kept first.
    """
    start, left = time.monotonic(), list(jobs)
    failed: BaseException | None = None
    working: dict[Future[dict[str, Any]], tuple[str, int]] = {}
    # Not forked: a process that has used a GPU cannot hand it on.
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        while left or working:
            late = seconds is not None and time.monotonic() - start > seconds
            while left and not late and len(working) < at_once:
                job = left.pop(0)
                working[pool.submit(train_from_file, *job, scale, file)] = job
            if not working:
                print(f"{len(left)} runs are left for another visit.")
                break
            for done in wait(working, return_when=FIRST_COMPLETED).done:
                method, seed = working.pop(done)
                error = done.exception()
                if error is not None:
                    failed, left = error, []
                    print(f"{method}, seed {seed}: failed", flush=True)
                    continue
                run = done.result()
                finished.add(results, run)
                accuracy = run["readings"][method]["accuracy"]
                print(
                    f"{method}, seed {seed}: {accuracy[-1]:.4f} after the last epoch, {max(accuracy):.4f} in the best, "
                    f"{run['seconds']:.0f} s",
                    flush=True,
                )
    if failed is not None:
        raise failed


def main() -> None:
    """Read the images, and train what is not finished."""
    options = parser().parse_args()
    files = choose(find_files(options.data), options.ratio, options.largest, options.test_per_class)
    if options.pack is not None:
        pack(files, options.pack)
        print(f"{sum(map(len, files.parts.values())):,} files in {options.pack}")
        return
    images = load(files)
    scale = Scale(
        images.name,
        tuple(images.train_labels.bincount().tolist()),
        int(images.test_labels.bincount()[0]),
        options.depth,
        options.epochs,
        options.batch_size,
        options.precision,
    )
    jobs = finished.to_do(finished.read(options.results), scale, options.methods, options.seeds)
    print(f"{len(jobs)} of {len(options.methods) * options.seeds} runs to do, {options.at_once} at a time", flush=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.pt"
        torch.save(asdict(images), file)
        seconds = None if options.minutes is None else 60 * options.minutes
        run_all(jobs, scale, file, options.results, options.at_once, seconds)


if __name__ == "__main__":
    main()
