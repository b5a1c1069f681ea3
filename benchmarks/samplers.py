"""What drawing by class costs.

Each a ratio measured in one run, for labels of 100 classes whose counts fall tenfold from the first to the last:

- A sampler made of labels, and its first index: ``ClassBalancedSampler`` in units of torch's ``WeightedRandomSampler``,
  whose weights, one a sample, are computed from the labels too. Goal: at most 0.2 for 10 million labels.
- The same, and the whole epoch. Goal: at most 1.
- Both in units of torchsampler's ``ImbalancedDatasetSampler``, and ``MPerClassSampler`` in units of that of
  pytorch-metric-learning, where these are installed. For fewer labels: an epoch of the latter's, whose cost for one
  sample grows with the size of its class, would take hours for 10 million.
- The memory that it takes beyond the labels, at its highest, each in a process of its own. Goal: at most half. With 100
  million labels of 8 bits, where ``WeightedRandomSampler`` refuses more than 2^24, the whole process: at most 4 GiB.
- Ten times the labels, in units of ten times the cost.

Usage::

    python benchmarks/samplers.py
    python benchmarks/samplers.py --size 100000 --others 1000 --largest 1000000 --rounds 2
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from interleaved import CLOCKS, MEBIBYTES, Comparison, add_options, interleave, report, timed
from processes import answer_of
from torch import Tensor
from torch.utils.data import WeightedRandomSampler

from lightning_imbalance.samplers import ClassBalancedSampler, MPerClassSampler

CLASSES = 100
M, BATCH = 4, 128
FROM = 10_000_000


def labels_of(size: int, dtype: torch.dtype = torch.int64) -> Tensor:
    """Make labels of a long tail in random order, and nothing that is larger than they are."""
    counts = 10.0 ** -torch.linspace(0, 1, CLASSES, dtype=torch.float64)
    ends = (counts.cumsum(0) / counts.sum()).float()
    labels = torch.empty(size, dtype=dtype)
    generator = torch.Generator().manual_seed(0)
    for block in labels.split(2**20):
        block.copy_(torch.searchsorted(ends, torch.rand(len(block), generator=generator)).clamp_max(CLASSES - 1))
    return labels


def weighted(labels: Tensor) -> WeightedRandomSampler:
    """Make torch's sampler for balanced classes, as one does by hand."""
    return WeightedRandomSampler((1 / labels.bincount().double())[labels], len(labels))


def torchsampler(labels: Tensor) -> Iterable[int]:
    """Make torchsampler's."""
    from torchsampler import ImbalancedDatasetSampler

    return ImbalancedDatasetSampler(labels, labels=labels.numpy())


def metric_learning(labels: Tensor) -> Iterable[int]:
    """Make pytorch-metric-learning's, for as many indices as ours."""
    from pytorch_metric_learning.samplers import MPerClassSampler as Theirs

    return Theirs(labels, M, BATCH, length_before_new_iter=len(labels) // BATCH * BATCH)


SAMPLERS: dict[str, Callable[[Tensor], Iterable[Any]]] = {
    "ClassBalancedSampler": ClassBalancedSampler,
    "with replacement": partial(ClassBalancedSampler, replacement=True),
    "WeightedRandomSampler": weighted,
    "torchsampler": torchsampler,
    "MPerClassSampler": partial(MPerClassSampler, m=M, batch_size=BATCH),
    "pytorch-metric-learning": metric_learning,
}
OF_TORCH = {"ClassBalancedSampler": "WeightedRandomSampler", "with replacement": "WeightedRandomSampler"}
OF_OTHERS = {"ClassBalancedSampler": "torchsampler", "MPerClassSampler": "pytorch-metric-learning"}
Clock = Callable[[], float]


def first(make: Callable[[Tensor], Iterable[Any]], labels: Tensor) -> None:
    """Make a sampler and take its first index."""
    next(iter(make(labels)))


def whole(make: Callable[[Tensor], Iterable[Any]], labels: Tensor) -> None:
    """Make a sampler and take all of an epoch."""
    deque(make(labels), maxlen=0)


def compare_times(labels: Tensor, pairs: Mapping[str, str], rounds: int, clock: Clock) -> list[Comparison]:
    """Compare samplers with others, up to the first index and over an epoch."""
    size, found = f"{len(labels):,}", []
    for run, what, goal in ((first, "to the first", 0.2), (whole, "whole epoch", 1.0)):
        names = {*pairs, *pairs.values()}
        runs = {name: timed(partial(run, SAMPLERS[name], labels), clock) for name in SAMPLERS if name in names}
        times = interleave(f"{what}, {size} labels", runs, rounds)
        found += [
            Comparison(
                f"{what} of {size}: {ours} / {theirs}",
                times[ours],
                times[theirs],
                goal if len(labels) >= FROM else None,
            )
            for ours, theirs in pairs.items()
        ]
    return found


def installed(pairs: Mapping[str, str]) -> dict[str, str]:
    """Leave out those whose package is missing, and say so."""
    there = {ours: theirs for ours, theirs in pairs.items() if find_spec(theirs.replace("-", "_")) is not None}
    for missing in sorted(set(pairs.values()) - set(there.values())):
        print(f"{missing} is not installed, and left out")
    return there


def compare_growth(size: int, rounds: int, clock: Clock) -> list[Comparison]:
    """Compare ten times the labels with ten times the cost, twice."""
    sizes = [size // 100, size // 10, size]
    runs = {f"{each:,}": timed(partial(first, ClassBalancedSampler, labels_of(each)), clock) for each in sizes}
    times = list(interleave("growth", runs, rounds).values())
    return [
        Comparison(f"to the first: {more:,} / 10 times {less:,}", above, [10 * seconds for seconds in below])
        for less, more, below, above in zip(sizes, sizes[1:], times, times[1:], strict=False)
    ]


def memory(status: str = "/proc/self/status") -> dict[str, int]:
    """Read what this process has and had at its highest, in bytes."""
    rows = dict(line.split(":", 1) for line in Path(status).read_text(encoding="utf-8").splitlines())
    return {name: int(rows[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}


def measure_memory(name: str, size: int, dtype: torch.dtype) -> None:
    """Draw an epoch up to its first index, and print what that took at its highest, with the labels and without."""
    first(SAMPLERS[name], labels_of(1000))
    labels = labels_of(size, dtype)
    # Linux: the highest is that from now on.
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = memory()["VmRSS"]
    first(SAMPLERS[name], labels)
    peak = memory()["VmHWM"]
    print(json.dumps({"beyond": peak - before, "peak": peak}))


def compare_memory(size: int, largest: int) -> list[Comparison]:
    """Compare the memory of processes, one a sampler."""

    def of(name: str, size: int, dtype: str) -> dict[str, int]:
        print(f"\rmeasuring memory: {name}, {size:,} labels", end="", file=sys.stderr, flush=True)
        return answer_of(__file__, ["--memory", name, "--size", str(size), "--dtype", dtype], 1)

    names = ["ClassBalancedSampler", "with replacement"]
    theirs = of("WeightedRandomSampler", size, "int64")["beyond"]
    found = [
        Comparison(
            f"memory: {name} / WeightedRandomSampler",
            [of(name, size, "int64")["beyond"]],
            [theirs],
            0.5 if size >= FROM else None,
            MEBIBYTES,
        )
        for name in names
    ]
    peak = of("ClassBalancedSampler", largest, "uint8")["peak"]
    goal = 1.0 if largest >= 10 * FROM else None
    print(file=sys.stderr)
    return [
        *found,
        Comparison(f"memory: {largest:,} uint8, all of the process / 4 GiB", [peak], [2**32], goal, MEBIBYTES),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ratio of drawing by class to drawing by weights.")
    parser.add_argument("--size", type=int, default=FROM, help="labels (default: %(default)s)")
    parser.add_argument("--others", type=int, default=100_000, help="labels for other packages (default: %(default)s)")
    parser.add_argument("--largest", type=int, default=10 * FROM, help="labels of 8 bits (default: %(default)s)")
    parser.add_argument("--memory", choices=SAMPLERS, help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="int64", help=argparse.SUPPRESS)
    add_options(parser, rounds=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        measure_memory(options.memory, options.size, getattr(torch, options.dtype))
        return
    clock = CLOCKS[options.clock]
    comparisons = compare_times(labels_of(options.size), OF_TORCH, options.rounds, clock)
    comparisons += compare_times(labels_of(options.others), installed(OF_OTHERS), options.rounds, clock)
    comparisons += compare_growth(options.size, options.rounds, clock)
    comparisons += compare_memory(options.size, options.largest)
    report(f"drawing by class, {CLASSES} classes", comparisons, options)


if __name__ == "__main__":
    main()
