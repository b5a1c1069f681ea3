"""Small classifiers, trained on real samples with and without generated ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imbalance.functional.logits import predicted_classes

_BATCH = 64
_LEARNING_RATE = 3e-3


class Trials(NamedTuple):
    """What R classifiers of each kind predicted.

    Attributes:
        real: Of held-out samples, trained on the real samples, shape ``(R, N)``.
        repeated: Trained on real samples alone, rare ones repeated to the shares that the generated ones bring about.
        synthetic: Trained on real and generated samples.
        of_generated: What those trained on real, repeated samples predict for the generated ones, shape ``(R, M)``.
    """

    real: Tensor
    repeated: Tensor
    synthetic: Tensor
    of_generated: Tensor


def run_trials(
    real: tuple[Tensor, Tensor],
    generated: tuple[Tensor, Tensor],
    held_out: Tensor,
    make_network: Callable[[], nn.Module],
    *,
    runs: int,
    steps: int,
    seed: int,
) -> Trials:
    """Train all of them: within a run from the same network, for the same number of steps.

    Args:
        real: Inputs and classes of the training samples.
        generated: Those of the generated samples.
        held_out: Inputs of real samples that neither the generator nor a classifier has seen.
        make_network: Makes a classifier with random weights.
        runs: R.
        steps: Optimizer steps (AdamW) of 64 samples each.
        seed: Seed of the first run; the next ones count on. torch's own generator is left alone.

    Returns:
        Their predictions.

    Example:
        >>> real = torch.randn(20, 2), torch.tensor([0, 1]).repeat(10)
        >>> generated = torch.randn(4, 2), torch.tensor([1, 1, 1, 1])
        >>> trials = run_trials(real, generated, torch.randn(7, 2), lambda: nn.Linear(2, 2), runs=2, steps=1, seed=0)
        >>> trials.real.shape, trials.of_generated.shape
        (torch.Size([2, 7]), torch.Size([2, 4]))
    """
    inputs, target = torch.cat([real[0], generated[0]]), torch.cat([real[1], generated[1]])
    is_real = torch.arange(len(target)) < len(real[1])
    together, alone = (torch.bincount(part, minlength=int(target.max()) + 1) for part in (target, real[1]))
    # Each real sample as often as the samples of its class are together.
    ways = (
        is_real.double(),
        is_real * (together / alone.clamp_min(1))[target].double(),
        torch.ones(len(target)).double(),
    )
    found: list[list[Tensor]] = [[], [], [], []]
    for run in range(seed, seed + runs):
        for way, shares in enumerate(ways):
            network = _trained(make_network, inputs, target, shares, steps, run)
            found[way].append(_predicted(network, held_out))
            if way == 1:
                found[3].append(_predicted(network, generated[0]))
    return Trials(*map(torch.stack, found))


def _trained(
    make_network: Callable[[], nn.Module], inputs: Tensor, target: Tensor, shares: Tensor, steps: int, seed: int
) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_network().train()
        optimizer = torch.optim.AdamW(network.parameters(), _LEARNING_RATE)
        # Not torch.multinomial, which ends at 2^24 samples.
        bounds = shares.cumsum(0)
        for _ in range(steps):
            drawn = torch.searchsorted(bounds, torch.rand(_BATCH, dtype=torch.float64) * bounds[-1], right=True)
            loss = F.cross_entropy(network(inputs[drawn]), target[drawn])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
            optimizer.step()
    return network


@torch.no_grad()
def _predicted(network: nn.Module, inputs: Tensor) -> Tensor:
    network.eval()
    return torch.cat([predicted_classes(network(part), "multiclass") for part in torch.split(inputs, 1024)])
