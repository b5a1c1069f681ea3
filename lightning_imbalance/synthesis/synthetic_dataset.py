"""Real and generated samples in one dataset, for training."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels import Labels, Stream, stream
from lightning_imbalance.synthesis.sample_form import inputs_like, sample_like
from lightning_imbalance.synthesis.wanted_counts import WantedCounts, wanted_counts


class Source(Protocol):
    """What makes samples: a :class:`~lightning_imbalance.synthesis.ConditionalGAN`, or anything else that can."""

    def generate(self, counts: list[int], *, seed: int) -> tuple[Tensor, Tensor]:
        """Make ``counts[c]`` samples of each class c; return inputs ``(N, ...)`` and class indices ``(N,)``."""


class SyntheticDataset(Dataset[Any]):
    """The real samples of a dataset, then generated ones of its rare classes. For training alone.

    Samples are generated once, at construction, and kept on the CPU; the source is not kept. A generated sample has the
    form of a real one: a pair (or a mapping of two keys), its inputs in the real ones' dtype, rounded to whole numbers
    where that is one of integers, and its class in the type of the real labels. A transform of the real dataset that
    augments is not applied to it: the source has learnt what came out of it.

    Validation and test data must be real. A :class:`~lightning_imbalance.WeightedClassifier`, an
    :class:`~lightning_imbalance.ImbalanceMonitor` and a :class:`~lightning_imbalance.synthesis.ConditionalGAN` look at
    :attr:`is_synthetic` of what they are evaluated on, also through ``Subset`` and ``ConcatDataset``, and raise an
    error.

    Args:
        dataset: Map-style dataset of real samples whose inputs are tensors.
        source: Has a method ``generate(counts, seed=...)``, and was made of this dataset alone: what has seen
            validation data would bring them into the training.
        counts: How many to add, as in :func:`~lightning_imbalance.synthesis.wanted_counts`: ``"balance"`` until each
            class is as large as the largest, a share of it, a mapping from class to number, or C numbers.
        seed: Given to the source.

    Attributes:
        is_synthetic: Shape ``(N,)``, bool: False for the real samples, which come first.
        classes: One name a class.
        added: How many were generated of each class, shape ``(C,)``, int64.

    Raises:
        TypeError: Samples have a form that cannot be imitated, or the source makes none.
        ValueError: The source has other classes or another shape than the dataset, or makes another number of samples
            than it was asked for; ``counts`` do not fit.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Noise:
        ...     def generate(self, counts, seed):
        ...         target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        ...         return torch.rand(len(target), 2), target
        >>> real = TensorDataset(torch.rand(4, 2), torch.tensor([0, 0, 0, 1]))
        >>> data = SyntheticDataset(real, Noise())
        >>> len(data), data.class_labels().values.tolist(), data.is_synthetic.tolist()
        (6, [0, 0, 0, 1, 1, 1], [False, False, False, False, True, True])
    """

    def __init__(self, dataset: Any, source: Source, counts: WantedCounts = "balance", *, seed: int = 0) -> None:
        if not callable(getattr(source, "generate", None)):
            msg = f"`source` must have a method `generate(counts, seed=...)`, got {type(source).__name__}."
            raise TypeError(msg)
        labels, distribution = _labels_of(dataset, source)
        self.dataset = dataset
        self.classes = list(distribution.class_names)
        self.added = wanted_counts(distribution, counts)
        self._example = dataset[0]
        inputs, target = source.generate(self.added.tolist(), seed=seed)
        inputs, target = inputs.detach().cpu(), target.detach().cpu().long()
        made = torch.bincount(target, minlength=len(self.added))
        if not torch.equal(made, self.added) or len(inputs) != len(target):
            msg = (
                f"`source` must make as many samples of each class as it is asked for, {self.added.tolist()}, "
                f"got {made.tolist()} in {len(inputs)} samples."
            )
            raise ValueError(msg)
        self.inputs = inputs_like(self._example, inputs)
        self.is_synthetic = torch.arange(len(labels) + len(target)) >= len(labels)
        self._labels = torch.cat([labels, target])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Any:
        index = range(len(self))[index]  # from the end, and an IndexError, as a list has them
        real = len(self) - len(self.inputs)
        if index < real:
            return self.dataset[index]
        label = int(self._labels[index])
        return sample_like(self._example, self.inputs[index - real], label)

    def class_labels(self) -> Labels:
        """Return the class of every sample, real ones first, which counting reads in place of the samples.

        Returns:
            Class indices, shape ``(N,)``, int64, and the names.
        """
        return Labels(self._labels, tuple(self.classes))

    def synthetic(self) -> tuple[Tensor, Tensor]:
        """Return the generated samples.

        Returns:
            Inputs ``(M, ...)`` and their classes ``(M,)``.
        """
        return self.inputs, self._labels[len(self) - len(self.inputs) :]

    def __repr__(self) -> str:
        real = len(self) - len(self.inputs)
        return f"SyntheticDataset({real:,} real and {len(self.inputs):,} generated samples)"


def _labels_of(dataset: Any, source: object) -> tuple[Tensor, ClassDistribution]:
    names, chunks, _ = stream(dataset)
    read = list(chunks)
    if not all(isinstance(chunk, Tensor) and chunk.ndim == 1 for chunk in read):
        msg = "the dataset must have one class index a sample to be added to, got labels of another form."
        raise TypeError(msg)
    made_for: ClassDistribution | None = getattr(source, "distribution", None)
    num_classes = made_for.num_classes if made_for is not None and names is None else None
    given = made_for.class_names if made_for is not None and names is None else None
    distribution = ClassDistribution.from_stream(Stream(names, iter(read)), num_classes, given)
    if made_for is not None and made_for.class_names != distribution.class_names:
        msg = (
            "`source` must be made for the classes of the dataset, got one for "
            f"{', '.join(map(repr, made_for.class_names[:10]))}; the dataset has "
            f"{', '.join(map(repr, distribution.class_names[:10]))}."
        )
        raise ValueError(msg)
    return torch.cat([torch.as_tensor(chunk).long() for chunk in read]), distribution
