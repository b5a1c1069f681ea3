from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_imbalance.synthesis.generator import ConditionalBatchNorm, ImageGenerator, TableGenerator, sides


@pytest.mark.parametrize("size", [4, 5, 8, 16, 28, 30, 32, 64])
def test_images_have_the_size_that_was_asked_for(size):
    images = ImageGenerator(size, 3, 2, latent_size=4, width=2)(torch.randn(2, 4), torch.tensor([0, 1]))

    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1


def test_the_sides_double_from_4_pixels_or_more():
    assert [sides(size) for size in (4, 7, 8, 16, 28, 64)] == [
        [4],
        [4, 7],
        [4, 8],
        [4, 8, 16],
        [4, 7, 14, 28],
        [4, 8, 16, 32, 64],
    ]


@pytest.mark.parametrize("generator", [ImageGenerator(8, 1, 3, 4, 2), TableGenerator(5, 3, 4, 8)])
def test_every_parameter_of_the_classes_in_the_batch_gets_a_gradient(generator):
    generator(torch.randn(6, 4), torch.tensor([0, 2] * 3)).square().sum().backward()

    for name, parameter in generator.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    norm = next(module for module in generator.modules() if isinstance(module, ConditionalBatchNorm))
    assert norm.shift.weight.grad[1].abs().sum() == 0
    assert (norm.shift.weight.grad[[0, 2]].abs().sum(1) > 0).all()


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 3)])
def test_conditional_batch_norm_is_batch_norm_at_first_and_scales_by_class_then(shape):
    inputs, labels = torch.randn(shape), torch.tensor([0, 1, 1, 0, 1, 0])
    layer = ConditionalBatchNorm(4, num_classes=2)
    reference = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(4, affine=False)(inputs)

    torch.testing.assert_close(layer(inputs, labels), reference)

    layer.scale.weight.data[1], layer.shift.weight.data[1] = 3.0, -1.0
    expected = torch.where((labels == 1).view(-1, *[1] * (len(shape) - 1)), 3 * reference - 1, reference)
    torch.testing.assert_close(layer(inputs, labels), expected)
