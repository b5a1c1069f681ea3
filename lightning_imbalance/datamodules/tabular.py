"""The user's own table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from lightning_imbalance.checks import listed
from lightning_imbalance.data.image_parts import check_fractions
from lightning_imbalance.data.split import stratified_split
from lightning_imbalance.data.table_features import Missing, TableFeatures
from lightning_imbalance.data.table_file import classes_of, read_table
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule
from lightning_imbalance.labels import Labels

if TYPE_CHECKING:
    from pandas import DataFrame


class TableRows(TensorDataset):
    """Rows of a table as features and class indices.

    Args:
        features: Shape ``(N, F)``, float32.
        labels: Shape ``(N,)``, int64.
        class_names: One name a class.

    Example:
        >>> TableRows(torch.zeros(2, 3), torch.tensor([1, 0]), ("no", "yes")).class_labels().class_names
        ('no', 'yes')
    """

    def __init__(self, features: Tensor, labels: Tensor, class_names: Sequence[str]) -> None:
        super().__init__(features, labels)
        self.classes = tuple(class_names)

    def class_labels(self) -> Labels:
        """Return the class of each row.

        Returns:
            Shape ``(N,)``, int64, and the names of the classes.
        """
        return Labels(self.tensors[1], self.classes)


class TabularDataModule(PartsDataModule):
    """A table, split into training, validation and test rows by class.

    Numbers are standardised by mean and standard deviation of the training rows, words become one feature of 0 and 1
    each (one-hot): a word that the training rows do not have, or a missing one, is 0 in all of them. Nothing is
    learnt from the rows that validate or test.

    Args:
        data: A file (``.csv``, also compressed, ``.tsv``, ``.parquet``) or a pandas DataFrame.
        target: The column of the classes: words, whole numbers or booleans. Its values, sorted, are the class names;
            those of a pandas categorical keep their order.
        batch_size: Samples in a batch: features ``(B, F)``, float32, and labels ``(B,)``, int64.
        num_workers: Processes that load batches; 0, since the table is in memory.
        val_fraction: Share of the rows that validates, between 0 and 1.
        test_fraction: Share of the rows that tests; 0 for none.
        missing: ``"error"`` refuses missing numbers, ``"median"`` fills them with the median of the training rows and
            adds a feature that says where.
        drop: Columns to leave out, such as ids.
        max_categories: The most different words that a column may have.
        seed: Seed of the split.

    Raises:
        ModuleNotFoundError: In ``setup``: pyarrow or pandas is not installed.
        ValueError: An argument is out of its range. In ``setup``: a column is missing, a row has no class, the classes
            are none, a column cannot be made numbers of, or a part would be empty.

    Example:
        >>> import pandas as pd
        >>> paid = ["yes"] * 15 + ["no"] * 5
        >>> loans = pd.DataFrame({"amount": range(20), "kind": ["car", "house"] * 10, "paid": paid})
        >>> table = TabularDataModule(loans, target="paid", batch_size=4)
        >>> table.class_names, table.feature_names
        (['no', 'yes'], ('amount', 'kind=car', 'kind=house'))
        >>> features, labels = next(iter(table.train_dataloader()))
        >>> tuple(features.shape), tuple(labels.shape)
        ((4, 3), (4,))
    """

    def __init__(
        self,
        data: str | Path | Any,  # a DataFrame; LightningCLI would have to import pandas to know it
        target: str,
        batch_size: int = 32,
        num_workers: int = 0,
        *,
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        missing: Missing = "error",
        drop: Sequence[str] = (),
        max_categories: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_fractions(val_fraction, test_fraction, test_may_be_empty=True)
        if missing not in ("error", "median"):
            msg = f"`missing` must be 'error' or 'median', got {missing!r}."
            raise ValueError(msg)
        if max_categories < 1:
            msg = f"`max_categories` must be at least 1, got {max_categories}."
            raise ValueError(msg)
        if isinstance(drop, str) or target in drop:
            what = f"the string {drop!r}" if isinstance(drop, str) else f"{target!r}, which is the target"
            msg = f"`drop` must be a list of columns to leave out, got {what}."
            raise ValueError(msg)
        self.data = data
        self.target = target
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.missing: Missing = missing
        self.drop = tuple(drop)
        self.max_categories = max_categories

    @cached_property
    def _read(self) -> tuple[DataFrame, Labels, tuple[Tensor, ...]]:
        frame: DataFrame = read_table(self.data, self.target) if isinstance(self.data, (str, Path)) else self.data
        names = list(map(str, frame.columns))
        frame = frame.set_axis(names, axis="columns")
        for argument, columns in (("target", [self.target]), ("drop", self.drop)):
            for column in columns:
                if names.count(column) != 1:
                    nearest = difflib.get_close_matches(column, names, n=1, cutoff=0.5)
                    hint = f" Did you mean {nearest[0]!r}?" if nearest and nearest[0] != column else ""
                    msg = f"`{argument}` must name one column of the table ({listed(names)}), got {column!r}.{hint}"
                    raise ValueError(msg)
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            msg = f"the columns of a table must have different names, got {listed(repeated)} more than once."
            raise ValueError(msg)
        labels = classes_of(frame[self.target], self.target)
        return frame.drop(columns=[self.target, *self.drop]), labels, self._split(torch.as_tensor(labels.values))

    def _split(self, labels: Tensor) -> tuple[Tensor, ...]:
        shares = [1 - self.val_fraction - self.test_fraction, self.val_fraction]
        shares += [self.test_fraction] * (self.test_fraction > 0)
        parts = stratified_split(labels, shares, seed=self.seed)
        for name, part in zip(("train", "val", "test"), parts, strict=False):
            if len(part) == 0:
                msg = f"the table must have a row for every part, got {len(labels)} rows: the {name} part is empty."
                raise ValueError(msg)
        return parts

    @cached_property
    def features(self) -> TableFeatures:
        """What makes features of rows, fitted on the training rows: for rows that come later, too."""
        frame, _, (training, *_) = self._read
        return TableFeatures.fit(frame, training, self.missing, self.max_categories)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature."""
        return self.features.names

    def make_parts(self) -> Parts:
        """Read the table, split its rows, and make features of them."""
        frame, labels, indices = self._read
        inputs, target = self.features(frame), torch.as_tensor(labels.values)
        names = labels.class_names or ()
        train, val, *test = [TableRows(inputs[rows], target[rows], names) for rows in indices]
        return Parts(train=train, val=val, test=test[0] if test else None, class_names=list(names))
