"""Images in one folder a class: listing the files, reading one.

Listing opens no image. Hidden folders and files (``.ipynb_checkpoints``, ``._photo.jpg``) are no classes and no images.
The order is that of torchvision's ``ImageFolder``, which is not imported: who only counts need not wait for it.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

# torchvision's.
IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

_MODES = {1: "L", 3: "RGB"}


class FolderImages(Dataset[tuple[Any, int]]):
    """The images of a folder that holds one folder a class.

    Args:
        root: The folder. Images may lie in sub-folders of the class folders.
        class_names: The classes, in the order of their indices, whose folders must be there and may be empty. By
            default the class folders in alphabetical order, each of which must hold an image.
        channels: 3 reads images in colour (RGB), 1 in grey.
        transform: From a ``PIL.Image.Image`` to what the dataset gives; by default the image itself.

    Attributes:
        samples: Path and class index of every image.
        classes: The names of the classes.
        root: The folder.

    Raises:
        ValueError: The folder is missing, has fewer than two class folders, other class folders than ``class_names``,
            or a class folder without an image.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         (Path(root) / name).mkdir()
        ...         Image.new("RGB", (4, 4)).save(Path(root) / name / "1.png")
        ...     images = FolderImages(root)
        >>> images.classes, len(images), images.class_labels()
        (['cat', 'dog'], 2, tensor([0, 1]))
    """

    def __init__(
        self,
        root: str | Path,
        class_names: Sequence[str] | None = None,
        channels: int = 3,
        transform: Callable[[Image.Image], Any] | None = None,
    ) -> None:
        self.root = Path(root)
        found = class_folders(self.root)
        if class_names is None:
            _check_classes(found, self.root)
        else:
            _check_same_classes(found, class_names, self.root)
        self.classes = list(found if class_names is None else class_names)
        left_out: Counter[str] = Counter()
        self.samples: list[tuple[str, int]] = []
        for label, name in sorted(enumerate(self.classes), key=lambda entry: entry[1]):
            for folder, file in _files(self.root / name):
                if _is_image(file):
                    self.samples.append((os.path.join(folder, file), label))  # noqa: PTH118  # a Path a file is slow
                elif not file.startswith("."):
                    left_out[os.path.splitext(file)[1].lower() or "no ending"] += 1  # noqa: PTH122
        if left_out:
            kinds = ", ".join(f"{count:,} {ending}" for ending, count in left_out.most_common(5))
            warnings.warn(
                f"files in class folders must be images ({', '.join(IMG_EXTENSIONS)}) to be counted, got others in "
                f"{self.root}, which are left out: {kinds}.",
                stacklevel=2,
            )
        self.transform = transform
        self._channels = channels
        self._labels = torch.tensor([label for _, label in self.samples], dtype=torch.int64)
        # Of given classes a part may lack some: a rare class need not have a validation image.
        _check_images(self._labels, self.classes if class_names is None else (), self.root)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.samples[index]
        image = read_image(path, self._channels)
        return (image if self.transform is None else self.transform(image)), label

    def class_labels(self) -> Tensor:
        """Return the label of every image without opening one.

        Returns:
            Shape ``(N,)``, int64.
        """
        return self._labels

    def with_transform(self, transform: Callable[[Image.Image], Any] | None) -> FolderImages:
        """Return the same images under another transform, without listing the folder again.

        Args:
            transform: From a ``PIL.Image.Image`` to what the dataset gives.

        Returns:
            A dataset that shares the list of files.
        """
        other = copy.copy(self)
        other.transform = transform
        return other


def class_folders(root: str | Path) -> list[str]:
    """List the folders in a folder.

    Args:
        root: The folder.

    Returns:
        Their names in alphabetical order, without hidden ones and the ``__MACOSX`` of archives.

    Raises:
        ValueError: There is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        msg = f"`root` must be a folder, got {root}, which {'is a file' if root.exists() else 'does not exist'}."
        raise ValueError(msg)
    return sorted(
        entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__MACOSX"))
    )


def read_image(path: str | Path, channels: int = 3) -> Image.Image:
    """Read an image file.

    Args:
        path: The file.
        channels: 3 for colour (RGB), 1 for grey.

    Returns:
        The image, converted.

    Raises:
        OSError: The file cannot be read; the message names it.
    """
    try:
        with Image.open(path) as image:
            converted: Image.Image = image.convert(_MODES[channels])
    # Pillow's decoders raise all of these on broken files, and most of them do not name the file.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        msg = f"An image file must be readable, got {path}: {error}. Repair the file or remove it."
        raise OSError(msg) from error
    return converted


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the folder and the name of every file below a folder, in alphabetical order of both."""
    for inside, _, files in sorted(os.walk(folder, followlinks=True)):
        for file in sorted(files):
            yield inside, file


def _is_image(file: str) -> bool:
    return file.lower().endswith(IMG_EXTENSIONS) and not file.startswith(".")


def _check_classes(names: Sequence[str], root: Path) -> None:
    if len(names) < 2:
        got = f"only {names[0]!r}" if names else "no folder"
        msg = f"`root` must hold a folder of images for each of at least 2 classes, got {got} in {root}."
        raise ValueError(msg)


def _check_same_classes(names: Sequence[str], expected: Sequence[str], root: Path) -> None:
    missing = [repr(name) for name in expected if name not in names]
    unknown = [repr(name) for name in names if name not in expected]
    if missing or unknown:
        got = [f"no {', '.join(missing)}"] * bool(missing) + [f"the unknown {', '.join(unknown)}"] * bool(unknown)
        msg = (
            f"`root` must have the same class folders in every part, got {' and '.join(got)} in {root}. "
            "A class without images there needs an empty folder."
        )
        raise ValueError(msg)


def _check_images(labels: Tensor, required: Sequence[str], root: Path) -> None:
    counts = torch.bincount(labels, minlength=len(required)).tolist()
    empty = [repr(name) for name, count in zip(required, counts, strict=True) if count == 0] if required else []
    if empty or len(labels) == 0:
        where = ", ".join(empty) if empty else "any of them"
        msg = (
            f"`root` must have an image in every class folder, got none in {where} in {root}. "
            f"Images end in {', '.join(sorted(IMG_EXTENSIONS))}."
        )
        raise ValueError(msg)
