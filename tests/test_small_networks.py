"""Small networks take samples of any size."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.small_networks import SmallConvNet, small_network


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 32), (3, 65), (1, 4)])
def test_images_of_any_size_give_one_logit_a_class(channels: int, size: int) -> None:
    assert SmallConvNet(channels, num_classes=7)(torch.zeros(2, channels, size, size)).shape == (2, 7)


def test_every_parameter_gets_a_gradient() -> None:
    network = SmallConvNet(1, num_classes=3)
    network(torch.randn(4, 1, 8, 8)).square().sum().backward()

    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9), (30,), (4, 6)])
def test_there_is_a_network_for_samples_of_any_shape(shape: tuple[int, ...]) -> None:
    assert small_network(shape, 5)(torch.zeros(2, *shape)).shape == (2, 5)
    assert isinstance(small_network(shape, 5), SmallConvNet) is (len(shape) == 3)
