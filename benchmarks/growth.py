"""How costs grow with the number of samples N and the number of classes C.

Each cost is measured at several sizes in turns, and a line is fitted to the logarithms: its slope is the exponent b in
cost ~ size^b, 1 for what grows as the size does. A fixed cost makes the line flatter, so it is that of the larger half
of the sizes. Goals: at most 1.1 for what reads N labels or C classes once. Beyond 10,000 classes a batch leaves the
caches of the processor, and torch's cross-entropy grows faster than its size too.

``--picture`` draws all of them, cost against size, in units of the smallest.

Usage::

    python benchmarks/growth.py --picture benchmarks/growth.png
    python benchmarks/growth.py --samples 1000 10000 --classes 10 100 --rounds 2
"""

from __future__ import annotations

import argparse
import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import linear_regression, median

import torch
from interleaved import CLOCKS, Comparison, Unit, add_options, interleave, report, timed
from samplers import first, labels_of, whole
from torch import Tensor

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.functional import confusion_counts
from lightning_imbalance.losses import resolve
from lightning_imbalance.metrics import ClassCounts
from lightning_imbalance.samplers import ClassBalancedSampler

GOAL = 1.1
EXPONENT = Unit(1, "")
BATCH = 64
Make = Callable[[int], Callable[[], object]]


def counting(size: int) -> Callable[[], object]:
    """Count labels of 100 classes."""
    return partial(ClassDistribution.from_labels, labels_of(size))


def first_index(size: int) -> Callable[[], object]:
    """Make a sampler and draw once."""
    return partial(first, ClassBalancedSampler, labels_of(size))


def epoch_of_indices(size: int) -> Callable[[], object]:
    """Draw an epoch."""
    return partial(whole, ClassBalancedSampler, labels_of(size))


def weighing(classes: int) -> Callable[[], object]:
    """Compute class weights."""
    return partial(class_weights, ClassDistribution([1 + index % 1000 for index in range(classes)]), "effective_number")


def figures(classes: int) -> Callable[[], object]:
    """Count the hits of a batch's predictions, and add them up."""
    metric = ClassCounts(classes)
    target = torch.arange(BATCH) % classes
    return partial(metric.update, target, target)


def judging(classes: int) -> Callable[[], object]:
    """Count the hits of as many samples as classes."""
    target = torch.arange(classes)
    return partial(confusion_counts, target, target, classes)


def loss(name: str, classes: int) -> Callable[[], object]:
    """Compute a loss of 64 samples and its gradient."""
    distribution = ClassDistribution([1 + index % 1000 for index in range(classes)])
    function = resolve(name).adapt(distribution)
    weight = class_weights(distribution)
    logits = torch.randn(BATCH, classes, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.arange(BATCH) % classes

    def step() -> None:
        logits.grad = None
        value: Tensor = function(logits, target, weight)
        value.backward()  # type: ignore[no-untyped-call]

    return step


WITH_SAMPLES: Mapping[str, Make] = {
    "counting": counting,
    "sampler, first index": first_index,
    "sampler, whole epoch": epoch_of_indices,
}
WITH_CLASSES: Mapping[str, Make] = {
    "class weights": weighing,
    "counts of a batch": figures,
    "counts of C samples": judging,
    **{f"{name} of a batch": partial(loss, name) for name in ("cross_entropy", "logit_adjusted", "ldam", "seesaw")},
}


def measured(
    makes: Mapping[str, Make], sizes: Sequence[int], rounds: int, clock: Callable[[], float]
) -> dict[str, dict[int, list[float]]]:
    """Return the seconds of each thing at each size, one a round."""
    found: dict[str, dict[int, list[float]]] = {}
    for name, make in makes.items():
        runs = {}
        for size in sizes:
            function = make(size)
            repeats = max(1, min(100, 1_000_000 // (size * BATCH if makes is WITH_CLASSES else size)))
            runs[str(size)] = timed(function, clock, repeats)
        times = interleave(name, runs, rounds)
        found[name] = {size: list(times[str(size)]) for size in sizes}
    return found


def exponents(times: Mapping[int, Sequence[float]]) -> list[float]:
    """Return the slope in each round, of the larger half of the sizes."""
    sizes = sorted(times)[len(times) // 2 - (len(times) < 4) :]
    logs = [math.log(size) for size in sizes]
    rounds = zip(*(times[size] for size in sizes), strict=True)
    return [linear_regression(logs, [math.log(value) for value in values]).slope for values in rounds]


def draw(groups: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]], path: Path) -> None:
    """Draw cost against size, both on logarithmic axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lightning_imbalance.drawing import COLOURS, MARKERS

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (label, found) in zip(figure.subplots(1, len(groups)), groups.items(), strict=True):
        for (name, times), colour, marker in zip(found.items(), COLOURS * 2, MARKERS * 2, strict=False):
            sizes = sorted(times)
            costs = [median(times[size]) for size in sizes]
            slope = median(exponents(times))
            points = [cost / costs[0] for cost in costs]
            axes.loglog(sizes, points, marker=marker, color=colour, label=f"{name}: exponent {slope:.2f}")
        axes.loglog(sizes, [size / sizes[0] for size in sizes], color="0.6", linestyle=":", label="as the size")
        axes.set_xlabel(label)
        axes.set_ylabel("cost, in units of the smallest")
        axes.legend(fontsize="small")
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description="Exponents of costs in the number of samples and of classes.")
    parser.add_argument(
        "--samples",
        type=int,
        nargs="+",
        default=[10_000, 100_000, 1_000_000, 10_000_000],
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--classes", type=int, nargs="+", default=[10, 100, 1000, 10_000], help="(default: %(default)s)"
    )
    parser.add_argument("--picture", type=Path, help="draw into this file")
    add_options(parser, rounds=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    groups = {}
    for label, makes, sizes in (
        ("samples N", WITH_SAMPLES, options.samples),
        ("classes C", WITH_CLASSES, options.classes),
    ):
        groups[label] = measured(makes, sizes, options.rounds, CLOCKS[options.clock])
    comparisons = [
        Comparison(f"exponent in {label}: {name}", slopes, [1.0] * len(slopes), GOAL, EXPONENT)
        for label, found in groups.items()
        for name, times in found.items()
        for slopes in [exponents(times)]
    ]
    if options.picture is not None:
        draw(groups, options.picture)
    report("growth", comparisons, options)


if __name__ == "__main__":
    main()
