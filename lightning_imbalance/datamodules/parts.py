"""What all datamodules here do: make their parts once, and hand them out in batches."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset


class Parts(NamedTuple):
    """What a datamodule hands out.

    Attributes:
        train: The training part.
        val: The validation part.
        test: The test part, or ``None``.
        class_names: One name a class.

    Example:
        >>> Parts(train=[], val=[], test=None, class_names=["cat", "dog"]).class_names
        ['cat', 'dog']
    """

    train: Dataset[Any]
    val: Dataset[Any]
    test: Dataset[Any] | None
    class_names: list[str]


class PartsDataModule(L.LightningDataModule):
    """Base of the datamodules here: a subclass says in :meth:`make_parts` what the parts are.

    Args:
        batch_size: Samples in a batch.
        num_workers: Processes that load batches; 0 loads them in the main process.
        seed: Seed of every draw that decides which sample is in which part. The order of the training samples follows
            torch's global seed (``lightning.seed_everything``).

    Raises:
        ValueError: A number is too small.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Points(PartsDataModule):
        ...     def make_parts(self):
        ...         data = TensorDataset(torch.eye(2), torch.tensor([0, 1]))
        ...         return Parts(train=data, val=data, test=None, class_names=["left", "right"])
        >>> Points(batch_size=2, num_workers=0, seed=0).num_classes
        2
    """

    def __init__(self, batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        for name, value, lowest in (("batch_size", batch_size, 1), ("num_workers", num_workers, 0)):
            if value < lowest:
                msg = f"`{name}` must be at least {lowest}, got {value}."
                raise ValueError(msg)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed

    @abstractmethod
    def make_parts(self) -> Parts:
        """Find the data and split them. Called once, when they are first needed."""

    @cached_property
    def parts(self) -> Parts:
        """The parts, made when first asked for."""
        return self.make_parts()

    @property
    def class_names(self) -> list[str]:
        """One name a class, in the order of the labels."""
        return self.parts.class_names

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def setup(self, stage: str | None = None) -> None:  # noqa: ARG002
        """Make the parts, unless they are made already.

        Args:
            stage: Not used: every stage needs the same split.
        """
        _ = self.parts

    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of the training part, shuffled."""
        return self._loader(self.parts.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return batches of the validation part."""
        return self._loader(self.parts.val)

    def test_dataloader(self) -> DataLoader[Any]:
        """Return batches of the test part.

        Raises:
            ValueError: There is no test part.
        """
        if self.parts.test is None:
            msg = "`test_fraction` must be above 0 to test where there is no test/ folder, got 0."
            raise ValueError(msg)
        return self._loader(self.parts.test)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return batches of the test part: nobody has trained on it, nor chosen anything by it.

        Raises:
            ValueError: There is no test part.
        """
        return self.test_dataloader()

    def _loader(self, dataset: Dataset[Any], *, shuffle: bool = False) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
