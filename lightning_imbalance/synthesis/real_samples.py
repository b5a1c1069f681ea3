"""Figures are taken on real samples: what was made for training is found in data for evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, StackDataset, Subset

from lightning_imbalance.labels.loaders import subset_of
from lightning_imbalance.labels.reading import size_of


def require_real_samples(data: object, stage: str) -> None:
    """Refuse data for evaluation that hold samples which nobody has taken.

    A data set says so itself, by an attribute ``is_synthetic`` that is true for each such sample, or by
    ``holds_synthetic_samples`` where it cannot tell which: those of this package do, and one of your own may. They are
    found within subsets, concatenations, other wrappers that keep what they wrap as ``dataset``, and dataloaders. What
    holds none but real ones of a mixed data set passes. :class:`~lightning_imbalance.WeightedClassifier`,
    :class:`~lightning_imbalance.ImbalanceMonitor` and what is fitted after training call this for validation and test
    data.

    Args:
        data: A data set, a dataloader, or a list or mapping of them.
        stage: What they are for, as the message calls it: ``"validation"``.

    Raises:
        ValueError: Some are synthetic.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Dreamt(TensorDataset):
        ...     is_synthetic = torch.tensor([False, True, True])
        >>> require_real_samples(Subset(Dreamt(torch.zeros(3)), [0]), "test")
        >>> require_real_samples([Subset(Dreamt(torch.zeros(3)), [0, 2])], "test")
        Traceback (most recent call last):
        ValueError: test data must be real samples, got a Dreamt, which holds synthetic ones. Split the data first, ...
    """
    for part in _parts(data):
        said = _said(part)
        if said is not None and bool(said.any()):
            msg = (
                f"{stage} data must be real samples, got a {type(part).__name__}, which holds synthetic ones. Split "
                "the data first, and make more of the training part alone."
            )
            raise ValueError(msg)


def synthetic_samples(dataset: Any) -> Tensor | None:
    """Say which samples of a data set are synthetic.

    Looks through ``Subset`` (and ``random_split``), ``ConcatDataset``, ``StackDataset``, and wrappers that keep a data
    set of the same length as ``dataset``.

    Args:
        dataset: Any data set.

    Returns:
        Shape ``(N,)``, bool; ``None`` where nothing says that one is.

    Raises:
        ValueError: ``is_synthetic`` has not one entry a sample.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Dreamt(TensorDataset):
        ...     is_synthetic = torch.tensor([False, False, True])
        >>> synthetic_samples(Subset(Dreamt(torch.zeros(3)), [2, 0]))
        tensor([ True, False])
    """
    said = _said(dataset)
    if said is not None:
        return said if said.ndim else said.expand(size_of(dataset) or 0)
    if isinstance(dataset, Subset):
        inner = synthetic_samples(dataset.dataset)
        return None if inner is None else inner[torch.as_tensor(dataset.indices, dtype=torch.int64)]
    if isinstance(dataset, ConcatDataset):
        return _joined(dataset)
    if isinstance(dataset, StackDataset):
        masks = [mask for part in _stacked(dataset) if (mask := synthetic_samples(part)) is not None]
        return torch.stack(masks).any(0) if masks else None
    wrapped = getattr(dataset, "dataset", None)
    same = wrapped is not None and wrapped is not dataset and size_of(wrapped) == size_of(dataset)
    return synthetic_samples(wrapped) if same else None


def _said(dataset: Any) -> Tensor | None:
    """Return what a data set itself says, sample by sample or, with shape ``()``, of all of them."""
    mask = getattr(dataset, "is_synthetic", None)
    if mask is None:
        return torch.tensor(True) if getattr(dataset, "holds_synthetic_samples", False) is True else None
    said = torch.as_tensor(mask, dtype=torch.bool).cpu()
    if said.shape != (len(dataset),):
        msg = (
            f"`is_synthetic` of a data set must have one entry for each of its {len(dataset)} samples, got shape "
            f"{tuple(said.shape)}."
        )
        raise ValueError(msg)
    return said


def _joined(dataset: ConcatDataset[Any]) -> Tensor | None:
    masks = [synthetic_samples(part) for part in dataset.datasets]
    if all(mask is None for mask in masks):
        return None
    real = (torch.zeros(size_of(part) or 0, dtype=torch.bool) for part in dataset.datasets)
    return torch.cat([none if mask is None else mask for mask, none in zip(masks, real, strict=True)])


def _stacked(dataset: StackDataset[Any]) -> list[Any]:
    parts: Any = dataset.datasets
    return list(parts.values() if isinstance(parts, Mapping) else parts)


def _real_alone(part: Any) -> bool:
    """Say whether a subset or a dataloader is known to hold none but real samples of what it is taken from."""
    if isinstance(part, DataLoader):
        mask, chosen = synthetic_samples(part.dataset), subset_of(part)
        mask = mask if mask is None or chosen is None else mask[chosen]
    else:
        mask = synthetic_samples(part) if isinstance(part, Subset) else None
    return mask is not None and not mask.any()


def _parts(data: Any) -> Iterator[Any]:
    """Give everything that data are made of, each thing once."""
    seen: set[int] = set()
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen or _real_alone(part):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, ConcatDataset):
            waiting += part.datasets
        elif isinstance(part, StackDataset):
            waiting += _stacked(part)
        elif isinstance(part, (list, tuple)) and not (part and isinstance(part[0], (torch.Tensor, int, float, str))):
            # A list of samples has no dataloaders in it, and may be long.
            waiting += part[:100]
        else:
            waiting.append(getattr(part, "dataset", None))
