"""Which images of a folder train, validate and test: by folders where they exist, by a stratified split otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Subset

from lightning_imbalance.data.image_folder import FolderImages, class_folders
from lightning_imbalance.data.split import split_off

Part = Literal["train", "val", "test"]

_FOLDER_NAMES: dict[Part, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
DEFAULT_FRACTION = 0.15


class ImagePart(NamedTuple):
    """Some of the images of a folder.

    Attributes:
        images: The images of the folder.
        indices: Which of them, shape ``(N,)``, int64.
    """

    images: FolderImages
    indices: Tensor

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return self.images.classes

    @property
    def labels(self) -> Tensor:
        """The label of each image of the part, shape ``(N,)``, int64."""
        return self.images.class_labels()[self.indices]

    def keep(self, positions: Tensor) -> ImagePart:
        """Return a smaller part.

        Args:
            positions: Positions within this part.
        """
        return ImagePart(self.images, self.indices[positions])

    def dataset(self, transform: Callable[[Image.Image], Any] | None) -> Subset[tuple[Any, int]]:
        """Return the images as a dataset.

        Args:
            transform: From a ``PIL.Image.Image`` to what the dataset gives.
        """
        return Subset(self.images.with_transform(transform), self.indices.tolist())


class ImageParts(NamedTuple):
    """The images to train, validate and test on; the test part may be missing."""

    train: ImagePart
    val: ImagePart
    test: ImagePart | None


def image_parts(
    root: str | Path,
    val_fraction: float | None = None,
    test_fraction: float | None = None,
    *,
    seed: int = 0,
    channels: int = 3,
) -> ImageParts:
    """Assign the images of a folder to training, validation and test without opening one.

    Args:
        root: The folder, see :func:`part_folders`.
        val_fraction: Share of the training images that validates where no folder does, 0.15 if not given.
        test_fraction: The same for the test part; 0 for none.
        seed: Seed of the split.
        channels: 3 reads images in colour, 1 in grey.

    Returns:
        The parts. All have the classes of the training part.

    Raises:
        ValueError: The folders are not as they should be, a fraction is out of its range or given for a part that has
            a folder, or a part would be empty.
    """
    check_fractions(val_fraction, test_fraction, test_may_be_empty=True)
    folders = part_folders(root)
    train = FolderImages(folders["train"], channels=channels)
    parts: dict[str, ImagePart] = {}
    shares: dict[str, float] = {}
    asked: dict[Part, float | None] = {"val": val_fraction, "test": test_fraction}
    for part, fraction in asked.items():
        folder = folders.get(part)
        if folder is None:
            shares[part] = DEFAULT_FRACTION if fraction is None else fraction
        elif fraction is not None:
            msg = f"`{part}_fraction` must be left out where that part has a folder, got {fraction} beside {folder}."
            raise ValueError(msg)
        else:
            images = FolderImages(folder, class_names=train.classes, channels=channels)
            parts[part] = ImagePart(images, torch.arange(len(images)))
    check_fractions(shares.get("val"), shares.get("test"), test_may_be_empty=True)
    for name, indices in split_off(train.class_labels(), shares, seed, sample="image").items():
        parts[name] = ImagePart(train, indices)
    return ImageParts(parts["train"], parts["val"], parts.get("test"))


def part_folders(root: str | Path) -> dict[Part, Path]:
    """Find the folders of the training, validation and test part.

    Args:
        root: Either holds ``train``, which holds the class folders, with or without ``val`` (or ``valid``,
            ``validation``) and ``test`` beside it; or holds the class folders itself. Capitals make no difference.
            A ``test`` without class folders has no labels and is left alone.

    Returns:
        The folder of every part that has one. Class folders in ``root`` itself are the training part.

    Raises:
        ValueError: The folder is missing; it has class folders in ``val`` or ``test`` but not in ``train``; or it has
            two folders for one part.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        ...         (Path(root) / name).mkdir(parents=True)
        ...     sorted(part_folders(root))
        ['test', 'train']
    """
    root = Path(root)
    names = class_folders(root)
    folders: dict[Part, Path] = {}
    for part, accepted in _FOLDER_NAMES.items():
        # A folder called "train" that holds no folders is a class, of railway trains.
        there = [root / name for name in names if name.lower() in accepted and class_folders(root / name)]
        if len(there) > 1:
            msg = f"`root` must have one {part} folder, got {' and '.join(folder.name for folder in there)} in {root}."
            raise ValueError(msg)
        if there:
            folders[part] = there[0]
    reserved = {name for accepted in _FOLDER_NAMES.values() for name in accepted}
    if "train" not in folders and (folders or (names and {name.lower() for name in names} <= reserved)):
        msg = (
            f"`root` must hold class folders, or train/ with class folders in it, got {', '.join(names)} in {root} "
            "and no class folder in a train/."
        )
        raise ValueError(msg)
    return folders or {"train": root}


def check_fractions(
    val_fraction: float | None, test_fraction: float | None, *, test_may_be_empty: bool = False
) -> None:
    """Refuse fractions that cannot be split off.

    Args:
        val_fraction: Share of the validation part, or ``None`` for a default.
        test_fraction: Share of the test part, or ``None`` for a default.
        test_may_be_empty: A share of 0 for the test part is allowed.

    Raises:
        ValueError: A fraction is not between 0 and 1, or nothing would be left to train on.
    """
    for name, fraction, zero in (("val", val_fraction, False), ("test", test_fraction, test_may_be_empty)):
        if fraction is not None and not (0 < fraction < 1 or (zero and fraction == 0)):
            rule = "from 0 to below 1" if zero else "between 0 and 1"
            msg = f"`{name}_fraction` must be {rule}, got {fraction}."
            raise ValueError(msg)
    total = (val_fraction or 0) + (test_fraction or 0)
    if total >= 1:
        msg = f"`val_fraction` and `test_fraction` must leave something to train on, got a sum of {total:.6g}."
        raise ValueError(msg)
