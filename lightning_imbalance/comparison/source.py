"""From what a user names as the data to a datamodule whose parts are the same for every run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, SequentialSampler, Subset
from typing_extensions import override

from lightning_imbalance.data.split import stratified_split
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels import huggingface, stream, training_loader
from lightning_imbalance.labels.huggingface import pairs
from lightning_imbalance.samplers.loaders import drawn_from, with_sampler
from lightning_imbalance.sources import open_source

Source = L.LightningDataModule | Dataset[Any] | str | Path | Callable[[], L.LightningDataModule | Dataset[Any]]

_SPLIT_SEED = 0


def datamodule_of(source: Source, target: str | None = None) -> L.LightningDataModule:
    """Return the datamodule that a user means.

    Args:
        source: A LightningDataModule, a data set, or a function that makes one; or what
            :func:`lightning_imbalance.sources.read_source` takes: a folder of images, a table, a data set of
            torchvision or Hugging Face on disk, or ``package.module:name``.
        target: The column of the classes of a table, or of a data set of Hugging Face.

    Returns:
        The datamodule, not set up.

    Raises:
        TypeError: It is something else.
        ValueError: There is no such source, or a target is missing or of no use.

    Example:
        >>> Path("photos").mkdir()
        >>> datamodule_of("photos/").root
        PosixPath('photos')
    """
    if not isinstance(source, (str, Path)):
        if target is not None:
            msg = f"`target` must be left out unless the source is a path, got {target!r} for {_kind(source)}."
            raise ValueError(msg)
        return _from_object(source() if callable(source) and not _is_data(source) else source)
    opened = open_source(source, target)
    # They import torchvision, which the package does not.
    from lightning_imbalance.datamodules import DatasetDataModule, ImageFolderDataModule, TabularDataModule

    if opened.kind == "images":
        return ImageFolderDataModule(opened.data)
    if opened.kind == "table":
        return TabularDataModule(opened.data, str(target))
    if opened.kind == "python":
        return _from_object(opened.data)
    if opened.kind == "torchvision":
        return DatasetDataModule(**opened.data)
    return DatasetDataModule(**{name: pairs(part, target) for name, part in opened.data.items()})


def _from_object(made: Any) -> L.LightningDataModule:
    if isinstance(made, L.LightningDataModule):
        return made
    if not _is_data(made):
        msg = (
            "`source` must be a LightningDataModule, a data set with an index for each sample, a function that makes "
            f"one, or a path, got {_kind(made)}."
        )
        raise TypeError(msg)
    from lightning_imbalance.datamodules import DatasetDataModule

    return DatasetDataModule(pairs(made) if huggingface.matches(made) else made)


def _is_data(source: object) -> bool:
    """Tell a datamodule or a data set from a function that makes one, and from plain values."""
    if isinstance(source, (type, list, tuple, Mapping, Tensor)):
        return False
    return isinstance(source, L.LightningDataModule) or all(
        hasattr(type(source), name) for name in ("__getitem__", "__len__")
    )


def _kind(value: object) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _of_the_one_inside(name: str) -> Any:
    return property(lambda self: getattr(self.datamodule, name), doc="As the datamodule inside.")


class FixedParts(L.LightningDataModule):
    """A datamodule that is set up once, so that every run trains, chooses and is judged on the same samples.

    Without a test part, half of the validation part becomes it, class by class.

    Args:
        datamodule: The datamodule. It must have one training and one validation loader.

    Attributes:
        distribution: The classes of the training part.
        target: The classes of the test samples in the order of the loader, shape ``(N,)``.
        val_target: Those of the validation samples.
        notes: What a reader of the figures must know of the parts.

    Raises:
        TypeError: A part has no loader, several, or no labels.
        ValueError: The test samples come in no fixed order, or are none.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> data = TensorDataset(torch.randn(40, 2), torch.tensor([0, 1] * 20))
        >>> parts = FixedParts(L.LightningDataModule.from_datasets(data, val_dataset=data))
        >>> len(parts.target), parts.notes
        (20, ('no test part was given: half of the validation part, drawn by class, is the test part',))
    """

    def __init__(self, datamodule: L.LightningDataModule) -> None:
        super().__init__()
        self.datamodule = datamodule
        self.notes: tuple[str, ...] = ()
        self._train_data: Any = None
        self._source: tuple[Source, str | None] | None = None
        with isolate_rng():
            # A datamodule may draw its split from torch's global generator.
            torch.manual_seed(_SPLIT_SEED)
            datamodule.prepare_data()
            datamodule.setup("fit")
            self.distribution = ClassDistribution.from_datamodule(_SetUp(datamodule))
            val = _loader(datamodule, "val_dataloader")
            if val is None:
                msg = f"`source` must have validation data, which choose the epoch, got {_name(datamodule)} without."
                raise TypeError(msg)
            datamodule.setup("test")
            test = _loader(datamodule, "test_dataloader")
        self._halves: tuple[Any, Any] | None = None
        if test is None:
            self._halves = halves = _halved(val)
            val, test = (with_sampler(val, half, SequentialSampler(half)) for half in halves)
            self.notes = ("no test part was given: half of the validation part, drawn by class, is the test part",)
        self.val_target, self.target = (_labels(loader, self.distribution.num_classes) for loader in (val, test))
        if not isinstance(test.sampler, SequentialSampler):
            msg = (
                "`test_dataloader()` must give the samples in the same order each time (`shuffle=False`), got "
                f"{type(test.sampler).__name__}."
            )
            raise ValueError(msg)  # noqa: TRY004  # a loader of the right type, with another setting

    @classmethod
    def of(cls, source: Source, target: str | None = None) -> FixedParts:
        """Return the parts of what a user named.

        Args:
            source: As for :func:`datamodule_of`.
            target: The same.
        """
        parts = cls(datamodule_of(source, target))
        parts._source = source, target
        return parts

    @override
    def __reduce_ex__(self, protocol: Any) -> Any:
        # A function or a path is sent to another process in place of what it stands for, and makes the same parts.
        if self._source is None or isinstance(self._source[0], L.LightningDataModule):
            return super().__reduce_ex__(protocol)
        return FixedParts.of, self._source

    @override
    def prepare_data(self) -> None:
        """Do nothing: the data are there."""

    @override
    def setup(self, stage: str | None = None) -> None:
        """Do nothing: the parts are fixed."""

    @override
    def train_dataloader(self) -> Any:
        """Return the training loader."""
        loader = self.datamodule.train_dataloader()
        if self._train_data is None:
            return loader
        # Drawn without replacement, as `shuffle=True` does.
        return with_sampler(loader, self._train_data, torch.utils.data.RandomSampler(self._train_data))

    @override
    def val_dataloader(self) -> Any:
        """Return the validation loader."""
        return self._part("val_dataloader", 0)

    @override
    def test_dataloader(self) -> Any:
        """Return the test loader."""
        return self._part("test_dataloader", 1)

    def describe(self) -> dict[str, str]:
        """Return classes and samples in words: parts of the same data that were split in the same way have the same."""
        return {
            "classes": repr(list(self.distribution.class_names)),
            "training samples": repr(self.distribution.counts.tolist()),
            "validation samples": _samples(self.val_target),
            "test samples": _samples(self.target),
        }

    def with_training_data(self, change: Callable[[Any, int], Any], seed: int) -> FixedParts:
        """Return the same parts with another training data set.

        Args:
            change: Makes it out of the one that there is and a seed.
            seed: The seed.

        Returns:
            New parts; these stay as they are.
        """
        changed = object.__new__(FixedParts)
        changed.__dict__.update(self.__dict__)
        changed._train_data = change(drawn_from(self.datamodule.train_dataloader()), seed)
        return changed

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class."""
        return self.distribution.class_names

    transfer_batch_to_device = _of_the_one_inside("transfer_batch_to_device")
    on_before_batch_transfer = _of_the_one_inside("on_before_batch_transfer")
    on_after_batch_transfer = _of_the_one_inside("on_after_batch_transfer")

    def _part(self, name: str, half: int) -> Any:
        if self._halves is None:
            return _loader(self.datamodule, name)
        part = self._halves[half]
        return with_sampler(self.datamodule.val_dataloader(), part, SequentialSampler(part))


class _SetUp:
    """A datamodule that counting does not set up again."""

    def __init__(self, datamodule: L.LightningDataModule) -> None:
        self.train_dataloader = lambda: training_loader(datamodule, setup=False)
        self.class_names = getattr(datamodule, "class_names", None)


def _loader(datamodule: L.LightningDataModule, name: str) -> DataLoader[Any] | None:
    """Return the one loader of a part, ``None`` where there is none."""
    try:
        loader: Any = getattr(datamodule, name)()
    except MisconfigurationException:  # Lightning's own hook, which only says that it was not overridden
        return None
    if isinstance(loader, (list, tuple)):
        if not loader:
            return None
        loader = loader[0] if len(loader) == 1 else loader
    if loader is not None and not isinstance(loader, DataLoader):
        msg = f"`{_name(datamodule)}.{name}()` must return one DataLoader, got {type(loader).__name__}."
        raise TypeError(msg)
    return loader


def _labels(loader: DataLoader[Any], num_classes: int) -> Tensor:
    chunks = [torch.as_tensor(chunk) for chunk in stream(loader).chunks]
    target = torch.cat(chunks).long() if chunks else torch.zeros(0, dtype=torch.int64)
    if target.ndim != 1 or len(target) == 0 or int(target.min()) < 0 or int(target.max()) >= num_classes:
        shape = tuple(target.shape)
        values = f" with values from {target.min()} to {target.max()}" if target.numel() else ""
        msg = (
            "validation and test data must have one class index a sample, from 0 to "
            f"{num_classes - 1}, got shape {shape}{values}."
        )
        raise ValueError(msg)
    return target


def _halved(loader: DataLoader[Any]) -> tuple[Any, Any]:
    dataset = drawn_from(loader)
    labels = torch.cat([torch.as_tensor(chunk) for chunk in stream(dataset).chunks])
    first, second = stratified_split(labels, [0.5, 0.5], seed=_SPLIT_SEED)
    return Subset(dataset, first.tolist()), Subset(dataset, second.tolist())


def _samples(target: Tensor) -> str:
    return f"{len(target)} ({digest(repr(target.tolist()))})"


def digest(text: str) -> str:
    """Return twelve characters that another text does not have.

    Example:
        >>> digest("cat")
        '77af778b51ab'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _name(datamodule: L.LightningDataModule) -> str:
    return type(datamodule).__name__
