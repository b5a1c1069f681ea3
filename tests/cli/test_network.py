"""The network of the demo takes images of any size."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.cli.network import SmallConvNet


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 32), (3, 65), (1, 4)])
def test_images_of_any_size_give_one_logit_a_class(channels: int, size: int) -> None:
    assert SmallConvNet(channels, num_classes=7)(torch.zeros(2, channels, size, size)).shape == (2, 7)


def test_every_parameter_gets_a_gradient() -> None:
    network = SmallConvNet(1, num_classes=3)
    network(torch.randn(4, 1, 8, 8)).square().sum().backward()

    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())
