"""Images changed the more, the rarer their class is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imbalance import labels as reading
from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels.batch import INPUT_KEYS, described, keys_among, target_of
from lightning_imbalance.parameters import positive, share

Transform = Callable[[Any], Any]


class MinorityAugmentation(Dataset[Any]):
    r"""Wraps a training data set, and augments the samples of a class the more, the rarer it is.

    A class with n of the :math:`n_{max}` samples that the largest has gets the strength

    .. math:: s = s_{min} + (s_{max} - s_{min}) \, (1 - (n / n_{max})^p),

    by default 0 for the largest, and near one half for one of very few. What a strength means is one of two:

    - ``transform``: a transform that a sample goes through with the probability s. By default :func:`shifted`: turned,
      moved and scaled a little;
    - ``by_strength``: a function from s to a transform, called once a class; every sample of the class goes through
      what it returned.

    What only rare images go through is a mark of the rare classes, which a network learns before it learns what they
    look like, and which no image has that it will be used on. So half of the samples of a rare class stay as they are
    unless ``max_strength`` says otherwise, and ``min_strength`` augments the others too. Augmentation makes the task
    harder: give it a longer fit, and compare on validation data.

    Repeats of a rare sample, by an oversampling sampler, then are different images. Split first and wrap the training
    part: :class:`~lightning_imbalance.WeightedClassifier` refuses to be evaluated on it.

    Args:
        dataset: The training data, with samples ``(input, class index)`` or mappings with one usual input and target
            key. Only the input is changed.
        transform: Takes and returns an input, such as a transform of ``torchvision.transforms.v2``.
        by_strength: A function from a strength above 0 and up to 1 to such a transform.
        power: p, above 0: below 1 the classes between are augmented less, above 1 more.
        min_strength: Strength of the largest class, from 0 on.
        max_strength: Strength that a class of nearly no samples has, up to 1.
        distribution: The classes; by default those of ``dataset`` are counted, without opening a sample where labels
            are at hand.

    Attributes:
        strengths: Strength of each class, shape ``(C,)``, float64. A class without samples has that of the rarest.
        holds_synthetic_samples: True: data for evaluation must not be augmented.

    Raises:
        TypeError: A transform cannot be called, or a sample has another form.
        ValueError: An argument is out of its range, both kinds of transform are given, a sample has several labels, or
            no class would be augmented.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> dataset = TensorDataset(torch.rand(100, 3, 8, 8), torch.tensor([0] * 80 + [1] * 16 + [2] * 4))
        >>> train = MinorityAugmentation(dataset)
        >>> train.strengths
        tensor([0.0000, 0.4000, 0.4750], dtype=torch.float64)
        >>> bool(torch.equal(train[0][0], dataset[0][0]))
        True
    """

    holds_synthetic_samples = True

    def __init__(
        self,
        dataset: Any,
        transform: Transform | None = None,
        *,
        by_strength: Callable[[float], Transform] | None = None,
        power: float = 1.0,
        min_strength: float = 0.0,
        max_strength: float = 0.5,
        distribution: ClassDistribution | None = None,
    ) -> None:
        for name, value in (("transform", transform), ("by_strength", by_strength)):
            if value is not None and not callable(value):
                msg = f"`{name}` must be a function, got {value!r}."
                raise TypeError(msg)
        if transform is not None and by_strength is not None:
            msg = "`transform` must be left out with `by_strength`, which makes one for each class, got both."
            raise ValueError(msg)
        power = positive("power", power)
        if share("min_strength", min_strength) > share("max_strength", max_strength):
            msg = f"`min_strength` must be at most `max_strength`, got {min_strength} and {max_strength}."
            raise ValueError(msg)
        self.dataset = dataset
        self.distribution = ClassDistribution.from_dataset(dataset) if distribution is None else distribution
        if self.distribution.task == "multilabel":
            msg = 'samples must have one label each, got a distribution for `task="multilabel"`.'
            raise ValueError(msg)
        self.strengths = rarity_strengths(self.distribution, power, min_strength, max_strength)
        if not self.strengths.any():
            msg = (
                "a class must be rarer than another for its samples to be augmented, got "
                f"{listed(self.distribution.counts.tolist())} samples. Augment all with `min_strength`."
            )
            raise ValueError(msg)
        self._transform = shifted() if transform is None and by_strength is None else transform
        strengths = self.strengths.tolist()
        self._by_class = [by_strength(s) if by_strength is not None and s else None for s in strengths]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        sample = self.dataset[index]
        label = int(target_of(sample))
        if not 0 <= label < len(self.strengths):
            msg = f"labels must be class indices from 0 to {len(self.strengths) - 1}, got {label}."
            raise ValueError(msg)
        if self._transform is None:
            transform = self._by_class[label]
        else:
            # torch's generator is another one in each worker and each epoch.
            transform = self._transform if torch.rand(()).item() < self.strengths[label].item() else None
        if transform is None:
            return sample
        if isinstance(sample, Mapping):
            keys = keys_among(sample, INPUT_KEYS)
            if len(keys) != 1:
                msg = f"samples must have one usual input key (image, inputs, x, ...), got {described(sample)}."
                raise TypeError(msg)
            return {**sample, keys[0]: transform(sample[keys[0]])}
        return transform(sample[0]), sample[1]

    def class_labels(self) -> reading.Labels | None:
        """Return the labels of the data set that is wrapped, without opening a sample.

        Returns:
            The labels, or ``None`` where only a scan can tell.
        """
        return reading.read(self.dataset)


def rarity_strengths(
    distribution: ClassDistribution, power: float = 1.0, min_strength: float = 0.0, max_strength: float = 0.5
) -> Tensor:
    """Return the strength of each class, see :class:`MinorityAugmentation`.

    Args:
        distribution: The classes.
        power: p, above 0.
        min_strength: Strength of the largest class.
        max_strength: Strength that a class of nearly no samples has.

    Returns:
        Shape ``(C,)``, float64. A class without samples has that of the rarest.

    Example:
        >>> rarity_strengths(ClassDistribution([100, 25, 0]), power=0.5)
        tensor([0.0000, 0.2500, 0.2500], dtype=torch.float64)
    """
    counts = distribution.counts.double()
    counts[counts == 0] = counts[counts > 0].min()
    rarity = 1 - (counts / counts.max()).pow(power)
    return min_strength + (max_strength - min_strength) * rarity


def shifted(strength: float = 0.5) -> Transform:
    """Return a transform that turns, moves and scales an image at random.

    Args:
        strength: Above 0 and up to 1. At 1 by up to 30° to either side, by up to a fifth of the size along both axes,
            and larger or smaller by up to a fifth; below in proportion. What comes in from outside is 0.

    Returns:
        torchvision's ``v2.RandomAffine``, for PIL images and tensors ``(..., H, W)``.

    Example:
        >>> shifted(0.5)(torch.rand(3, 16, 16)).shape
        torch.Size([3, 16, 16])
    """
    from torchvision.transforms import InterpolationMode, v2

    affine: Transform = v2.RandomAffine(
        degrees=30 * strength,
        translate=(strength / 5, strength / 5),
        scale=(1 - strength / 5, 1 + strength / 5),
        interpolation=InterpolationMode.BILINEAR,
    )
    return affine
