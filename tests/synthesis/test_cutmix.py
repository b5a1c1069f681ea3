from __future__ import annotations

import torch
import torch.nn.functional as F
from torchvision.transforms import v2

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import CutMix

DISTRIBUTION = ClassDistribution([60, 30, 5])
TARGET = torch.tensor([0, 2, 1])


def test_the_target_is_the_area_of_each_class():
    # Each image shows its class in every pixel, so that the mixture can be counted.
    images = TARGET.float().view(3, 1, 1, 1).expand(3, 1, 9, 7)
    cutmix = CutMix().adapt(DISTRIBUTION)

    for _ in range(20):
        mixed, shares = cutmix(images, TARGET)

        areas = torch.stack([(mixed == c).float().mean((1, 2, 3)) for c in range(3)], 1)
        torch.testing.assert_close(shares, areas)


def test_it_is_torchvisions():
    inputs = torch.randint(256, (3, 3, 9, 7), dtype=torch.uint8)

    torch.manual_seed(8)
    ours = CutMix(alpha=0.2).adapt(DISTRIBUTION)(inputs, TARGET)
    torch.manual_seed(8)
    theirs = v2.CutMix(alpha=0.2)(inputs, F.one_hot(TARGET, 3).float())

    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
