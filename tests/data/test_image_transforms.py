from __future__ import annotations

import pytest
import torch
from PIL import Image

from lightning_imbalance.data.image_transforms import image_transform


@pytest.mark.parametrize(
    ("size", "channels", "shape"),
    [(8, 3, (3, 8, 8)), ((4, 10), 3, (3, 4, 10)), (8, 1, (1, 8, 8))],
)
def test_an_image_of_any_size_becomes_a_tensor_of_the_size_asked_for(size, channels, shape):
    image = Image.new("L" if channels == 1 else "RGB", (50, 31))

    tensor = image_transform(size, channels)(image)

    assert tensor.shape == shape
    assert tensor.dtype == torch.float32


def test_grey_runs_from_minus_one_to_one():
    black, white = (image_transform(2, channels=1)(Image.new("L", (2, 2), level)) for level in (0, 255))

    assert (black.unique().tolist(), white.unique().tolist()) == ([-1.0], [1.0])


def test_colour_is_normalised_by_imagenets_mean_and_standard_deviation():
    tensor = image_transform(1)(Image.new("RGB", (1, 1), (255, 0, 51)))

    expected = torch.tensor([(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225])
    torch.testing.assert_close(tensor.flatten(), expected)


def test_only_augmentation_flips():
    image = Image.new("L", (2, 1))
    image.putpixel((1, 0), 255)

    def seen(*, augment: bool) -> set[tuple[float, ...]]:
        transform = image_transform((1, 2), channels=1, augment=augment)
        return {tuple(transform(image).flatten().tolist()) for _ in range(40)}

    assert seen(augment=False) == {(-1.0, 1.0)}
    assert seen(augment=True) == {(-1.0, 1.0), (1.0, -1.0)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "`image_size` must be at least 1 pixel, got 0."),
        (((4, -1),), "`image_size` must be at least 1 pixel, got (4, -1)."),
        ((4, 2), "`channels` must be 1 (grey) or 3 (colour), got 2."),
    ],
)
def test_a_size_or_channels_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match="must") as error:
        image_transform(*arguments)

    assert str(error.value) == message
