from __future__ import annotations

import pytest
import torch

from lightning_imbalance.synthesis.discriminator import ImageDiscriminator, Projection, TableDiscriminator


@pytest.mark.parametrize("size", [4, 5, 8, 16, 28, 30, 32, 64])
def test_images_of_any_size_get_one_score(size):
    discriminator = ImageDiscriminator(size, 3, num_classes=2, width=2)

    assert discriminator(torch.randn(2, 3, size, size), torch.tensor([0, 1])).shape == (2,)


def test_the_score_is_that_of_all_classes_and_of_the_own_one():
    head = Projection(4, num_classes=3).eval()
    features, labels = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    expected = [
        (head.score.weight[0] @ x + head.score.bias[0] + head.class_vectors.weight[label] @ x).item()
        for x, label in zip(features, labels, strict=True)
    ]

    assert head(features, labels).tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("discriminator", "inputs"),
    [
        (ImageDiscriminator(8, 1, 3, width=4), torch.randn(6, 1, 8, 8)),
        (TableDiscriminator(5, 3, width=16), torch.randn(6, 5)),
    ],
)
def test_every_weight_has_a_largest_singular_value_of_1(discriminator, inputs):
    for _ in range(60):  # one step of the power iteration each
        discriminator(inputs, torch.arange(6) % 3)
    discriminator.eval()

    weights = [module.weight for module in discriminator.modules() if hasattr(module, "parametrizations")]
    assert len(weights) == 4
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)
