"""A network that is the mean of another one's recent states."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    r"""Exponential moving average of a network's parameters and buffers: used where the network itself is trained.

    After update t the weight of what was there before is :math:`\min(d, (1 + t) / (10 + t))`, so that the first states,
    those of an untrained network, are soon forgotten. Buffers such as the means of a batch norm are averaged too, since
    they belong to the parameters; whole numbers are copied. What it returns is that of evaluation mode, and its
    parameters take no gradients.

    Args:
        network: What is averaged; copied, not kept.
        decay: d, from 0 (a copy) to below 1.

    Attributes:
        updates: Buffer, number of updates, int64.

    Example:
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> _ = nn.init.zeros_(layer.weight)
        >>> average = MovingAverage(layer, decay=0.0)
        >>> _ = nn.init.ones_(layer.weight)
        >>> average.update(layer)
        >>> average(torch.ones(1, 1))
        tensor([[1.]])
    """

    updates: Tensor

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's present state, without waiting for its device."""
        self.updates += 1
        new = 1 - ((1 + self.updates) / (10 + self.updates)).clamp_max(self.decay)
        mine, others = (
            {**dict(each.named_parameters()), **dict(each.named_buffers())} for each in (self.network, network)
        )
        for name, other in others.items():
            if other.is_floating_point():
                mine[name].lerp_(other, new.to(other.dtype))
            else:
                mine[name].copy_(other)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return what the averaged network makes of the inputs, in evaluation mode."""
        # Only now: Lightning warns of modules that are in evaluation mode when a fit starts.
        mode = self.network.training
        outputs: Tensor = self.network.eval()(*inputs)
        self.network.train(mode)
        return outputs
