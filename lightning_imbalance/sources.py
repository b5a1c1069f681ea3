"""From a few characters on a command line to the classes of somebody's data.

A source is a folder of images, a table in a file, a data set of torchvision or of Hugging Face on disk, or something
that Python can import. Counting opens no image and reads one column.
"""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lightning_imbalance import labels as reading
from lightning_imbalance.data.image_folder import FolderImages, class_folders
from lightning_imbalance.data.image_parts import part_folders
from lightning_imbalance.data.table_file import TABLE_ENDINGS, is_table_file, read_target
from lightning_imbalance.distribution import ClassDistribution

Kind = Literal["images", "table", "torchvision", "huggingface", "python"]

_PYTHON = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

_BY_TRAIN: dict[str, dict[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
_BY_SPLIT: dict[str, dict[str, Any]] = {"train": {"split": "train"}, "test": {"split": "test"}}
_WITH_VAL: dict[str, dict[str, Any]] = {**_BY_SPLIT, "val": {"split": "val"}}
_TRAINVAL: dict[str, dict[str, Any]] = {**_BY_SPLIT, "train": {"split": "trainval"}}

# What torchvision's data sets leave in the folder that they are downloaded to, and how each part is asked for.
_TORCHVISION: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "cifar-10-batches-py": ("CIFAR10", _BY_TRAIN),
    "cifar-100-python": ("CIFAR100", _BY_TRAIN),
    "MNIST": ("MNIST", _BY_TRAIN),
    "FashionMNIST": ("FashionMNIST", _BY_TRAIN),
    "KMNIST": ("KMNIST", _BY_TRAIN),
    "train_32x32.mat": ("SVHN", _BY_SPLIT),
    "stl10_binary": ("STL10", _BY_SPLIT),
    "flowers-102": ("Flowers102", _WITH_VAL),
    "food-101": ("Food101", _BY_SPLIT),
    "oxford-iiit-pet": ("OxfordIIITPet", _TRAINVAL),
    "dtd": ("DTD", _WITH_VAL),
    "gtsrb": ("GTSRB", _BY_SPLIT),
    "fgvc-aircraft-2013b": ("FGVCAircraft", _TRAINVAL),
    "caltech101": ("Caltech101", {"train": {}}),
    "caltech256": ("Caltech256", {"train": {}}),
    "eurosat": ("EuroSAT", {"train": {}}),
}
# A folder of one's own may be called MNIST; torchvision's has the files as they were downloaded in raw/.
_HAS_RAW = {"MNIST", "FashionMNIST", "KMNIST"}


class Source(NamedTuple):
    """The classes of a source.

    Attributes:
        kind: ``"images"``, ``"table"``, ``"torchvision"``, ``"huggingface"`` or ``"python"``.
        location: The source as it was given.
        train: The classes of the training data.
        validation: Those of the validation data, where the source has some whose labels are at hand.
        has_validation: Whether the source has validation data at all.
    """

    kind: Kind
    location: str
    train: ClassDistribution
    validation: ClassDistribution | None = None
    has_validation: bool = False


class Opened(NamedTuple):
    """What a source is, before its classes are counted.

    Attributes:
        kind: As of :class:`Source`.
        location: The source as it was given.
        data: Its path, of images and tables; the data sets ``"train"`` and, where they are there, ``"val"`` and
            ``"test"`` in a dictionary, of torchvision and Hugging Face; the object that was imported, or that the
            imported class or function gave.
    """

    kind: Kind
    location: str
    data: Any


def read_source(location: str | Path, target: str | None = None) -> Source:
    """Count the classes of a source.

    Args:
        location: One of

            - a folder of images: one folder a class, or ``train/`` (and ``val/``) with class folders in it;
            - a table: ``.csv`` (also compressed), ``.tsv`` or ``.parquet``, with ``target``;
            - the folder that a data set of torchvision was downloaded to, or that one of Hugging Face was saved to;
            - ``package.module:name``: a datamodule, a data set, or a class or function that gives one without
              arguments.
        target: The column of the classes: of a table, or of a Hugging Face data set with several columns of labels.

    Returns:
        The classes.

    Raises:
        ModuleNotFoundError: A library that reads the source is not installed.
        TypeError: What Python imports is no data.
        ValueError: There is no such source, or its classes cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png"):
        ...         (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
        ...         (Path(root) / name).touch()
        ...     read_source(root).train
        ClassDistribution([2, 1], class_names=['cat', 'dog'])
    """
    opened = open_source(location, target, parts=("train", "val"))
    return _COUNTED[opened.kind](opened, target)


def open_source(
    location: str | Path, target: str | None = None, *, parts: Sequence[str] = ("train", "val", "test")
) -> Opened:
    """Find out what a source is, and open it as far as that needs.

    Args:
        location: As for :func:`read_source`.
        target: The same.
        parts: Those that are wanted of a data set of torchvision or Hugging Face.

    Returns:
        What was found.

    Raises:
        ModuleNotFoundError: A library that reads the source is not installed.
        TypeError: What Python imports needs arguments.
        ValueError: There is no such source.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     open_source(root).kind
        'images'
    """
    given, path = str(location), Path(location)
    if not path.exists() and _PYTHON.fullmatch(given):
        _refuse_target(target, given)
        return Opened("python", given, _python_object(given))
    if path.is_file() and is_table_file(path):
        if target is None:
            msg = f"`target` must name the column of the classes of a table, got none for {given}."
            raise ValueError(msg)
        return Opened("table", given, path)
    if path.is_file() and path.name not in _TORCHVISION:
        msg = f"a source that is a file must be a table ({', '.join(TABLE_ENDINGS)}), got {given}."
        raise ValueError(msg)
    if not path.exists():
        msg = (
            f"the source must be a folder, a table or `package.module:name`, got {given}, which does not exist. "
            "Check the path; it is relative to the folder that the program runs in."
        )
        raise ValueError(msg)
    if (path / "dataset_dict.json").is_file() or (
        (path / "dataset_info.json").is_file() and (path / "state.json").is_file()
    ):
        return Opened("huggingface", given, _huggingface_parts(path, given, target, parts))
    _refuse_target(target, given)
    found = _torchvision_markers(path)
    return Opened("torchvision", given, _torchvision_parts(found, given, parts)) if found else _images(path, given)


def _refuse_target(target: str | None, given: str) -> None:
    if target is not None:
        msg = f"`target` must be left out unless the source has columns, got {target!r} for {given}."
        raise ValueError(msg)


def _images(path: Path, given: str) -> Opened:
    tables = sorted(file.name for file in path.iterdir() if is_table_file(file))
    if tables and not class_folders(path):
        msg = f"a folder must hold folders of images, got {given}, which holds tables. Name one: {path / tables[0]}."
        raise ValueError(msg)
    return Opened("images", given, path)


def _torchvision_markers(path: Path) -> list[Path]:
    def is_one(place: Path) -> bool:
        return place.exists() and (place.name not in _HAS_RAW or (place / "raw").is_dir())

    if path.name in _TORCHVISION and is_one(path):
        return [path]
    return [path / name for name in _TORCHVISION if path.is_dir() and is_one(path / name)]


def _torchvision_parts(found: list[Path], given: str, wanted: Sequence[str]) -> dict[str, Any]:
    from torchvision import datasets

    if len(found) > 1:
        msg = f"the source must be one data set, got {given} with {len(found)}. Name one: {', '.join(map(str, found))}."
        raise ValueError(msg)
    name, arguments = _TORCHVISION[found[0].name]
    parts = {}
    for part in [part for part in wanted if part in arguments]:
        # Another part than the training one may be an archive of its own, which nobody has downloaded.
        with nullcontext() if part == "train" else suppress(ValueError):
            parts[part] = _downloaded(getattr(datasets, name), found[0].parent, arguments[part])
    return parts


def _downloaded(dataset: Any, root: Path, arguments: Mapping[str, Any]) -> Any:
    try:
        return dataset(str(root), download=False, **arguments)
    except RuntimeError as error:  # "Dataset not found or corrupted. ..."
        msg = f"the source must hold torchvision's {dataset.__name__} as it was downloaded, got {root}: {error}"
        raise ValueError(msg) from error


def _huggingface_parts(path: Path, given: str, target: str | None, wanted: Sequence[str]) -> dict[str, Any]:
    try:
        from datasets import load_from_disk
    except ModuleNotFoundError:
        msg = f"{given} was saved by Hugging Face's datasets, which is not installed. Run `pip install datasets`."
        raise ModuleNotFoundError(msg) from None
    loaded = load_from_disk(str(path))
    saved = dict(loaded) if isinstance(loaded, Mapping) else {"train": loaded}
    if "train" not in saved:
        msg = f"a dictionary of data sets must have one called 'train', got {', '.join(map(repr, saved))} in {given}."
        raise ValueError(msg)
    names = {"train": ("train",), "val": ("validation", "val", "valid", "dev"), "test": ("test",)}
    found = {part: next((name for name in usual if name in saved), None) for part, usual in names.items()}
    parts = {part: saved[name] for part, name in found.items() if name is not None and part in wanted}
    for part in parts.values():
        _check_column(part, target)
    return parts


def _check_column(dataset: Any, target: str | None) -> None:
    if target is not None and target not in dataset.column_names:
        names = ", ".join(map(repr, dataset.column_names))
        nearest = difflib.get_close_matches(target, dataset.column_names, n=1, cutoff=0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"`target` must be a column of the data set ({names}), got {target!r}.{hint}"
        raise ValueError(msg)


def _python_object(given: str) -> Any:
    found = import_object(given)
    if isinstance(found, type) or (callable(found) and not hasattr(found, "train_dataloader")):
        found = _called(found, given)
    return found


def _count_images(opened: Opened, target: str | None) -> Source:
    del target
    folders = part_folders(opened.data)
    train = FolderImages(folders["train"])
    counted = ClassDistribution.from_labels(train.class_labels(), class_names=train.classes)
    if "val" not in folders:
        return Source("images", opened.location, counted)
    held_out = FolderImages(folders["val"], class_names=train.classes)
    validation = ClassDistribution.from_labels(held_out.class_labels(), class_names=train.classes)
    return Source("images", opened.location, counted, validation, has_validation=True)


def _count_table(opened: Opened, target: str | None) -> Source:
    labels = read_target(opened.data, target or "")
    return Source(
        "table", opened.location, ClassDistribution.from_labels(labels.values, class_names=labels.class_names)
    )


def _count_parts(opened: Opened, target: str | None) -> Source:
    parts = {name: _column(part, target) for name, part in opened.data.items()}
    train = ClassDistribution.from_dataset(parts["train"])
    if "val" not in parts:
        return Source(opened.kind, opened.location, train)
    validation = ClassDistribution.from_dataset(parts["val"], num_classes=train.num_classes)
    return Source(opened.kind, opened.location, train, validation, has_validation=True)


def _column(dataset: Any, target: str | None) -> Any:
    if target is None:
        return dataset
    return dataset.select_columns([target]).rename_columns({target: "label"} if target != "label" else {})


def _count_python(opened: Opened, target: str | None) -> Source:
    del target
    given, found = opened.location, opened.data
    if not hasattr(found, "train_dataloader"):
        return Source("python", given, ClassDistribution.from_dataset(found))
    train = ClassDistribution.from_datamodule(found)
    loader = _validation_loader(found)
    labels = None if loader is None else reading.read(getattr(loader, "dataset", loader))
    if labels is None:
        return Source("python", given, train, has_validation=loader is not None)
    validation = ClassDistribution.from_labels(labels.values, train.num_classes, train.class_names, train.task)
    return Source("python", given, train, validation, has_validation=True)


_COUNTED: Mapping[Kind, Callable[[Opened, str | None], Source]] = {
    "images": _count_images,
    "table": _count_table,
    "torchvision": _count_parts,
    "huggingface": _count_parts,
    "python": _count_python,
}


def _validation_loader(datamodule: Any) -> Any:
    """Return the validation data where there is one loader of them; Lightning's own method gives none."""
    method: Callable[[], Any] | None = getattr(datamodule, "val_dataloader", None)
    if method is None or getattr(type(datamodule).val_dataloader, "__module__", "").startswith(
        ("lightning.", "pytorch_l")
    ):
        return None
    loader = method()
    return loader if hasattr(loader, "dataset") else None


def import_object(given: str, what: str | None = None) -> Any:
    """Import what ``package.module:name`` says, also from the folder that the program runs in.

    Args:
        given: The module, a colon, and a name in it.
        what: What a message calls it, where it is no source.

    Returns:
        The object.

    Raises:
        ValueError: There is no such module, or no such name in it.

    Example:
        >>> import_object("torch.utils.data:TensorDataset").__name__
        'TensorDataset'
    """
    module_name, _, name = given.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        must = "the source must be a path, or" if what is None else f"{what} must"
        msg = f"{must} name a module that Python finds, got {given}: no module {error.name!r}."
        raise ValueError(msg) from None
    if not hasattr(module, name):
        nearest = difflib.get_close_matches(name, dir(module), n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"{what or 'the source'} must name something in the module {module_name}, got {name!r}.{hint}"
        raise ValueError(msg)
    return getattr(module, name)


def _called(found: Any, given: str) -> Any:
    import inspect

    try:
        signature = inspect.signature(found)
    except ValueError:  # of a class written in C
        return found()
    needed = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if needed:
        msg = (
            f"the source must need no arguments, got {given}, which needs {', '.join(map(repr, needed))}. Write a "
            "function without arguments that returns it, and name that."
        )
        raise TypeError(msg)
    return found()
