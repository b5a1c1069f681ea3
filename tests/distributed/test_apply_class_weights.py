"""Weights for somebody else's criterion: the same in every process, in the plain mean that DDP takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lightning_imbalance import ClassDistribution, class_weights

pytestmark = pytest.mark.xdist_group("processes")


def part(target: list[int], seed: int) -> TensorDataset:
    return TensorDataset(
        torch.randn(len(target), 3, generator=torch.Generator().manual_seed(seed)), Tensor(target).long()
    )


def gradient_by_hand(parts: list[TensorDataset], weights: Tensor) -> list[Tensor]:
    """The mean over the processes of each one's weighted mean, in the first step of the network that they begin with."""
    torch.manual_seed(0)
    network = nn.Linear(3, 3)
    total = [torch.zeros_like(parameter) for parameter in network.parameters()]
    for each in parts:
        inputs, target = each.tensors
        per_sample = -network(inputs).log_softmax(1)[range(len(target)), target]
        mean = (weights[target] * per_sample).sum() / weights[target].sum()
        total = [
            a + b / len(parts) for a, b in zip(total, torch.autograd.grad(mean, network.parameters()), strict=True)
        ]
    return total


@pytest.mark.parametrize(
    ("targets", "counts", "warnings"),
    [
        pytest.param([[0, 0, 1, 2], [0, 0, 1, 2]], [2, 1, 1], 0, id="the same data"),
        pytest.param([[0, 0, 0, 1, 2], [0, 1, 2, 2, 2]], [3, 1, 1], 1, id="other splits"),
    ],
)
def test_every_process_weights_by_the_counts_of_rank_0(targets, counts, warnings, crew):
    parts = [part(target, seed) for seed, target in enumerate(targets)]
    weights = class_weights(ClassDistribution(counts))

    first, second = crew(2).run("apply_weights", parts, len(targets[0]))

    for result in (first, second):
        assert result["counts"] == counts
        assert result["in_force"] == result["restored"] == weights.tolist()
        (step,) = result["gradients"]
        for mine, expected in zip(step, gradient_by_hand(parts, weights), strict=True):
            torch.testing.assert_close(mine, expected)
    assert [len(result["warned"]) for result in (first, second)] == [warnings, 0]


def test_the_checkpoint_of_two_processes_loads_into_the_module_alone(crew):
    first, second = crew(2).run("apply_weights", [part([0, 0, 1, 2], 0), part([0, 0, 1, 2], 1)], 2)

    for name in ("parameters", "loaded"):
        assert all(torch.equal(*pair) for pair in zip(first[name], second[name], strict=True))
    assert all(torch.equal(*pair) for pair in zip(first["parameters"], first["loaded"], strict=True))
