"""What a loss costs, forward and backward.

Each row is the time of a loss and its gradient in units of torch's weighted loss of the same kind on the same logits:
``F.cross_entropy(weight=...)``, for several labels a sample ``F.binary_cross_entropy_with_logits(pos_weight=...)``.
Goals: at most 1.03 for the weighted cross-entropy, at most 1.6 for every other.

- The same for losses of other packages, where they are installed, and ours in units of theirs: below 1.
- Below what a loss cannot come: torch's loss and beside it the one thing that the other loss needs, in torch's own
  operations. It says how much of a ratio is the method's and how much is ours.
- The memory at its highest, counted from every allocation that torch makes, in units of torch's loss: at most 1.3, and
  below that of every other package. It is the same in every run.
- The memory moved, counted from what every operation reads and writes. Where the logits are larger than the caches,
  time follows it; what is computed in blocks that stay in a cache counts as if it did not.

Shapes: 256 samples of 10 classes, 4,096 of 1,000, and 8 pictures of 256 x 256 pixels with 21 classes.

Usage::

    python benchmarks/losses.py
    python benchmarks/losses.py --shapes 16x5 --rounds 2
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from allocated import moved_bytes, peak_bytes
from interleaved import CLOCKS, MEBIBYTES, Comparison, add_options, interleave, report, timed
from torch import Tensor

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.losses import resolve

Step = Callable[[Tensor], Tensor]

SHAPES = ("256x10", "4096x1000", "8x21x256x256")
MULTICLASS = (
    "cross_entropy",
    "focal",
    "balanced_softmax",
    "logit_adjusted",
    "vector_scaling",
    "ldam",
    "seesaw",
    "label_aware_smoothing",
    "equalization",
    "asymmetric",
)
MULTILABEL = ("bce", "focal", "asymmetric", "distribution_balanced")
GOAL, GOAL_OTHERS, GOAL_MEMORY = 1.03, 1.6, 1.3


def counts_of(classes: int) -> list[int]:
    """Return a long tail, 100 to 1."""
    return [max(1, round(1000 * 100 ** (-index / (classes - 1)))) for index in range(classes)]


def multiclass(shape: tuple[int, ...]) -> tuple[Tensor, dict[str, Step], dict[str, Step]]:
    """Make logits, our losses and those of others, torch's first."""
    generator = torch.Generator().manual_seed(0)
    classes = shape[1]
    distribution = ClassDistribution(counts_of(classes))
    logits = torch.randn(shape, generator=generator)
    target = torch.randint(classes, (shape[0], *shape[2:]), generator=generator)
    weight = class_weights(distribution)
    ours = {
        name: partial(_call, resolve(name).adapt(distribution), target=target, weight=weight) for name in MULTICLASS
    }
    torchs = partial(_cross_entropy, target=target, weight=weight)
    row = torch.zeros(classes, *[1] * (len(shape) - 2))
    least: dict[str, Step] = {
        "torch": torchs,
        "torch and an addition": lambda each: torchs(each + row),
        "torch and a second softmax": lambda each: torchs(each + each.detach().log_softmax(1)),
        "torch and a random number a logit": lambda each: torchs(each + torch.rand(shape)),
        "torch and each probability to a power": lambda each: torchs(each) + each.log_softmax(1).mul(4).exp().mean(),
    }
    return logits, ours, {**least, **_peers(target, weight)}


def multilabel(shape: tuple[int, ...]) -> tuple[Tensor, dict[str, Step], dict[str, Step]]:
    """The same for several labels a sample."""
    generator = torch.Generator().manual_seed(0)
    classes = shape[1]
    logits = torch.randn(shape, generator=generator)
    target = (torch.rand(shape, generator=generator) < 0.2).float()
    weight = torch.linspace(1, 10, classes)
    distribution = ClassDistribution(counts_of(classes), task="multilabel", num_samples=100_000)
    ours = {}
    for name in MULTILABEL:
        loss = resolve(name, task="multilabel").adapt(distribution)
        ours[name] = partial(_call, loss, target=target, weight=weight)
    torchs = partial(F.binary_cross_entropy_with_logits, target=target, pos_weight=weight)
    theirs: dict[str, Step] = {
        "torch": torchs,
        "torch and each probability squared": lambda each: torchs(each) + each.sigmoid().square().mean(),
        "torch twice": lambda each: torchs(each) + torchs(2 * each),
    }
    if find_spec("torchvision"):
        from torchvision.ops import sigmoid_focal_loss

        theirs["focal of torchvision"] = lambda each: sigmoid_focal_loss(each, target, reduction="mean")
    if find_spec("torch_focalloss"):
        from torch_focalloss import BinaryFocalLoss

        focal = BinaryFocalLoss(pos_weight=weight)
        theirs["focal of pytorch-focalloss"] = lambda each: focal(each, target)
    return logits, ours, theirs


def _call(loss: Any, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    value: Tensor = loss(logits, target, weight)
    return value


def _cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return F.cross_entropy(logits, target, weight)


def _peers(target: Tensor, weight: Tensor) -> dict[str, Step]:
    """Return the losses of other packages that are installed; only one of them takes pictures."""
    found: dict[str, Step] = {}
    if find_spec("imbalanced_losses"):
        from imbalanced_losses import SoftmaxFocalLoss

        softmax_focal = SoftmaxFocalLoss(alpha=weight)
        found["focal of imbalanced-losses"] = lambda logits: softmax_focal(logits, target)
    if find_spec("torch_focalloss") and target.ndim == 1:
        from torch_focalloss import MultiClassFocalLoss

        multiclass_focal = MultiClassFocalLoss(alpha=weight)
        found["focal of pytorch-focalloss"] = lambda logits: multiclass_focal(logits, target)
    if find_spec("balanced_loss") and target.ndim == 1:
        from balanced_loss import Loss

        samples = counts_of(len(weight))
        for kind, name in (("cross_entropy", "cross_entropy"), ("focal_loss", "focal")):
            loss = Loss(kind, samples_per_class=samples, class_balanced=True)
            found[f"{name} of balanced-loss"] = partial(_one_after_the_other, loss, target)
    return found


def _one_after_the_other(loss: Any, target: Tensor, logits: Tensor) -> Tensor:
    value: Tensor = loss(logits, target)
    return value


def with_gradient(loss: Step, logits: Tensor) -> Callable[[], None]:
    """Make a step: the loss of the logits, and its gradient."""
    leaf = logits.clone().requires_grad_()

    def step() -> None:
        leaf.grad = None
        loss(leaf).backward()  # type: ignore[no-untyped-call]

    return step


def compare(
    name: str, made: tuple[Tensor, dict[str, Step], dict[str, Step]], rounds: int, clock: Any
) -> list[Comparison]:
    """Compare our losses with torch's, and each with its like in other packages."""
    logits, ours, theirs = made
    losses = {**ours, **theirs}
    repeats = max(1, min(100, 20_000_000 // (logits.numel() * 20)))
    times = interleave(
        name, {key: timed(with_gradient(loss, logits), clock, repeats) for key, loss in losses.items()}, rounds
    )
    # With logits of their own, whose gradient is not there yet: what a step frees would hide what it allocates.
    memory = {key: [peak_bytes(with_gradient(loss, logits))] for key, loss in losses.items()}
    moved = {key: [moved_bytes(with_gradient(loss, logits))] for key, loss in losses.items()}
    others = [key for key in theirs if key != "torch"]
    alike = [(other.split(" of ", 1)[0], other) for other in others if " of " in other]
    first = next(iter(ours))
    found = []
    for key in (*ours, *others):
        goal = None if key in theirs else GOAL if key == first else GOAL_OTHERS
        found.append(Comparison(f"{name}: {key} / torch", times[key], times["torch"], goal))
    for own, other in alike:
        found.append(Comparison(f"{name}: {own} / {other}", times[own], times[other], 1.0))
    found += [
        Comparison(f"{name}, memory: {key} / torch", memory[key], memory["torch"], GOAL_MEMORY, MEBIBYTES)
        for key in ours
    ]
    for own, other in alike:
        found.append(Comparison(f"{name}, memory: {own} / {other}", memory[own], memory[other], 1.0, MEBIBYTES))
    return found + [
        Comparison(f"{name}, memory moved: {key} / torch", moved[key], moved["torch"], unit=MEBIBYTES)
        for key in (*ours, *others)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ratio of losses with their gradients to torch's cross-entropy.")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="of the logits (default: %(default)s)")
    add_options(parser, rounds=11)
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    tables = {}
    for name in options.shapes:
        shape = tuple(map(int, name.split("x")))
        tables[name] = compare(name, multiclass(shape), options.rounds, CLOCKS[options.clock])
        if len(shape) == 2:
            several = f"{name} labels"
            tables[several] = compare(several, multilabel(shape), options.rounds, CLOCKS[options.clock])
    report("losses with their gradients", tables, options)


if __name__ == "__main__":
    main()
