"""Datamodules to start from: scikit-learn's digits made long-tailed, and the user's own folder of images.

Both decide their split once, from ``seed`` alone, and open no image before a batch is asked for. This module imports
torchvision, so the package does not import it: ``from lightning_imbalance.datamodules import ImageFolderDataModule``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from lightning_imbalance.data.digits import Digits
from lightning_imbalance.data.image_parts import check_fractions, image_parts
from lightning_imbalance.data.image_transforms import image_transform
from lightning_imbalance.data.long_tail import Kind, check_profile, long_tailed
from lightning_imbalance.data.split import stratified_split

_IMAGE_SIZE = 64


class Parts(NamedTuple):
    """What a datamodule hands out.

    Attributes:
        train: The training part.
        val: The validation part.
        test: The test part, or ``None``.
        class_names: One name a class.
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

    def _loader(self, dataset: Dataset[Any], *, shuffle: bool = False) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )


class DigitsDataModule(PartsDataModule):
    """scikit-learn's handwritten digits: a long-tailed training part, balanced validation and test parts.

    The validation and the test part are split off first, by class, and have the same number of every digit. The rest is
    thinned out until it is long-tailed; 0 is the most frequent digit and 9 the rarest. By default 98 to 4 samples of
    a digit are left to train on, 26 validate and 52 test it.

    Args:
        imbalance_ratio: Largest count over smallest count of the training part, 1 (balanced) or more.
        kind: ``"exponential"`` or ``"step"``, see :func:`lightning_imbalance.data.long_tailed_counts`.
        batch_size: Samples in a batch: images ``(B, 1, 8, 8)``, float32 from 0 to 1, and labels ``(B,)``, int64.
        seed: Seed of the split and of the thinning.
        val_fraction: Share of all digits that validate, between 0 and 1.
        test_fraction: Share of all digits that test, between 0 and 1.
        num_workers: Processes that load batches; 0, since the images are in memory.

    Raises:
        ValueError: An argument is out of its range; in ``setup``, the ratio is more than the training part allows.
        ModuleNotFoundError: In ``setup``: scikit-learn is not installed.

    Example:
        >>> digits = DigitsDataModule(imbalance_ratio=10)
        >>> digits.num_classes
        10
        >>> images, labels = next(iter(digits.train_dataloader()))
        >>> tuple(images.shape), tuple(labels.shape)
        ((32, 1, 8, 8), (32,))
    """

    def __init__(
        self,
        imbalance_ratio: float = 20.0,
        kind: Kind = "exponential",
        batch_size: int = 32,
        seed: int = 0,
        val_fraction: float = 0.15,
        test_fraction: float = 0.3,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_profile(imbalance_ratio, kind)
        check_fractions(val_fraction, test_fraction)
        self.imbalance_ratio = imbalance_ratio
        self.kind: Kind = kind
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction

    def make_parts(self) -> Parts:
        """Split the digits, even out two parts and thin out the third."""
        digits = Digits()
        fractions = [1 - self.val_fraction - self.test_fraction, self.val_fraction, self.test_fraction]
        train, val, test = stratified_split(digits.labels, fractions, seed=self.seed)

        def profiled(part: Tensor, ratio: float, kind: Kind = "exponential") -> Dataset[Any]:
            kept = part[long_tailed(digits.labels[part], ratio, kind, seed=self.seed, num_classes=len(digits.classes))]
            return Subset(digits, kept.tolist())

        return Parts(
            train=profiled(train, self.imbalance_ratio, self.kind),
            val=profiled(val, 1.0),
            test=profiled(test, 1.0),
            class_names=digits.classes,
        )


class ImageFolderDataModule(PartsDataModule):
    """A folder of images, with or without folders for training, validation and test.

    With ``train/`` in ``root``, its class folders are the training data, and ``val/`` (or ``valid/``, ``validation/``)
    and ``test/`` are used where they exist. Otherwise the class folders in ``root`` itself are the training data.
    A part that has no folder of its own is split off the training data by class.

    Args:
        root: The folder. Class folders in it give the class names, in alphabetical order.
        batch_size: Samples in a batch: images ``(B, channels, H, W)``, float32, and labels ``(B,)``, int64.
        image_size: Height and width in pixels to which images are resized (64 if not given), one number for both.
        num_workers: Processes that load batches; 0 loads them in the main process.
        val_fraction: Share of the training data that validates, between 0 and 1 (0.15 if not given). Not with ``val/``.
        test_fraction: The same for the test part; 0 for none. Not with ``test/``.
        imbalance_ratio: Thin the training part out until its largest count is this multiple of its smallest; the first
            class becomes the largest. By default it stays as it is.
        kind: ``"exponential"`` or ``"step"``, see :func:`lightning_imbalance.data.long_tailed_counts`.
        seed: Seed of the split and of the thinning.
        channels: 3 for colour, 1 for grey.
        train_transform: From a ``PIL.Image.Image`` to a tensor, in place of resizing, flipping half of the images
            and normalising (colour by ImageNet's mean and standard deviation, grey to -1 ... 1).
        eval_transform: The same for validation and test, in place of resizing and normalising.

    Raises:
        ValueError: An argument is out of its range or cannot take effect. In ``setup``: the folder is missing, has
            fewer than two classes, a class without an image, or parts with different classes; a part would be empty.
        OSError: While batches are read: an image cannot be read; the message names the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         (Path(root) / name).mkdir()
        ...         for index in range(10):
        ...             Image.new("RGB", (40, 30)).save(Path(root) / name / f"{index}.png")
        ...     photos = ImageFolderDataModule(root, batch_size=8, image_size=32)
        ...     images, labels = next(iter(photos.val_dataloader()))
        >>> photos.class_names, tuple(images.shape)
        (['cat', 'dog'], (4, 3, 32, 32))
    """

    def __init__(
        self,
        root: str | Path,
        batch_size: int = 32,
        image_size: int | tuple[int, int] | None = None,
        num_workers: int = 0,
        *,
        val_fraction: float | None = None,
        test_fraction: float | None = None,
        imbalance_ratio: float | None = None,
        kind: Kind = "exponential",
        seed: int = 0,
        channels: int = 3,
        train_transform: Callable[[Image.Image], Tensor] | None = None,
        eval_transform: Callable[[Image.Image], Tensor] | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_profile(1.0 if imbalance_ratio is None else imbalance_ratio, kind)
        if kind != "exponential" and imbalance_ratio is None:
            msg = f"`imbalance_ratio` must be given with `kind`, got None with kind={kind!r}."
            raise ValueError(msg)
        check_fractions(val_fraction, test_fraction, test_may_be_empty=True)
        if image_size is not None and train_transform is not None and eval_transform is not None:
            msg = (
                f"`image_size` must be left out when both transforms are given, got {image_size!r}. They set the size."
            )
            raise ValueError(msg)
        self.root = Path(root)
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.imbalance_ratio = imbalance_ratio
        self.kind: Kind = kind
        self.channels = channels
        size = _IMAGE_SIZE if image_size is None else image_size
        self.train_transform = train_transform or image_transform(size, channels, augment=True)
        self.eval_transform = eval_transform or image_transform(size, channels)

    def make_parts(self) -> Parts:
        """List the images, split off the parts that have no folder and thin out the training part."""
        found = image_parts(self.root, self.val_fraction, self.test_fraction, seed=self.seed, channels=self.channels)
        train = found.train
        if self.imbalance_ratio is not None:
            classes = len(train.classes)
            kept = long_tailed(train.labels, self.imbalance_ratio, self.kind, seed=self.seed, num_classes=classes)
            train = train.keep(kept)
        return Parts(
            train=train.dataset(self.train_transform),
            val=found.val.dataset(self.eval_transform),
            test=None if found.test is None else found.test.dataset(self.eval_transform),
            class_names=train.classes,
        )
