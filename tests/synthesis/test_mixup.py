from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import v2

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import Mixup

DISTRIBUTION = ClassDistribution([60, 30, 5])
TARGET = torch.tensor([0, 2, 1, 0, 0])


def slowly(inputs, target, own):
    """Each sample with the one before it, one number after another."""
    pairs = [(index, (index - 1) % len(inputs)) for index in range(len(inputs))]
    mixed = [own * inputs[i] + (1 - own) * inputs[j] for i, j in pairs]
    shares = [[own * (target[i] == c) + (1 - own) * (target[j] == c) for c in range(3)] for i, j in pairs]
    return torch.stack(mixed), torch.tensor(shares)


@pytest.mark.parametrize("shape", [(5, 4), (5, 3, 6, 6), (5, 7, 2), (5,)], ids=["table", "images", "series", "numbers"])
def test_it_is_the_weighted_mean_of_each_sample_and_the_one_before(shape):
    inputs = torch.randn(shape)

    torch.manual_seed(8)
    mixed, shares = Mixup(alpha=0.7).adapt(DISTRIBUTION)(inputs, TARGET)
    torch.manual_seed(8)
    own = float(torch.distributions.Beta(torch.tensor([0.7]), torch.tensor([0.7])).sample())

    expected = slowly(inputs, TARGET, own)
    torch.testing.assert_close(mixed, expected[0])
    torch.testing.assert_close(shares, expected[1])


def test_it_is_torchvisions():
    inputs = torch.randn(5, 3, 6, 6)

    torch.manual_seed(8)
    ours = Mixup(alpha=0.2).adapt(DISTRIBUTION)(inputs, TARGET)
    torch.manual_seed(8)
    theirs = v2.MixUp(alpha=0.2)(inputs, F.one_hot(TARGET, 3).float())

    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
