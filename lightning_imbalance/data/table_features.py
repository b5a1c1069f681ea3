"""From the columns of a table to the numbers that a network reads, with nothing learnt outside the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from lightning_imbalance.checks import listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Missing = Literal["error", "median"]


@dataclass(frozen=True)
class Numeric:
    """A column of numbers: standardised, and filled with the median where the training rows lack some.

    Attributes:
        name: The name of the column.
        mean: Mean of the training rows, filled.
        scale: Their standard deviation, or 1 where all are alike.
        median: Their median.
        flagged: Whether a second feature says where the value was missing.
    """

    name: str
    mean: float
    scale: float
    median: float
    flagged: bool

    def features(self, column: Series[Any]) -> list[Any]:
        """Return one array, or two where missing values are flagged."""
        values = _as_numbers(column)
        missing = np.isnan(values)
        standard = (np.where(missing, self.median, values) - self.mean) / self.scale
        return [standard, missing.astype(float)] if self.flagged else [standard]


@dataclass(frozen=True)
class Categorical:
    """A column of words, one feature for each word of the training rows.

    A word that they do not have, and a missing one, are 0 in all of them.

    Attributes:
        name: The name of the column.
        words: The words of the training rows, sorted.
    """

    name: str
    words: tuple[str, ...]

    def features(self, column: Series[Any]) -> list[Any]:
        """Return one array of 0 and 1 for each word."""
        values = column.astype(object).where(column.notna(), None).map(str, na_action="ignore").to_numpy(dtype=object)
        return [(values == word).astype(float) for word in self.words]


@dataclass(frozen=True)
class TableFeatures:
    """What makes features of a table: fitted once, on the training rows alone.

    Attributes:
        columns: How each column is read.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"age": [20, 40, 60], "sex": ["f", "m", "f"]})
        >>> features = TableFeatures.fit(frame, training=torch.tensor([0, 1]))
        >>> features.names
        ('age', 'sex=f', 'sex=m')
        >>> features(frame)
        tensor([[-1.,  1.,  0.],
                [ 1.,  0.,  1.],
                [ 3.,  1.,  0.]])
    """

    columns: tuple[Numeric | Categorical, ...]

    @classmethod
    def fit(
        cls, frame: DataFrame, training: Tensor, missing: Missing = "error", max_categories: int = 100
    ) -> TableFeatures:
        """Learn means, medians and words from the training rows.

        Args:
            frame: The columns, without that of the classes.
            training: The training rows, int64.
            missing: ``"error"`` refuses missing numbers anywhere in the table; ``"median"`` fills them with the median
                of the training rows, and adds a feature that says where, for columns whose training rows lack some.
            max_categories: The most words that a column may have; each becomes a feature.

        Returns:
            The features.

        Raises:
            ValueError: There are no columns, a number is missing or infinite, a column has no value in the training
                rows, has too many words, or holds neither numbers nor words.
        """
        if frame.shape[1] == 0:
            msg = "a table must have a column beside that of the classes, got none."
            raise ValueError(msg)
        rows = training.numpy()
        columns = [
            _numeric(frame[name], rows, missing)
            if _holds_numbers(frame[name])
            else _categorical(frame[name], rows, max_categories)
            for name in frame.columns
        ]
        return cls(tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """One name a feature: of the column, with ``=word`` or ``is missing`` where it has several."""
        names: list[str] = []
        for column in self.columns:
            if isinstance(column, Categorical):
                names += [f"{column.name}={word}" for word in column.words]
            else:
                names += [column.name, f"{column.name} is missing"] if column.flagged else [column.name]
        return tuple(names)

    def __call__(self, frame: DataFrame) -> Tensor:
        """Return the features of rows.

        Args:
            frame: A table with the columns that were fitted.

        Returns:
            Shape ``(N, F)``, float32.
        """
        arrays = [array for column in self.columns for array in column.features(frame[column.name])]
        return torch.from_numpy(np.stack(arrays, axis=1)).float()


def _holds_numbers(column: Series[Any]) -> bool:
    from pandas.api import types

    if types.is_numeric_dtype(column.dtype):  # booleans too
        return True
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        msg = (
            f"the columns of a table must hold numbers or words, got {str(column.name)!r} of type {column.dtype}. Make "
            "numbers of it, for example the days since a date, or leave it out with `drop`."
        )
        raise ValueError(msg)
    return False


def _as_numbers(column: Series[Any]) -> Any:
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _numeric(column: Series[Any], rows: Any, missing: Missing) -> Numeric:
    name, values = str(column.name), _as_numbers(column)
    lacking = int(np.isnan(values).sum())
    if np.isinf(values).any():
        msg = f"the numbers of a table must be finite, got an infinite one in {name!r}."
        raise ValueError(msg)
    if lacking and missing == "error":
        msg = (
            f"the numbers of a table must not be missing, got {lacking:,} of {len(values):,} rows without one in "
            f'{name!r}. Pass `missing="median"` to fill them with the median of the training rows, or drop the column.'
        )
        raise ValueError(msg)
    known = values[rows]
    flagged = bool(np.isnan(known).any())
    if np.isnan(known).all():
        msg = f"a column must have a value in some training row, got none in {name!r}. Leave it out with `drop`."
        raise ValueError(msg)
    median = float(np.nanmedian(known))
    filled = np.where(np.isnan(known), median, known)
    spread = float(filled.std())
    return Numeric(name, float(filled.mean()), spread if spread > 0 else 1.0, median, flagged)


def _categorical(column: Series[Any], rows: Any, max_categories: int) -> Categorical:
    name, known = str(column.name), column.iloc[rows].dropna()
    words = sorted({str(value) for value in known.unique()})
    if not words:
        msg = f"a column must have a value in some training row, got none in {name!r}. Leave it out with `drop`."
        raise ValueError(msg)
    if len(words) > max_categories:
        msg = (
            f"a column of words must have at most {max_categories} different ones, got {len(words):,} in {name!r} "
            f"({listed(words[:3])}, ...). Leave it out with `drop`, or allow more with `max_categories`."
        )
        raise ValueError(msg)
    return Categorical(name, tuple(words))
