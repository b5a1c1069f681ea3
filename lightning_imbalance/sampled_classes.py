"""How often a training dataloader draws each class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, WeightedRandomSampler

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels import read
from lightning_imbalance.labels.loaders import samplers_of
from lightning_imbalance.samplers.base import ClassSampler
from lightning_imbalance.samplers.fixed_draw import FixedDraw


def sampled_classes(loader: Any, distribution: ClassDistribution) -> Tensor | None:
    """Return the share of each class in the batches of a loader, where its sampler changes it.

    Known of the samplers of this package, and of torch's ``WeightedRandomSampler`` where labels are at hand. What
    another sampler does is not known, and taken for drawing the samples as they are.

    Args:
        loader: What is trained on; anything but a DataLoader has no sampler.
        distribution: The classes in the data.

    Returns:
        Shape ``(C,)``, float64; ``None`` where the classes are drawn as the data have them, or have no shares
        (``multilabel``).

    Raises:
        ValueError: The sampler is one for other data.

    Example:
        >>> from lightning_imbalance.samplers import ClassBalancedSampler
        >>> labels = [0] * 9 + [1]
        >>> loader = DataLoader(labels, sampler=ClassBalancedSampler(labels))
        >>> sampled_classes(loader, ClassDistribution([9, 1]))
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    if not isinstance(loader, DataLoader) or distribution.task == "multilabel":
        return None
    shares: Tensor | None = getattr(loader.dataset, "class_prior", None)
    for sampler in samplers_of(loader):
        ours = sampler.sampler if isinstance(sampler, FixedDraw) else sampler
        if isinstance(ours, ClassSampler):
            ours.check_fits(loader.dataset)
            shares = ours.class_prior
        elif isinstance(sampler, WeightedRandomSampler):
            shares = _weighted(sampler, loader, distribution)
    if shares is None:
        return None
    if len(shares) > distribution.num_classes:
        msg = (
            f"the sampler must draw the {distribution.num_classes} classes that are trained on, got one for "
            f"{len(shares)}. Make it of the training data."
        )
        raise ValueError(msg)
    shares = torch.cat([shares, shares.new_zeros(distribution.num_classes - len(shares))])
    return None if torch.allclose(shares, distribution.priors, rtol=1e-3, atol=0) else shares


def _weighted(
    sampler: WeightedRandomSampler, loader: DataLoader[Any], distribution: ClassDistribution
) -> Tensor | None:
    labels = read(loader.dataset)
    fits = labels is not None and isinstance(labels.values, Tensor) and len(labels.values) == len(sampler.weights)
    if labels is None or not isinstance(labels.values, Tensor) or not fits or not sampler.replacement:
        return None
    classes, weights = labels.values.flatten().long(), sampler.weights.double()
    inside = (classes >= 0) & (classes < distribution.num_classes)
    drawn = torch.bincount(classes[inside], weights[inside], distribution.num_classes)
    return drawn / drawn.sum()
