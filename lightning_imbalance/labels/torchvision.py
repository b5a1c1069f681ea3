"""How each dataset of torchvision keeps the labels that ``dataset[i]`` gives out.

One table, by the class that defines ``__getitem__``: that method alone decides what a label is. A dataset whose own
subclass overrides it is therefore scanned. torchvision itself is never imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from lightning_imbalance.labels.column import Column, NotSeparable, separate
from lightning_imbalance.labels.decision import NoLabel, Scan, Stored
from lightning_imbalance.labels.torchvision_variants import VARIANTS
from lightning_imbalance.labels.value import Labels

TABLE: dict[str, Stored | NoLabel | Scan] = {
    # Folders of images: also ImageFolder, ImageNet, Country211, EuroSAT.
    "DatasetFolder": Stored("samples", at=1),
    # Arrays in memory: MNIST is also FashionMNIST, KMNIST, EMNIST; CIFAR10 also CIFAR100.
    "MNIST": Stored("targets", item=int),
    "CIFAR10": Stored("targets"),
    "SEMEION": Stored("labels", item=int),
    "STL10": Stored("labels", item=int),
    "SVHN": Stored("labels", item=int),
    "USPS": Stored("targets", item=int),
    # Lists of files.
    "CLEVRClassification": Stored("_labels"),
    "Caltech256": Stored("y", names="categories"),
    "DTD": Stored("_labels"),
    "FER2013": Stored("_samples", at=1),
    "FGVCAircraft": Stored("_labels"),
    "Flowers102": Stored("_labels"),
    "Food101": Stored("_labels"),
    "GTSRB": Stored("_samples", at=1),
    "Imagenette": Stored("_samples", at=1),
    "LFWPairs": Stored("targets"),
    "LFWPeople": Stored("targets"),
    "Omniglot": Stored("_flat_character_images", at=1, names="_characters"),
    "Places365": Stored("imgs", at=1),
    "RenderedSST2": Stored("_samples", at=1),
    "SUN397": Stored("_labels"),
    "StanfordCars": Stored("_samples", at=1),
    # Only with the sample.
    "FakeData": Scan("the random generator that draws the image draws the label after it"),
    "VOCSegmentation": Scan("the labels are the pixels of a mask"),
    # Something else than classes.
    "CarlaStereo": NoLabel("disparities"),
    "CREStereo": NoLabel("disparities"),
    "CocoDetection": NoLabel("annotations of objects, or captions"),
    "ETH3DStereo": NoLabel("disparities"),
    "FallingThingsStereo": NoLabel("disparities"),
    "Flickr30k": NoLabel("captions"),
    "Flickr8k": NoLabel("captions"),
    "FlowDataset": NoLabel("optical flow"),
    "FlyingChairs": NoLabel("optical flow"),
    "FlyingThings3D": NoLabel("optical flow"),
    "HD1K": NoLabel("optical flow"),
    "InStereo2k": NoLabel("disparities"),
    "Kitti": NoLabel("annotations of objects"),
    "Kitti2012Stereo": NoLabel("disparities"),
    "Kitti2015Stereo": NoLabel("disparities"),
    "KittiFlow": NoLabel("optical flow"),
    "LSUNClass": NoLabel("None: all images are of one class"),
    "Middlebury2014Stereo": NoLabel("disparities"),
    "MovingMNIST": NoLabel("nothing: a sample is a video alone"),
    "SBU": NoLabel("captions"),
    "SceneFlowStereo": NoLabel("disparities"),
    "Sintel": NoLabel("optical flow"),
    "SintelStereo": NoLabel("disparities"),
    "StereoMatchingDataset": NoLabel("disparities"),
    "VOCDetection": NoLabel("annotations of objects"),
    "WIDERFace": NoLabel("annotations of faces"),
}

# What `__getitem__` applies to the target: `transforms` in these, nothing in those, `target_transform` in all others.
_JOINT_TRANSFORM = frozenset(
    {"Cityscapes", "CocoDetection", "Kitti", "OxfordIIITPet", "Places365", "SBDataset", "VOCDetection"}
)
_NO_TARGET_TRANSFORM = frozenset(
    {"HMDB51", "Kinetics", "MovingMNIST", "PhotoTour", "UCF101"}
    | {name for name, decision in TABLE.items() if decision in (NoLabel("disparities"), NoLabel("optical flow"))}
)


def matches(dataset: object) -> bool:
    """Say whether a dataset is one of torchvision's or derived from one.

    Args:
        dataset: Any object.

    Returns:
        True where a class other than the abstract ``VisionDataset`` comes from ``torchvision.datasets``.

    Example:
        >>> matches([0, 1])
        False
    """
    return any(_is_torchvision(cls) and cls.__name__ != "VisionDataset" for cls in type(dataset).__mro__)


def read(dataset: Any, indices: Tensor | None = None) -> Labels | None:
    """Read the labels that a dataset of torchvision would give out.

    Args:
        dataset: A dataset for which :func:`matches` is true.
        indices: The samples, shape ``(M,)``, int64; by default all of them.

    Returns:
        The labels, or None where only a scan can tell: segmentation masks, joint transforms of image and target, a
        subclass with a ``__getitem__`` of its own.

    Raises:
        TypeError: The samples carry no class label.

    Example:
        >>> from torchvision.datasets import FakeData
        >>> read(FakeData(size=2)) is None
        True
    """
    outer = None
    if any(cls.__name__ == "VisionDatasetTVTensorWrapper" for cls in type(dataset).__mro__):
        # The wrapper for transforms v2 takes the transforms off the dataset inside and applies them itself.
        dataset, outer = vars(dataset)["_dataset"], dataset.transforms
    owner = next(cls for cls in type(dataset).__mro__ if "__getitem__" in vars(cls))
    decision = _decide(dataset, owner)
    if isinstance(decision, Scan):
        return None
    try:
        target_transform = separate(outer) or _target_transform(dataset, owner.__name__)
    except NotSeparable:
        return None
    if isinstance(decision, NoLabel):
        if target_transform is None:
            raise TypeError(_no_label_message(type(dataset).__name__, decision.carries))
        if decision.column is None:
            return None
        decision = decision.column
    if len(decision.values) != len(dataset):
        return None  # somebody changed one of the two: only the samples tell the truth
    return replace(decision, target_transform=target_transform).labels(indices)


def _decide(dataset: Any, owner: type) -> Column | NoLabel | Scan:
    if not _is_torchvision(owner):
        return Scan("a subclass makes the samples")
    if owner.__name__ in VARIANTS:
        return VARIANTS[owner.__name__](dataset)
    decision = TABLE.get(owner.__name__, Scan("this dataset is newer than the table"))
    if not isinstance(decision, Stored):
        return decision
    column = decision.column(dataset)
    if len(column.values) > 0 and column.values[0] is None:
        return NoLabel("None: this split has no labels", column)
    return column


def _target_transform(dataset: Any, owner: str) -> Callable[[Any], Any] | None:
    if owner in _NO_TARGET_TRANSFORM:
        return None
    if owner in _JOINT_TRANSFORM:
        return separate(dataset.transforms)
    transform: Callable[[Any], Any] | None = dataset.target_transform
    return transform


def _no_label_message(name: str, carries: str) -> str:
    return (
        f"`dataset` must have one class label a sample, got {name}, whose targets are {carries}. "
        "Give it a `target_transform` that makes a class index of a target, or a reader: "
        f"`lightning_imbalance.labels.register({name}, reader)`."
    )


def _is_torchvision(cls: type) -> bool:
    return cls.__module__.startswith("torchvision.datasets")
