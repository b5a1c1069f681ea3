"""The labels of any dataset, where they are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from lightning_imbalance.labels import containers, huggingface, torchvision
from lightning_imbalance.labels.arrays import as_labels, is_array, select
from lightning_imbalance.labels.batch import target_of
from lightning_imbalance.labels.column import Column, NotSeparable, target_transform_of
from lightning_imbalance.labels.names import as_names, class_names
from lightning_imbalance.labels.registry import reader_of
from lightning_imbalance.labels.value import Labels


def read(dataset: Any, *, indices: Tensor | Sequence[int] | None = None) -> Labels | None:
    """Read the labels of a dataset without opening a sample.

    The first of these that applies decides:

    1. a reader given to :func:`register` for its class;
    2. its own method ``class_labels()``, which gives the final labels, one a sample (as a :class:`Labels`, or a
       tensor, array or list);
    3. labels themselves (a tensor, array, list or pandas column), and lists of ``(inputs, target)`` samples;
    4. torch's containers, part by part; Hugging Face datasets; torchvision's datasets;
    5. an attribute ``targets`` or ``labels`` of any other map-style dataset, if it has one entry a sample. It is
       taken for what the samples carry, before ``target_transform`` if there is one.

    A subclass of a known dataset that overrides ``__getitem__`` may change its labels: only 1 and 2 apply to it.

    Args:
        dataset: The dataset.
        indices: Read only these samples, in this order, shape ``(M,)``; by default all of them.

    Returns:
        The labels, or None where only a scan can tell.

    Raises:
        TypeError: The dataset has no class labels, or what it offers are none.
        ValueError: It offers another number of labels than it has samples, or an index is outside it.

    Example:
        >>> from torch.utils.data import Subset, TensorDataset
        >>> dataset = TensorDataset(torch.zeros(3, 8), torch.tensor([2, 0, 1]))
        >>> read(Subset(dataset, [1, 1, 0])).values
        tensor([0, 0, 2])
    """
    chosen = None if indices is None else torch.as_tensor(indices, dtype=torch.int64)
    reader = reader_of(dataset)
    if reader is not None:
        return _offered(dataset, reader(dataset), f"the registered reader of {type(dataset).__name__}", chosen)
    own = getattr(dataset, "class_labels", None)
    if callable(own):
        return _offered(dataset, own(), f"`{type(dataset).__name__}.class_labels()`", chosen)
    if isinstance(dataset, Labels):
        return _chosen(dataset, chosen)
    return _in_memory(dataset, chosen) if is_array(dataset) else _by_kind(dataset, chosen)


def _by_kind(dataset: Any, indices: Tensor | None) -> Labels | None:
    if containers.matches(dataset):
        return containers.read(dataset, indices, read)
    if huggingface.matches(dataset):
        return huggingface.read(dataset, indices)
    if torchvision.matches(dataset):
        return torchvision.read(dataset, indices)
    if isinstance(dataset, Mapping):
        keys = ", ".join(map(repr, dataset)) or "none"
        msg = f"`dataset` must be one dataset, got a {type(dataset).__name__} with keys {keys}."
        raise TypeError(msg)
    return _attribute(dataset, indices)


def _offered(dataset: Any, offer: Any, source: str, indices: Tensor | None) -> Labels | None:
    if offer is None:
        return None
    if isinstance(offer, Labels):
        labels = Labels(as_labels(offer.values), None if offer.class_names is None else tuple(offer.class_names))
    else:
        labels = Labels(as_labels(offer), class_names(dataset))
    size = size_of(dataset)
    if size is not None and len(labels.values) != size:
        msg = f"{source} must give one label a sample, {size}, got {len(labels.values)}."
        raise ValueError(msg)
    return _chosen(labels, indices)


def _chosen(labels: Labels, indices: Tensor | None) -> Labels:
    return labels if indices is None else Labels(select(labels.values, indices), labels.class_names)


def _in_memory(values: Any, indices: Tensor | None) -> Labels:
    if isinstance(values, (list, tuple)) and len(values) > 0 and _is_sample(values[0]):
        return Labels(as_labels([target_of(sample) for sample in _picked(values, indices)]))
    return _chosen(Labels(as_labels(values), _names_in_table(values)), indices)


def _names_in_table(values: Any) -> tuple[str, ...] | None:
    """Find class names in pandas: the categories of a Series, the columns of a DataFrame."""
    categories = getattr(getattr(values, "dtype", None), "categories", None)
    columns: Any = getattr(values, "columns", ())
    if categories is not None:
        return as_names(categories)
    return as_names(columns) if len(columns) > 1 else None


def _picked(values: Any, indices: Tensor | None) -> Any:
    return values if indices is None else select(values, indices)


def _is_sample(entry: object) -> bool:
    """Tell a sample (inputs, target) from a row of numbers."""
    if isinstance(entry, Mapping):
        return True
    return isinstance(entry, (tuple, list)) and len(entry) == 2 and not all(isinstance(v, (int, float)) for v in entry)


def _attribute(dataset: Any, indices: Tensor | None) -> Labels | None:
    size = size_of(dataset)
    if size is None or isinstance(dataset, IterableDataset) or not hasattr(type(dataset), "__getitem__"):
        return None
    for name in ("targets", "labels"):
        values: Any = getattr(dataset, name, None)
        if not is_array(values) or len(values) != size:
            continue
        try:
            stored = values if isinstance(values, (Tensor, list, tuple)) else as_labels(values)
            column = Column(stored, class_names(dataset), target_transform=target_transform_of(dataset))
            if column.target_transform is None:
                return column.labels(indices)
        except (NotSeparable, TypeError):
            continue
        return column.labels(indices)
    return None


def size_of(dataset: Any) -> int | None:
    """Return the number of samples, None where a dataset cannot tell.

    Example:
        >>> size_of(["first", "second"])
        2
    """
    try:
        return len(dataset)
    except (TypeError, NotImplementedError, AttributeError):
        return None
