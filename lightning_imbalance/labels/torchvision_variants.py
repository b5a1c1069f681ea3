"""Datasets of torchvision whose labels depend on how they were built: which target, which split, which clips.

Each function repeats, for the target alone, what the ``__getitem__`` of that class does with its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from operator import attrgetter
from typing import Any

import torch

from lightning_imbalance.labels.column import Column
from lightning_imbalance.labels.decision import NoLabel, Scan
from lightning_imbalance.labels.names import as_names

Decision = Column | NoLabel | Scan
_Choices = Mapping[str, Callable[[], Decision]]


def _celeba(dataset: Any) -> Decision:
    # The header line of the file ends with a blank, which torchvision reads as one more, empty name.
    names = as_names(dataset.attr_names[: dataset.attr.shape[1]])
    return _chosen(
        dataset.target_type,
        {
            "attr": lambda: Column(dataset.attr, names),
            "identity": lambda: Column(dataset.identity[:, 0]),
            "bbox": lambda: NoLabel("boxes", Column(dataset.bbox)),
            "landmarks": lambda: NoLabel("landmarks", Column(dataset.landmarks_align)),
        },
    )


def _caltech101(dataset: Any) -> Decision:
    return _chosen(
        dataset.target_type,
        {
            "category": lambda: Column(dataset.y, as_names(dataset.categories)),
            "annotation": lambda: NoLabel("outlines"),
        },
    )


def _oxford_pet(dataset: Any) -> Decision:
    labels, binary_labels, target_types = attrgetter("_labels", "_bin_labels", "_target_types")(dataset)
    return _chosen(
        target_types,
        {
            "category": lambda: Column(labels, as_names(dataset.classes)),
            "binary-category": lambda: Column(binary_labels, as_names(dataset.bin_classes)),
            "segmentation": lambda: Scan("the labels are the pixels of a mask"),
        },
    )


def _cityscapes(dataset: Any) -> Decision:
    return _chosen(
        dataset.target_type,
        {
            "semantic": lambda: Scan("the labels are the pixels of a mask"),
            "instance": lambda: NoLabel("instance numbers"),
            "color": lambda: NoLabel("colours"),
            "polygon": lambda: NoLabel("polygons"),
        },
    )


def _inaturalist(dataset: Any) -> Decision:
    species = [category for category, _ in dataset.index]

    def column(level: str) -> Column:
        if level == "full":
            return Column(species, as_names(dataset.all_categories))
        index = dataset.categories_index[level]
        values = [dataset.categories_map[category][level] for category in species]
        return Column(values, as_names(sorted(index, key=index.__getitem__)))

    return _chosen(dataset.target_type, {level: partial(column, level) for level in dataset.target_type})


def _qmnist(dataset: Any) -> Decision:
    if dataset.compat:
        return Column(dataset.targets[:, 0], as_names(dataset.classes), item=int)
    return NoLabel("rows of eight numbers (`compat=False`)", Column(dataset.targets))


def _pcam(dataset: Any) -> Decision:
    files, split, folder = attrgetter("_FILES", "_split", "_base_folder")(dataset)
    with dataset.h5py.File(folder / files[split]["targets"][0]) as file:
        return Column(file["y"][:, 0, 0, 0], item=int)


def _photo_tour(dataset: Any) -> Decision:
    return NoLabel("nothing: a sample is a patch alone") if dataset.train else Column(dataset.matches[:, 2])


def _sbd(dataset: Any) -> Decision:
    return Scan("the labels are the pixels of a mask") if dataset.mode == "segmentation" else NoLabel("boundaries")


def _lsun(dataset: Any) -> Decision:
    sizes = _differences(dataset.indices)
    return Column(_repeated(range(len(sizes)), sizes), as_names(dataset.classes))


def _kinetics(dataset: Any) -> Decision:
    return _clips(dataset, range(len(dataset.samples)))


def _fold_of_videos(dataset: Any) -> Decision:
    return _clips(dataset, dataset.indices)


def _clips(dataset: Any, videos: Sequence[int]) -> Column:
    """One label a clip: each video counts as often as clips were cut from it."""
    clips = _differences(dataset.video_clips.cumulative_sizes)
    return Column(_repeated([dataset.samples[video][1] for video in videos], clips), as_names(dataset.classes))


def _differences(cumulative: Iterable[int]) -> list[int]:
    return [int(after) - int(before) for before, after in pairwise([0, *cumulative])]


def _repeated(values: Sequence[int], times: Sequence[int]) -> list[int]:
    return torch.tensor(values, dtype=torch.int64).repeat_interleave(torch.tensor(times, dtype=torch.int64)).tolist()


def _chosen(target_types: Sequence[str], choices: _Choices) -> Decision:
    """Follow the target type that a dataset was built with."""
    decisions = [choices[target_type]() for target_type in target_types]
    if len(decisions) == 1:
        return decisions[0]
    if not decisions:
        return NoLabel("None (no target type was chosen)")
    columns = [
        decision if isinstance(decision, Column) else getattr(decision, "column", None) for decision in decisions
    ]
    several = f"tuples of {' and '.join(target_types)}"
    if any(column is None for column in columns):
        return NoLabel(several)
    return NoLabel(several, Column(list(zip(*(column.values for column in columns if column), strict=True))))


VARIANTS: dict[str, Callable[[Any], Decision]] = {
    "CelebA": _celeba,
    "Caltech101": _caltech101,
    "Cityscapes": _cityscapes,
    "HMDB51": _fold_of_videos,
    "INaturalist": _inaturalist,
    "Kinetics": _kinetics,
    "LSUN": _lsun,
    "OxfordIIITPet": _oxford_pet,
    "PCAM": _pcam,
    "PhotoTour": _photo_tour,
    "QMNIST": _qmnist,
    "SBDataset": _sbd,
    "UCF101": _fold_of_videos,
}
