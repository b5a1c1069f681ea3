"""Training passes of a network as CUDA graphs: launching a small network's kernels costs more than running them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def replay_training(network: nn.Module, batch: Tensor) -> None:
    """Let training passes of whole batches replay a graph that is recorded here.

    Batches of another shape (the last one of an epoch) and evaluation run as before. A graph does what was recorded,
    whatever is frozen later: a training with a second stage does without.

    Args:
        network: On the device. Its parameters and statistics stay what they are.
        batch: One of the shape to record, on the device; under autocast to bfloat16, as it will be trained.
    """
    before = copy.deepcopy(network.state_dict())
    eager = network.forward
    # Autocast may not keep the weights that it has cast from one pass for the next: they change in between.
    with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
        torch.cuda.make_graphed_callables(network, (batch,))
    network.load_state_dict(before)  # the passes before the recording moved the statistics
    recorded = network.forward

    def forward(images: Tensor) -> Tensor:
        logits: Tensor = (recorded if images.shape == batch.shape else eager)(images)
        return logits

    network.forward = forward
