"""Figures are taken on real samples: what was made for training is found in data for evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import ConcatDataset, StackDataset


def require_real_samples(data: object, stage: str) -> None:
    """Refuse data for evaluation that hold samples which nobody has taken.

    A data set says so itself, by an attribute ``holds_synthetic_samples`` that is true: those of this package do, and
    one of your own may. It is found within subsets, concatenations, other wrappers that keep what they wrap as
    ``dataset``, and dataloaders. :class:`~lightning_imbalance.WeightedClassifier` calls this for its validation and
    test data.

    Args:
        data: A data set, a dataloader, or a list or mapping of them.
        stage: What they are for, as the message calls it: ``"validation"``.

    Raises:
        ValueError: Some are synthetic.

    Example:
        >>> from torch.utils.data import Subset, TensorDataset
        >>> class Dreamt(TensorDataset):
        ...     holds_synthetic_samples = True
        >>> require_real_samples([Subset(Dreamt(torch.zeros(3)), [0, 2])], "test")
        Traceback (most recent call last):
        ValueError: test data must be real samples, got a Dreamt, which holds synthetic ones. Split the data first, ...
    """
    for part in _parts(data):
        if getattr(part, "holds_synthetic_samples", False) is True:
            msg = (
                f"{stage} data must be real samples, got a {type(part).__name__}, which holds synthetic ones. Split "
                "the data first, and make more of the training part alone."
            )
            raise ValueError(msg)


def _parts(data: Any) -> Iterator[Any]:
    """Give everything that data are made of, each thing once."""
    seen: set[int] = set()
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, (ConcatDataset, StackDataset)):
            inner: Any = part.datasets
            waiting += inner.values() if isinstance(inner, Mapping) else inner
        elif isinstance(part, (list, tuple)) and not (part and isinstance(part[0], (torch.Tensor, int, float, str))):
            # A list of samples has no dataloaders in it, and may be long.
            waiting += part[:100]
        else:
            waiting.append(getattr(part, "dataset", None))
