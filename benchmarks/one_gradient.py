"""How far several processes and accumulated batches train away from one device with the whole batch.

Twelve samples a step, of four classes with the weights of a long tail, cut into R processes x A accumulated batches of
uneven sizes, ten steps of SGD through ``Trainer.fit``. The deviation is the largest difference between the parameters
and those of one process that sees all twelve at once, in units of the largest parameter, float32. The mean of each
batch is ``exact_mean=False``: the weighted mean on each process and batch, which DDP and Lightning average.

Usage::

    python benchmarks/one_gradient.py
    python benchmarks/one_gradient.py --picture docs/one-gradient.png
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from functools import partial
from pathlib import Path

import lightning as L
import torch
from processes import answer_of, rank
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.tables import Column, Table

STEPS, SAMPLES, FEATURES = 10, 12, 8
COUNTS = [1000, 200, 40, 10]


class Counted(WeightedClassifier):
    """Takes the counts of the long tail that the samples are drawn from."""

    def class_distribution(self) -> ClassDistribution:
        """Return the counts."""
        return ClassDistribution(COUNTS)


def samples() -> list[tuple[Tensor, Tensor]]:
    """Make the twelve samples of each step; every class is there, and the frequent ones more often."""
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
    return [
        (
            torch.randn(SAMPLES, FEATURES, generator=generator),
            target[torch.randperm(SAMPLES, generator=generator)],
        )
        for _ in range(STEPS)
    ]


def cut(rank: int, processes: int, accumulated: int) -> list[tuple[Tensor, Tensor]]:
    """Return one process's micro-batches: the step's samples in uneven parts, every part with at least one."""
    parts = processes * accumulated
    # 1, 2, 1, 2, ... samples, and the rest for the last.
    sizes = [1 + index % 2 if 2 * parts <= SAMPLES else 1 for index in range(parts - 1)]
    sizes.append(SAMPLES - sum(sizes))
    batches = []
    for inputs, target in samples():
        pieces = list(zip(inputs.split(sizes), target.split(sizes), strict=True))
        batches += pieces[rank * accumulated : (rank + 1) * accumulated]
    return batches


def train(rank: int, processes: int, accumulated: int, *, exact: bool) -> list[float]:
    """Fit, and return the parameters."""
    torch.manual_seed(0)
    optimizer = partial(torch.optim.SGD, lr=0.1)
    model = Counted(nn.Linear(FEATURES, len(COUNTS)), len(COUNTS), optimizer=optimizer, exact_mean=exact)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=1,
        accumulate_grad_batches=accumulated,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(cut(rank, processes, accumulated), batch_size=None))
    return [value for parameter in model.parameters() for value in parameter.flatten().tolist()]


def work(processes: int, accumulations: list[int]) -> None:
    """Be one process: train all cases, and let rank 0 print the parameters."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    results = {
        f"{accumulated} {exact}": train(rank(), processes, accumulated, exact=exact)
        for accumulated in accumulations
        for exact in (False, True)
    }
    if rank() == 0:
        print(json.dumps(results))


def deviation(parameters: list[float], reference: list[float]) -> float:
    """Return the largest difference in units of the largest parameter."""
    difference = max(abs(ours - theirs) for ours, theirs in zip(parameters, reference, strict=True))
    return difference / max(map(abs, reference))


def draw(rows: list[tuple[int, int, float, float]], path: Path) -> None:
    """Draw both deviations of each case on a logarithmic axis."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    names = [f"{processes} x {accumulated}" for processes, accumulated, _, _ in rows]
    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    # Nothing at all has no place on a logarithmic axis: it is drawn below all others.
    for column, color, marker, label in ((2, "#d55e00", "s", "mean of each batch"), (3, "#0072b2", "o", "exact mean")):
        axes.semilogy(names, [max(row[column], 1e-8) for row in rows], marker, color=color, label=label)
    axes.axhline(2**-24, color="0.6", linewidth=0.8, linestyle="--")
    note = "half a unit in the last place of float32"
    axes.annotate(note, (0.2, 2**-24), (0, -12), textcoords="offset points", fontsize=8)
    axes.set(xlabel="processes x accumulated batches", ylabel="deviation of the parameters", ylim=(3e-9, 5))
    axes.set_title("Ten steps of SGD, compared with one device and the whole batch", fontsize=10)
    axes.legend(frameon=False, loc="center right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description="Deviation from one device with the whole batch.")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3], help="besides 1 (default: 2 3)")
    parser.add_argument("--accumulated", type=int, nargs="+", default=[2, 4], help="besides 1 (default: 2 4)")
    parser.add_argument("--picture", type=Path, help="where to draw the table")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, [1, *options.accumulated])
        return
    results: dict[int, dict[str, list[float]]] = {
        processes: answer_of(__file__, [*sys.argv[1:], "--work", str(processes)], processes)
        for processes in (1, *options.processes)
    }
    reference = results[1]["1 True"]
    rows = [
        (
            processes,
            accumulated,
            deviation(results[processes][f"{accumulated} False"], reference),
            deviation(results[processes][f"{accumulated} True"], reference),
        )
        for processes in (1, *options.processes)
        for accumulated in (1, *options.accumulated)
    ]
    columns = tuple(map(Column, ("processes", "accumulated", "mean of each batch", "exact mean")))
    print(Table(columns, tuple((str(r), str(a), f"{naive:.1e}", f"{exact:.1e}") for r, a, naive, exact in rows)))
    if options.picture is not None:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
