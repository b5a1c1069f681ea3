"""Real and generated images side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import Subset

from lightning_imbalance.drawing import new_picture, plain, require_matplotlib, shown_name
from lightning_imbalance.synthesis.sample_form import in_memory
from lightning_imbalance.synthesis.sample_shape import check_widths
from lightning_imbalance.synthesis.synthetic_dataset import SyntheticDataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_grid(dataset: SyntheticDataset, per_class: int = 8) -> Figure:
    """Draw a row for each class: its first real images on the left, its first generated ones on the right.

    All images share one scale of grey, or of each colour, from the smallest to the largest real value.

    Args:
        dataset: Images of one channel, or of three.
        per_class: Images of each kind in a row.

    Returns:
        The figure; nothing is shown, and pyplot does not know it.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: The samples are no images of one or three channels.

    Example:
        >>> class Noise:
        ...     def generate(self, counts, seed):
        ...         return torch.rand(sum(counts), 1, 8, 8), torch.ones(sum(counts), dtype=torch.int64)
        >>> from torch.utils.data import TensorDataset
        >>> real = TensorDataset(torch.rand(4, 1, 8, 8), torch.tensor([0, 0, 0, 1]))
        >>> picture_grid(SyntheticDataset(real, Noise()), per_class=3)
        <Picture size ... with 4 Axes>
    """
    require_matplotlib("picture_grid")
    check_widths(per_class=per_class)
    inputs, target = dataset.synthetic()
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3):
        msg = f"samples must be images of 1 or 3 channels to be drawn, got shape {tuple(inputs.shape[1:])}."
        raise ValueError(msg)
    labels = dataset.class_labels().values
    real_labels = torch.as_tensor(labels)[~dataset.is_synthetic]
    figure = new_picture(per_class * 1.2 + 1, len(dataset.classes) * 0.6 + 0.6, "picture_grid")
    axes = figure.subplots(len(dataset.classes), 2, squeeze=False)
    chosen = [(real_labels == label).nonzero().flatten()[:per_class].tolist() for label in range(len(dataset.classes))]
    shown = [in_memory(Subset(dataset, indices))[0].float() if indices else inputs[:0].float() for indices in chosen]
    everything = torch.cat(shown)
    low, high = everything.amin((0, 2, 3)), everything.amax((0, 2, 3))
    for row, (name, real) in enumerate(zip(dataset.classes, shown, strict=True)):
        fake = inputs[target == row][:per_class]
        for column, images in enumerate((real, fake)):
            axis = axes[row, column]
            axis.imshow(_strip(images, per_class, low, high).numpy(), cmap="gray", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)  # a frame would show where no image is
        axes[row, 0].set_ylabel(shown_name(name), rotation=0, ha="right", va="center", **plain)
    axes[0, 0].set_title("real")
    axes[0, 1].set_title("generated")
    return figure


def _strip(images: Tensor, per_class: int, low: Tensor, high: Tensor) -> Tensor:
    """Join images from left to right, from 0 to 1, filled up with white; ``(H, W)`` or ``(H, W, 3)``."""
    _, channels, height, width = images.shape
    strip = torch.ones(channels, height, per_class * (width + 1) - 1)
    low, span = low.view(-1, 1, 1), (high - low).clamp_min(1e-6).view(-1, 1, 1)
    for place, image in enumerate(images.float()):
        strip[:, :, place * (width + 1) :][:, :, :width] = ((image - low) / span).clamp(0, 1)
    return strip[0] if channels == 1 else strip.movedim(0, -1)
