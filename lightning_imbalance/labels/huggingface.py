"""Datasets of the Hugging Face library ``datasets``, recognised by their module so that it is never imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lightning_imbalance.labels.arrays import as_labels, select
from lightning_imbalance.labels.batch import INPUT_KEYS, TARGET_KEYS, keys_among
from lightning_imbalance.labels.names import as_names
from lightning_imbalance.labels.value import Labels


def matches(dataset: object) -> bool:
    """Say whether this is a dataset, or a dictionary of datasets, of Hugging Face.

    Args:
        dataset: Any object.

    Returns:
        True where a class of it comes from the package ``datasets`` and it has columns.

    Example:
        >>> matches({"label": [0, 1]})
        False
    """
    modules = {cls.__module__.partition(".")[0] for cls in type(dataset).__mro__}
    return "datasets" in modules and hasattr(dataset, "column_names")


def read(dataset: Any, indices: Tensor | None = None) -> Labels | None:
    """Read the label column, without decoding any other.

    Args:
        dataset: A dataset for which :func:`matches` is true.
        indices: The samples, shape ``(M,)``, int64; by default all of them.

    Returns:
        The labels, or None where only a scan can tell: a stream, a mask that is an image, or a transform set with
        ``set_transform``, which may change the labels.

    Raises:
        TypeError: This is a dictionary of splits, or no or several columns look like labels.

    Example:
        >>> from datasets import Dataset
        >>> read(Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]})).values
        tensor([1, 0])
    """
    if isinstance(dataset, Mapping):
        splits = list(dataset)
        msg = (
            f"`dataset` must be one dataset, got a {type(dataset).__name__} with splits "
            f"{', '.join(map(repr, splits))}. Choose one, for example `dataset[{splits[0]!r}]`."
            if splits
            else f"`dataset` must be one dataset, got an empty {type(dataset).__name__}."
        )
        raise TypeError(msg)
    shown = getattr(dataset, "format", None)
    if shown is None or shown["type"] == "custom":
        return None
    column = _label_column(type(dataset).__name__, shown["columns"], dataset.features)
    if not _is_plain(dataset.features[column]):
        return None
    values = dataset.with_format("numpy", columns=[column])[:][column] if len(dataset) else []
    return Labels(as_labels(values if indices is None else select(values, indices)), class_names(dataset))


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """Read the names that the label column's ``ClassLabel`` gives.

    Args:
        dataset: A dataset or stream for which :func:`matches` is true.

    Returns:
        The name of each class index, or None where no such column says.

    Example:
        >>> from datasets import ClassLabel, Dataset, Features
        >>> features = Features({"label": ClassLabel(names=["cat", "dog"])})
        >>> class_names(Dataset.from_dict({"label": [1, 0]}, features=features))
        ('cat', 'dog')
    """
    features = getattr(dataset, "features", None)
    columns = _label_columns(features or (), features)
    if len(columns) != 1 or features is None:
        return None
    feature = features[columns[0]]
    return as_names(getattr(getattr(feature, "feature", feature), "names", None))


def pairs(dataset: Any, target: str | None = None) -> Any:
    """Keep what a classifier is trained on: the inputs as ``"input"``, the classes as ``"label"``.

    Args:
        dataset: A dataset for which :func:`matches` is true.
        target: The column of the classes; by default the one that looks like labels.

    Returns:
        A dataset with two columns. The inputs are the one column with a usual name (``image``, ``pixel_values``, ...),
        or else the one of images, or else the one of lists of numbers.

    Raises:
        TypeError: No column or several look like inputs, or like labels.

    Example:
        >>> from datasets import Dataset
        >>> pairs(Dataset.from_dict({"id": [7], "points": [[0.5, 1.0]], "label": [1]}))[0]
        {'input': [0.5, 1.0], 'label': 1}
    """
    names = list(dataset.column_names)
    column = target or _label_column(type(dataset).__name__, names, dataset.features)
    others = [name for name in names if name != column]
    kinds = {name: type(dataset.features[name]).__name__ for name in others}
    ways = (
        keys_among([name for name in others if kinds[name] != "Value"], INPUT_KEYS),
        [name for name in others if kinds[name] == "Image"],
        [name for name in others if kinds[name] in {"Sequence", "List", "LargeList"}],
    )
    found = next((way for way in ways if way), [])
    if len(found) != 1:
        msg = (
            "`dataset` must have one column of images or of lists of numbers beside the classes, got "
            f"{', '.join(map(repr, found or others)) or 'none'}. Keep one with `select_columns(...)`; if each number "
            "has a column of its own, write a table with `to_parquet(...)`."
        )
        raise TypeError(msg)
    return dataset.select_columns([found[0], column]).rename_columns({found[0]: "input", column: "label"})


def _label_column(kind: str, shown: list[str], features: Mapping[str, Any]) -> str:
    columns = _label_columns(shown, features)
    if len(columns) == 1:
        return columns[0]
    msg = (
        f"`dataset` must have exactly one column that holds labels (label, labels, target, ...), got a {kind} with "
        f"{', '.join(map(repr, columns or shown))}. Name it with `rename_column(..., 'label')`, drop the others with "
        "`remove_columns(...)`, or count the column itself: `ClassDistribution.from_labels(dataset[...])`."
    )
    raise TypeError(msg)


def _label_columns(shown: Any, features: Mapping[str, Any] | None) -> list[str]:
    """Find the columns with a usual name, or else those of type ClassLabel."""
    named = keys_among(shown, TARGET_KEYS)
    return named or [name for name in shown if features is not None and type(features[name]).__name__ == "ClassLabel"]


def _is_plain(feature: object) -> bool:
    """Say whether the column holds numbers or strings, or lists of them, rather than pictures to decode."""
    inner = getattr(feature, "feature", feature)
    return type(inner).__name__ in {"Value", "ClassLabel", "Array2D", "Array3D"}
