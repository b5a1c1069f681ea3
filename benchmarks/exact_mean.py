"""What the exact mean costs in a training step.

Each row is the time of an optimizer step with ``exact_mean=True`` in units of the same step with ``exact_mean=False``,
on a network of ten million parameters (an MLP, SGD). Both models train in turns within one run of the same processes,
and the time of a step is that from one ``on_train_batch_end`` to another, with everything that Lightning does between.

- one process that accumulates nothing: the exact mean then does nothing. Goal: at most 1.01.
- one process that accumulates two batches: the gradients are read and written once more. No goal.
- two processes with gloo: one small reduction. Goal: at most 1.03. How many collectives a step has, and how many
  numbers they carry, is counted by torch's profiler: more steps less fewer steps, so that the start does not count.

Usage::

    python benchmarks/exact_mean.py
    python benchmarks/exact_mean.py --width 64 --steps 3 --rounds 2
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import warnings
from functools import partial

import lightning as L
import torch
from interleaved import CLOCKS, Comparison, Unit, add_options, interleave, report
from processes import answer_of, rank
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier

CASES = ((1, 1, 1.01), (1, 2, None), (2, 1, 1.03))
CLASSES, FEATURES = 10, 128
FEWER_STEPS, MORE_STEPS = 2, 6


class Counted(WeightedClassifier):
    """Takes the counts as given."""

    def class_distribution(self) -> ClassDistribution:
        """Return a long tail."""
        return ClassDistribution([1000 // (index + 1) for index in range(CLASSES)])


def network(width: int) -> nn.Module:
    """Make an MLP: with the width of 2,176 it has ten million parameters."""
    return nn.Sequential(
        nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, CLASSES),
    )  # fmt: skip


def seconds_of_steps(options: argparse.Namespace, processes: int, accumulated: int, *, exact: bool) -> float:
    """Fit, and return the seconds of an optimizer step, without the first."""
    clock = CLOCKS[options.clock]
    marks: list[float] = []

    class Stopwatch(L.Callback):
        def on_train_batch_end(self, *_: object) -> None:
            marks.append(clock())

    torch.manual_seed(0)
    batch = (torch.randn(options.batch_size, FEATURES), torch.arange(options.batch_size) % CLASSES)
    optimizer = partial(torch.optim.SGD, lr=0.001)
    model = Counted(network(options.width), CLASSES, optimizer=optimizer, exact_mean=exact)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=1,
        accumulate_grad_batches=accumulated,
        use_distributed_sampler=False,
        logger=False,
        callbacks=[Stopwatch()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader([batch] * (accumulated * (options.steps + 1)), batch_size=None))
    return (marks[-1] - marks[accumulated - 1]) / options.steps


def collectives(options: argparse.Namespace, processes: int, accumulated: int, *, exact: bool) -> tuple[float, float]:
    """Return how many collectives an optimizer step has, and how many numbers they carry."""
    found = []
    for steps in (FEWER_STEPS, MORE_STEPS):
        few = argparse.Namespace(**{**vars(options), "steps": steps})
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
            seconds_of_steps(few, processes, accumulated, exact=exact)
        shapes = [event.input_shapes for event in profiled.events() if event.name.startswith("gloo:")]
        found.append((len(shapes), sum(math.prod(shape) for given in shapes for shape in given)))
    (count, numbers), (more_count, more_numbers) = found
    steps = MORE_STEPS - FEWER_STEPS
    return (more_count - count) / steps, (more_numbers - numbers) / steps


def work(options: argparse.Namespace) -> None:
    """Be one process: measure, and let rank 0 print the seconds and the collectives."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    processes, accumulated = options.work
    runs = {
        name: partial(seconds_of_steps, options, processes, accumulated, exact=exact)
        for name, exact in (("exact", True), ("each batch", False))
    }
    times = interleave(f"{processes} x {accumulated}", runs, options.rounds)
    counted = [collectives(options, processes, accumulated, exact=exact) for exact in (True, False) if processes > 1]
    if rank() == 0:
        print(json.dumps([[list(seconds) for seconds in times.values()], counted]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ratio of a step with the exact mean to one without.")
    parser.add_argument("--width", type=int, default=2176, help="units of a layer (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="samples of a batch (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps a round (default: %(default)s)")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    add_options(parser, rounds=9)
    options = parser.parse_args()
    if options.work:
        work(options)
        return
    torch.set_num_threads(1)
    comparisons = []
    for processes, accumulated, goal in CASES:
        work_of = [*sys.argv[1:], "--work", str(processes), str(accumulated)]
        times, counted = answer_of(__file__, work_of, processes)
        name = f"{processes} process{'es' * (processes > 1)}, {accumulated} batch{'es' * (accumulated > 1)} a step"
        comparisons.append(Comparison(f"{name}: exact mean / mean of each batch", *times, goal))
        for what, ours, theirs in zip(("collectives", "numbers"), *counted, strict=True) if counted else ():
            comparisons.append(Comparison(f"{name}, {what} of a step", [ours], [theirs], unit=Unit(1, what)))
    parameters = sum(parameter.numel() for parameter in network(options.width).parameters())
    report(f"an optimizer step of {parameters:,} parameters, {options.batch_size} samples", comparisons, options)


if __name__ == "__main__":
    main()
