"""Rows of numbers and their labels, out of whatever holds them and back into the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels import Labels, read
from lightning_imbalance.labels.batch import described

Integers = Literal["round", "float"]


class ResampledDataset(TensorDataset):
    """Features and labels after resampling, as :func:`resample` returns them for a data set.

    Args:
        features: Shape ``(N, ...)``.
        labels: Shape ``(N,)``.
        is_added: Whether each sample was added, shape ``(N,)``, bool: made of others, or repeated. ``None`` where the
            method does not say.
        class_names: One name a class, where known.

    Attributes:
        holds_synthetic_samples: Whether any was; data for evaluation must have none.

    Example:
        >>> data = ResampledDataset(torch.zeros(3, 2), torch.tensor([0, 1, 1]), torch.tensor([False, False, True]))
        >>> len(data), data.holds_synthetic_samples
        (3, True)
    """

    def __init__(
        self, features: Tensor, labels: Tensor, is_added: Tensor | None, class_names: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(features, labels)
        self.is_added = is_added
        self.holds_synthetic_samples = is_added is None or bool(is_added.any())
        self.classes = class_names

    def class_labels(self) -> Labels:
        """Return the label of every sample, and the names of the classes.

        Returns:
            Shape ``(N,)``.
        """
        return Labels(self.tensors[1], self.classes)


class Rows(Protocol):
    """Rows that a sampler can work on."""

    features: Any
    labels: Any  # an array, one entry a row
    values: list[Any]  # the label of each class
    words: list[Any]  # the columns that hold no numbers
    distribution: ClassDistribution

    def join(self, kept: Any, made: Any, labels: Any, is_added: Any, integers: Integers | None) -> Any:
        """Return the rows ``kept`` (indices) and then the ones ``made``, in the form that came in."""

    def keyed(self, counts: Any) -> Any:
        """Return numbers by class with the keys that the distribution knows."""


class TensorRows:
    """Features and labels as tensors or arrays; features of more dimensions are made rows of."""

    def __init__(self, features: Any, labels: Any, *, dataset: Any = None) -> None:
        self._dataset, self._arrays = dataset, not isinstance(features, Tensor)
        self.words: list[Any] = []
        self._features = torch.as_tensor(features).detach()
        self._labels = labels
        if len(self._features) != len(labels):
            msg = f"features and labels must be of as many rows, got {len(self._features)} and {len(labels)}."
            raise ValueError(msg)
        if self._features.is_complex():
            msg = f"features must be real numbers, got {self._features.dtype}."
            raise TypeError(msg)
        rows = self._features.reshape(len(labels), -1).cpu()
        # numpy has no bfloat16, and whole numbers must not be truncated on the way.
        self.features = (rows if rows.dtype == torch.float32 else rows.double()).numpy()
        self.labels = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
        self._names = None if dataset is None else read(dataset).class_names  # type: ignore[union-attr]  # at hand
        if self.labels.dtype.kind in "OSTU":
            self.values = sorted(set(self.labels.tolist()))
            self.distribution = ClassDistribution.from_labels(self.labels, class_names=list(map(str, self.values)))
            return
        self.distribution = ClassDistribution.from_labels(labels, class_names=self._names)
        self.values = list(range(self.distribution.num_classes))

    def keyed(self, counts: Any) -> Any:
        """Return numbers by class as they are: by name or by index."""
        return counts

    def join(self, kept: Any, made: Any, labels: Any, is_added: Any, integers: Integers | None) -> Any:
        """Return rows of the type, the shape and the device that came in."""
        old = self._features[torch.as_tensor(kept, device=self._features.device)]
        new = torch.as_tensor(made).reshape(len(made), *self._features.shape[1:]).to(self._features.device)
        if not self._features.is_floating_point():
            columns = fractional_columns(made, range(made.shape[1]))
            if columns and integers == "float":
                old, new = (part.to(torch.get_default_dtype()) for part in (old, new))
            new = whole(new.round(), columns, integers) if not old.is_floating_point() else new
        features = torch.cat([old, new.to(old.dtype)])
        values = np.concatenate([self.labels[kept], labels]).astype(self.labels.dtype)
        if self._arrays:
            return features.numpy(), values
        target = torch.as_tensor(values, dtype=self._labels.dtype, device=self._labels.device)
        if self._dataset is None:
            return features, target
        added = None if is_added is None else torch.as_tensor(is_added)
        return ResampledDataset(features, target, added, self._names)


class FrameRows:
    """A pandas table with a column of labels."""

    def __init__(self, frame: Any, target: str) -> None:
        import pandas as pd

        if target not in frame.columns:
            columns = ", ".join(map(repr, list(frame.columns)[:10]))
            msg = f"`target` must be a column of the table ({columns}), got {target!r}."
            raise ValueError(msg)
        column = frame[target]
        if column.isna().any():
            msg = f"the labels in {target!r} must not be missing, got {int(column.isna().sum())} rows without one."
            raise ValueError(msg)
        self._frame, self._target = frame, target
        self.labels = np.asarray(column)
        categories = getattr(column.dtype, "categories", None)
        self.values = sorted(set(self.labels.tolist())) if categories is None else list(categories)
        codes = pd.Index(self.values).get_indexer(self.labels)
        names = list(map(str, self.values))
        self.distribution = ClassDistribution.from_labels(codes, class_names=names)
        features = frame.drop(columns=target)
        self._whole = [name for name in features.columns if features[name].dtype.kind in "iub"]
        self.words = [name for name in features.columns if features[name].dtype.kind not in "biuf"]
        self.features = features.astype(dict.fromkeys(self._whole, "float64"))

    def keyed(self, counts: Any) -> Any:
        """Return numbers by class by the names of the labels, which may be numbers themselves."""
        return {str(key): number for key, number in counts.items()} if isinstance(counts, Mapping) else counts

    def join(self, kept: Any, made: Any, labels: Any, is_added: Any, integers: Integers | None) -> Any:
        """Return a table of the columns and the types that came in, its rows numbered anew."""
        import pandas as pd

        del is_added
        old = self._frame.iloc[kept]
        new = made.assign(**{self._target: labels})[list(self._frame.columns)] if len(made) else old.iloc[:0]
        columns = fractional_columns(made[self._whole].to_numpy(), self._whole) if len(made) else []
        types = dict(self._frame.dtypes)
        if columns and integers == "float":
            types |= dict.fromkeys(columns, np.dtype("float64"))
            old = old.astype({name: types[name] for name in columns})
        elif columns:
            new = new.assign(**{name: whole(new[name].round(), columns, integers) for name in columns})
        return pd.concat([old, new.astype(types)], ignore_index=True)


def rows_of(dataset: Any, target: str | None) -> Rows:
    """Return the rows of a data set, of a pair, or of a table.

    Args:
        dataset: A ``TensorDataset`` of features and labels or a ``Subset`` of one, a pair of tensors or of arrays, or a
            pandas DataFrame.
        target: Column of the labels in a DataFrame.

    Returns:
        The rows.

    Raises:
        TypeError: It is something else.
        ValueError: ``target`` is missing, or given where there are no columns.

    Example:
        >>> rows_of((torch.zeros(3, 2), torch.tensor([0, 1, 1])), None).distribution
        ClassDistribution([1, 2])
    """
    if hasattr(dataset, "iloc") and hasattr(dataset, "columns"):
        if target is None:
            msg = "`target` must name the column of the labels of a table, got None."
            raise ValueError(msg)
        return FrameRows(dataset, target)
    if target is not None:
        msg = f"`target` must be left out without a pandas DataFrame, got {target!r}."
        raise ValueError(msg)
    if isinstance(dataset, (tuple, list)) and len(dataset) == 2 and hasattr(dataset[0], "shape"):
        return TensorRows(*dataset)
    inner, indices = dataset, None
    while isinstance(inner, Subset):
        chosen = torch.as_tensor(inner.indices)
        indices, inner = chosen if indices is None else chosen[indices], inner.dataset
    plain = isinstance(inner, TensorDataset) and type(inner).__getitem__ is TensorDataset.__getitem__
    if not plain or len(inner.tensors) != 2:
        raise TypeError(_no_rows(dataset, inner))
    if getattr(inner, "holds_synthetic_samples", False):
        msg = "the rows must be real ones, got a data set that was resampled before. Resample the original once."
        raise ValueError(msg)
    parts = [tensor if indices is None else tensor[indices.to(tensor.device)] for tensor in inner.tensors]
    return TensorRows(*parts, dataset=dataset)


def fractional_columns(values: Any, names: Sequence[Any]) -> list[Any]:
    """Return the names of the columns that hold something else than whole numbers.

    Example:
        >>> fractional_columns(np.array([[1.0, 2.5], [2.0, 3.0]]), ["rooms", "age"])
        ['age']
    """
    fractional = (np.asarray(values) % 1 != 0).any(axis=0)
    return [name for name, between in zip(names, fractional.tolist(), strict=True) if between]


def whole(rounded: Any, columns: Sequence[Any], integers: Integers | None) -> Any:
    """Return rounded values if that was asked for, or if nothing had to be rounded.

    Args:
        rounded: The values.
        columns: The columns that had fractions.
        integers: What was asked for.

    Returns:
        The values.

    Raises:
        ValueError: Nothing was asked for, and it must be.

    Example:
        >>> whole(3.0, ["age"], "round")
        3.0
    """
    if columns and integers is None:
        shown = ", ".join(map(repr, columns[:10])) + (f", ... ({len(columns)})" if len(columns) > 10 else "")
        msg = (
            f"`integers` must be said where whole numbers are mixed, got values between them in the columns {shown}. "
            'Pass `integers="round"` for what is counted, `integers="float"` for fractions, or for codes '
            '`method="smotenc", categorical_features=[...]`.'
        )
        raise ValueError(msg)
    return rounded


def _no_rows(dataset: Any, inner: Any) -> str:
    what = "`dataset` must be a TensorDataset of features and labels, a pair of both, or a pandas DataFrame"
    if hasattr(dataset, "train_dataloader"):
        way_out = "Pass its training data alone, so that no validation sample gets into what is made."
    elif hasattr(dataset, "dataset") and not isinstance(dataset, Subset):
        way_out = "Pass the data set itself, and make the dataloader of the result."
    elif isinstance(inner, TensorDataset) and len(inner.tensors) == 2:
        way_out = "It has a `__getitem__` of its own: pass what that gives as a pair of tensors."
    else:
        way_out = "Pass what it holds as a pair of tensors."
    return f"{what}, got {described(dataset)}. {way_out}"
