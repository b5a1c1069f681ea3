"""How often a comparison recommends a remedy that is none, and how often it finds one that is.

Results are simulated: samples are hard or easy for every model, rare classes are harder, each run is better at some
classes and worse at others, and the rest is chance. Four remedies and a baseline, 3 seeds unless said otherwise.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_imbalance import ClassDistribution
from lightning_imbalance.comparison.figures import DECIDED_ON, Evidence, Judge
from lightning_imbalance.functional import change_of_balanced_accuracy, simultaneous_intervals

TEST_SAMPLES = {
    "520, even": [52] * 10,
    "578, 200 to 5": [200, 130, 85, 55, 36, 24, 16, 10, 7, 5],
    "2,840, 1000 to 25": [1000, 650, 420, 270, 180, 120, 80, 50, 35, 25],
}


class Scene(NamedTuple):
    """How results come about.

    Attributes:
        seeds: Runs of each remedy.
        class_scatter: How much a run is better at some classes and worse at others.
        run_scatter: How much it is better or worse at all.
        noise: What differs from run to run in each sample alone.
        unsteady: The same scatter, this many times as large, for the baseline, or for the last remedy.
        taken: Whether the last remedy takes the networks of the baseline and changes a little.
        gain: What the last remedy adds.
    """

    seeds: int = 3
    class_scatter: float = 0.3
    run_scatter: float = 0.1
    noise: float = 0.7
    unsteady: tuple[float, float] = (1.0, 1.0)
    taken: bool = False
    gain: float = 0.0


SCENES = {
    "no remedy differs": Scene(),
    "2 seeds": Scene(seeds=2),
    "5 seeds": Scene(seeds=5),
    "seeds change nothing but chance": Scene(class_scatter=0.0, run_scatter=0.0),
    "seeds differ much": Scene(class_scatter=0.8, run_scatter=0.3),
    "networks agree on samples": Scene(class_scatter=0.1, noise=0.1),
    "one decides with the baseline's networks": Scene(taken=True),
    "a remedy is 3 times as unsteady": Scene(unsteady=(1.0, 3.0)),
    "the baseline is 1.5 times as unsteady": Scene(unsteady=(1.5, 1.0)),
    "the baseline is 2 times as unsteady": Scene(unsteady=(2.0, 1.0)),
    "the baseline is 3 times as unsteady": Scene(unsteady=(3.0, 1.0)),
    "one remedy is better": Scene(gain=0.5),
}


def simulate(scene: Scene, sizes: list[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the predictions of a baseline and four remedies, shape ``(5, seeds, N)``, and the classes."""
    classes = len(sizes)
    target = torch.arange(classes).repeat_interleave(torch.tensor(sizes))
    scale = torch.ones(5, 1, 1)
    scale[0], scale[-1] = scene.unsteady
    of_class = scene.class_scatter * torch.randn(5, scene.seeds, classes, generator=generator)
    of_run = scale * (of_class + scene.run_scatter * torch.randn(5, scene.seeds, 1, generator=generator))
    noise = scene.noise * torch.randn(5, scene.seeds, len(target), generator=generator)
    if scene.taken:
        of_run[-1] = of_run[0]
        noise[-1] = noise[0] + 0.2 * torch.randn(noise[0].shape, generator=generator)
    ease = torch.linspace(1.6, 0.2, classes)[target] + torch.randn(len(target), generator=generator)
    score = ease + of_run[..., target] + noise
    score[-1] += scene.gain
    other = (target + 1 + torch.randint(classes - 1, score.shape, generator=generator)) % classes
    return torch.where(score > 0, target, other), target


def shown_better(figure: str, predicted: Tensor, target: Tensor, *, taken: bool) -> list[bool]:
    """Return which remedies the comparison shows to be better in a figure."""
    if figure == "balanced_accuracy":
        right = (predicted == target).double()
        moments = change_of_balanced_accuracy(right[1:] - right[:1], target)
    else:
        unused = torch.zeros(len(target), dtype=torch.float64)
        runs = [[Evidence(run, unused, unused, run) for run in remedy] for remedy in predicted]
        trained_on = ClassDistribution(torch.bincount(target))
        moments = Judge(target, trained_on).changes(runs[0], runs[1:])[figure]
    retrained = torch.tensor([True, True, True, not taken])
    gains = simultaneous_intervals(moments.per_run, moments.covariance, centre=moments.centre, retrained=retrained)
    return [gain.low > 0 for gain in gains]


def main() -> None:
    """Print the shares, in per cent of the comparisons."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--comparisons", type=int, default=2000, help="for each row")
    options.add_argument("--figure", choices=DECIDED_ON, default="balanced_accuracy")
    options.add_argument("--scenes", nargs="*", choices=SCENES, default=list(SCENES))
    options.add_argument("--tests", nargs="*", choices=TEST_SAMPLES, default=list(TEST_SAMPLES))
    given: Any = options.parse_args()
    torch.set_num_threads(1)
    print(f"{given.figure}, {given.comparisons} comparisons each, in per cent")
    print(f"{'':42} {'test samples':20} {'wrong':>6} {'found':>6}")
    for name in given.scenes:
        scene = SCENES[name]
        for test in given.tests:
            generator = torch.Generator().manual_seed(0)
            wrong = found = 0
            for _ in range(given.comparisons):
                predicted, target = simulate(scene, TEST_SAMPLES[test], generator)
                better = shown_better(given.figure, predicted, target, taken=scene.taken)
                wrong += any(better[:-1] if scene.gain else better)
                found += better[-1]
            share = f"{100 * found / given.comparisons:7.1f}" if scene.gain else ""
            print(f"{name:42} {test:20} {100 * wrong / given.comparisons:6.1f}{share}", flush=True)


if __name__ == "__main__":
    main()
