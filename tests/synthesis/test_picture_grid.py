from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from lightning_imbalance.synthesis import SyntheticDataset, picture_grid


class Bright:
    """Images as bright as their number."""

    def __init__(self, channels=1):
        self.channels = channels

    def generate(self, counts, *, seed):
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        bright = torch.arange(len(target)).float().view(-1, 1, 1, 1) / len(target)
        return bright.expand(-1, self.channels, 4, 5), target


def mixed(channels=1, dtype=torch.float32):
    target = torch.tensor([0] * 6 + [1] * 2)
    images = torch.linspace(0, 1, 8).view(-1, 1, 1, 1).expand(-1, channels, 4, 5)
    images = (images * 200).to(dtype) if dtype == torch.uint8 else images
    return SyntheticDataset(TensorDataset(images, target), Bright(channels))


@pytest.mark.parametrize(("channels", "colour"), [(1, ()), (3, (3,))])
def test_each_class_has_a_row_of_real_and_one_of_generated_images(channels, colour):
    figure = picture_grid(mixed(channels), per_class=3)

    axes = np.array(figure.axes).reshape(2, 2)
    assert [axis.get_title() for axis in axes[0]] == ["real", "generated"]
    assert [row[0].get_ylabel() for row in axes] == ["0", "1"]
    pictures = [[axis.images[0].get_array() for axis in row] for row in axes]
    assert all(picture.shape == (4, 3 * 6 - 1, *colour) for row in pictures for picture in row)
    assert (pictures[0][1] == 1).all()  # nothing was generated of the larger class
    generated = pictures[1][1]
    assert len({generated[0, place * 6].mean().item() for place in range(3)}) == 3
    assert (generated[:, 5] == 1).all()  # between two images
    assert len(figure.axes) == 4
    assert not any(spine.get_visible() for axis in figure.axes for spine in axis.spines.values())


def test_images_of_bytes_are_drawn():
    figure = picture_grid(mixed(dtype=torch.uint8), per_class=2)

    assert figure.axes[0].images[0].get_array().max() == 1


def test_nothing_is_shown_or_kept():
    import matplotlib.pyplot as plt

    picture_grid(mixed())

    assert plt.get_fignums() == []


def test_rows_of_a_table_cannot_be_drawn(points, oracle):
    with pytest.raises(ValueError) as error:
        picture_grid(SyntheticDataset(points([3, 1]), oracle))

    assert str(error.value) == "samples must be images of 1 or 3 channels to be drawn, got shape (2,)."


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ModuleNotFoundError) as error:
        picture_grid(mixed())

    assert str(error.value) == (
        "`picture_grid` must have matplotlib, which draws it, and it is not installed. "
        'Run: pip install "lightning-imbalance[plots]"'
    )
