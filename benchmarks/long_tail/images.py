"""Long-tailed training images and a balanced test set, read once into two tensors.

The files lie as torchvision's ``ImageFolder`` has them: ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``, in a folder
or in a zip of it. Classes are in alphabetical order, which is CIFAR-10's own, and the first one is the largest.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lightning_imbalance.data import long_tailed
from lightning_imbalance.data.image_folder import IMG_EXTENSIONS


@dataclass(frozen=True)
class Files:
    """Image files by part and class.

    Attributes:
        name: What the data are called: the folder, or the zip without its ending.
        classes: The classes, in alphabetical order.
        parts: For ``train`` and ``test`` the path and the class index of each file, in alphabetical order.
        read: From the path of a file to its bytes.
    """

    name: str
    classes: tuple[str, ...]
    parts: dict[str, list[tuple[str, int]]]
    read: Callable[[str], bytes]


@dataclass(frozen=True)
class Images:
    """What a run trains and is tested on.

    Attributes:
        name: What the data are called.
        classes: The classes.
        train: ``(N, H, W, 3)``, uint8.
        train_labels: ``(N,)``, int64.
        test: ``(M, H, W, 3)``, uint8.
        test_labels: ``(M,)``, int64.
    """

    name: str
    classes: tuple[str, ...]
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def find_files(data: Path) -> Files:
    """List the images of a folder or a zip, and say plainly what is missing.

    Args:
        data: A folder with ``train/<class>/`` and ``test/<class>/``, or a zip of one.

    Returns:
        The files.

    Raises:
        SystemExit: There is nothing there, or no such folders in it.
    """
    if not data.exists():
        msg = (
            f"`--data` must be a folder with train/<class>/*.jpg and test/<class>/*.jpg, or a zip of it, got {data}, "
            "which does not exist."
        )
        raise SystemExit(msg)
    if data.is_dir():
        names = [path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()]

        def read(name: str) -> bytes:
            return (data / name).read_bytes()
    else:
        archive = zipfile.ZipFile(data)
        names, read = archive.namelist(), archive.read
    found: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for name in sorted(names):
        *_, part, label, file = ("", "", "", *name.split("/"))
        if part in found and file.lower().endswith(IMG_EXTENSIONS) and not file.startswith("."):
            found[part].append((name, label))
    classes = tuple(sorted({label for _, label in found["train"]}))
    for part, files in found.items():
        there = {label for _, label in files}
        if not there or there != set(classes):
            got = f"{len(there)} classes in {part}/ and {len(classes)} in train/" if there else f"none in {part}/"
            msg = f"`--data` must have images of the same classes in train/ and test/, got {got} in {data}."
            raise SystemExit(msg)
    index = {label: i for i, label in enumerate(classes)}
    parts = {part: [(name, index[label]) for name, label in files] for part, files in found.items()}
    return Files(data.stem, classes, parts, read)


def choose(files: Files, ratio: float, largest: int | None = None, test_per_class: int | None = None) -> Files:
    """Keep the files of a long-tailed training part and of a balanced test part.

    Class i of C keeps ``int(largest * ratio ** (-i / (C - 1)))`` files, drawn with seed 0. Of a training part that has
    these counts already, as :func:`pack` leaves it, all are kept.

    Args:
        files: All of them.
        ratio: Largest count over smallest.
        largest: Files of the first class; by default as many as the ratio allows.
        test_per_class: Files of each class for the test; by default as many as the smallest class has.

    Returns:
        The files that are kept.
    """
    labels = torch.tensor([label for _, label in files.parts["train"]])
    kept = long_tailed(labels, ratio, seed=0, largest=largest)
    test_labels = torch.tensor([label for _, label in files.parts["test"]])
    fewest = int(test_labels.bincount().min())
    per_class = fewest if test_per_class is None else min(test_per_class, fewest)
    balanced = long_tailed(test_labels, 1, seed=0, largest=per_class)
    parts = {
        "train": [files.parts["train"][i] for i in kept.tolist()],
        "test": [files.parts["test"][i] for i in balanced.tolist()],
    }
    return Files(files.name, files.classes, parts, files.read)


def pack(files: Files, target: Path) -> None:
    """Write the files to a zip in the same layout: what has to travel to another machine."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for part, entries in files.parts.items():
            for name, label in entries:
                archive.writestr(f"{part}/{files.classes[label]}/{Path(name).name}", files.read(name))


def load(files: Files, size: int = 32) -> Images:
    """Decode the files; images of another size are resized.

    Args:
        files: Those to decode.
        size: Height and width.

    Returns:
        The images.
    """
    tensors = {}
    for part, entries in files.parts.items():
        pixels = torch.empty(len(entries), size, size, 3, dtype=torch.uint8)
        for row, (name, _) in zip(pixels, entries, strict=True):
            with Image.open(io.BytesIO(files.read(name))) as image:
                small = image.convert("RGB")
            small = small if small.size == (size, size) else small.resize((size, size), Image.Resampling.BILINEAR)
            row.view(-1).copy_(torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8))
        tensors[part] = pixels, torch.tensor([label for _, label in entries])
    return Images(files.name, files.classes, *tensors["train"], *tensors["test"])
