"""Every dataset of torchvision, decided one by one.

Where ``__init__`` needs gigabytes, an instance gets the attributes that ``__init__`` would set; the comparison is
always with what the real ``__getitem__`` gives.
"""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
import torch
from torchvision import datasets
from torchvision.datasets.video_utils import VideoClips

from lightning_imbalance.labels import read, register, registry, stream
from lightning_imbalance.labels.torchvision import TABLE
from lightning_imbalance.labels.torchvision_variants import VARIANTS

PICTURE = PIL.Image.new("RGB", (2, 2))


def bare(cls, **attributes):
    """Make an instance without its files."""
    dataset = cls.__new__(cls)
    common = {"root": "", "transform": None, "target_transform": None, "transforms": None, "loader": lambda _: PICTURE}
    dataset.__dict__.update({**common, **attributes})
    return dataset


def _named(name):
    return bare(getattr(datasets, name))


class _H5:
    """What PCAM uses of h5py."""

    def __init__(self, path):
        labels, images = np.array([1, 0, 1, 1]), np.zeros((4, 2, 2, 3), "uint8")
        self.data = {"y": labels.reshape(-1, 1, 1, 1)} if "_y" in Path(path).name else {"x": images}

    def __enter__(self):
        return self.data

    def __exit__(self, *_):
        pass


def _clips(sizes):
    clips = VideoClips.__new__(VideoClips)
    clips.cumulative_sizes = np.cumsum(sizes).tolist()
    clips.get_clip = lambda index: ("video", "audio", {}, clips.get_clip_location(index)[0])
    return clips


def _inaturalist(target_type):
    return bare(
        datasets.INaturalist,
        target_type=target_type,
        index=[(2, "a"), (0, "b"), (1, "c")],
        all_categories=["00000_x", "00001_y", "00002_z"],
        categories_index={"kingdom": {"Animalia": 0, "Plantae": 1}, "super": {"Birds": 0, "Fungi": 1}},
        categories_map=[{"kingdom": 0, "super": 1}, {"kingdom": 1, "super": 0}, {"kingdom": 0, "super": 0}],
    )


def _celeba(target_type, **more):
    return bare(
        datasets.CelebA,
        target_type=target_type,
        filename=["a", "b", "c"],
        attr=torch.tensor([[1, 0], [0, 0], [1, 1]]),
        attr_names=["Bald", "Smiling", ""],
        identity=torch.tensor([[7], [2], [7]]),
        bbox=torch.zeros(3, 4),
        landmarks_align=torch.zeros(3, 10),
        **more,
    )


def _pet(target_types, **more):
    return bare(
        datasets.OxfordIIITPet,
        _target_types=target_types,
        _images=["a", "b"],
        _segs=["a", "b"],
        _labels=[1, 0],
        _bin_labels=[0, 1],
        classes=["Abyssinian", "Beagle"],
        bin_classes=["Cat", "Dog"],
        **more,
    )


def _caltech(target_type, **more):
    return bare(
        datasets.Caltech101, target_type=target_type, y=[0, 1, 1], index=[1, 1, 2], categories=["ant", "bass"], **more
    )


FILES = {"_image_files": ["a", "b", "c"], "_labels": [2, 0, 2], "classes": ["x", "y", "z"]}
SAMPLES = [("a", 1), ("b", 0), ("c", 1)]
GRAY, COLOR = np.zeros((3, 16, 16), "uint8"), np.zeros((3, 3, 8, 8), "uint8")

# name: (instance, class names)
AT_HAND = {
    "CLEVRClassification": (lambda: bare(datasets.CLEVRClassification, _image_files=["a", "b"], _labels=[7, 3]), None),
    "Caltech101": (lambda: _caltech(["category"]), ("ant", "bass")),
    "Caltech256": (
        lambda: bare(datasets.Caltech256, y=[1, 0], index=[1, 1], categories=["001.ak47", "002.flag"]),
        ("001.ak47", "002.flag"),
    ),
    "CelebA attr": (lambda: _celeba(["attr"]), ("Bald", "Smiling")),
    "CelebA identity": (lambda: _celeba(["identity"]), None),
    "CelebA one attribute": (lambda: _celeba(["attr"], target_transform=lambda row: row[1]), None),
    "CelebA boxes made classes": (lambda: _celeba(["bbox"], target_transform=lambda box: int(box.sum())), None),
    "CelebA chosen of two": (lambda: _celeba(["attr", "identity"], target_transform=lambda pair: pair[1]), None),
    "FER2013": (lambda: bare(datasets.FER2013, _samples=[(torch.zeros(4, 4, dtype=torch.uint8), 6)]), None),
    "FGVCAircraft": (lambda: bare(datasets.FGVCAircraft, **FILES), ("x", "y", "z")),
    "Flowers102": (lambda: bare(datasets.Flowers102, _image_files=["a", "b"], _labels=[101, 0]), ...),
    "Food101": (lambda: bare(datasets.Food101, **FILES), ("x", "y", "z")),
    "HMDB51": (
        lambda: bare(
            datasets.HMDB51, samples=SAMPLES, indices=[2, 1], video_clips=_clips([2, 3]), classes=["run", "sit"]
        ),
        ("run", "sit"),
    ),
    "INaturalist full": (lambda: _inaturalist(["full"]), ("00000_x", "00001_y", "00002_z")),
    "INaturalist kingdom": (lambda: _inaturalist(["kingdom"]), ("Animalia", "Plantae")),
    "INaturalist super": (lambda: _inaturalist(["super"]), ("Birds", "Fungi")),
    "ImageNet": (
        lambda: bare(
            datasets.ImageNet,
            samples=SAMPLES,
            targets=[1, 0, 1],
            classes=[("tench", "Tinca tinca"), ("crane",)],
            class_to_idx={"tench": 0, "Tinca tinca": 0, "crane": 1},
        ),
        ("tench", "crane"),
    ),
    "Kinetics": (
        lambda: bare(datasets.Kinetics, samples=SAMPLES, video_clips=_clips([1, 0, 2]), classes=["run", "sit"]),
        ("run", "sit"),
    ),
    "LFWPairs": (
        lambda: bare(datasets.LFWPairs, data=[("a", "b"), ("c", "d")], targets=[1, 0], _loader=lambda _: PICTURE),
        None,
    ),
    "LFWPeople": (
        lambda: bare(
            datasets.LFWPeople,
            data=["a", "b"],
            targets=[1, 0],
            class_to_idx={"Ann": 0, "Bob": 1},
            _loader=lambda _: PICTURE,
        ),
        ("Ann", "Bob"),
    ),
    "LSUN": (
        lambda: bare(
            datasets.LSUN,
            dbs=[[(PICTURE, None)] * 2, [(PICTURE, None)]],
            indices=[2, 3],
            length=3,
            classes=["tower_val", "kitchen_val"],
        ),
        ("tower_val", "kitchen_val"),
    ),
    "Omniglot": (
        lambda: bare(
            datasets.Omniglot, _flat_character_images=SAMPLES, _characters=["Greek/1", "Greek/2"], target_folder="t"
        ),
        ("Greek/1", "Greek/2"),
    ),
    "OxfordIIITPet category": (lambda: _pet(["category"]), ("Abyssinian", "Beagle")),
    "OxfordIIITPet binary": (lambda: _pet(["binary-category"]), ("Cat", "Dog")),
    "OxfordIIITPet chosen of two": (
        lambda: _pet(
            ["category", "binary-category"], transforms=datasets.vision.StandardTransform(None, lambda pair: pair[1])
        ),
        None,
    ),
    "PCAM": (
        lambda: bare(datasets.PCAM, h5py=SimpleNamespace(File=_H5), _split="val", _base_folder=Path("pcam")),
        None,
    ),
    "PhotoTour": (
        lambda: bare(
            datasets.PhotoTour, train=False, data=torch.zeros(3, 2, 2), matches=torch.tensor([[0, 1, 1], [1, 2, 0]])
        ),
        None,
    ),
    "Places365": (
        lambda: bare(
            datasets.Places365,
            imgs=SAMPLES,
            targets=[1, 0, 1],
            classes=["/a/airfield", "/b/bar"],
            class_to_idx={"/a/airfield": 0, "/b/bar": 1},
        ),
        ("/a/airfield", "/b/bar"),
    ),
    "Places365 transformed": (
        lambda: bare(
            datasets.Places365,
            imgs=SAMPLES,
            classes=["a", "b"],
            transforms=datasets.vision.StandardTransform(None, lambda y: 5 - y),
        ),
        None,
    ),
    "SEMEION": (lambda: bare(datasets.SEMEION, data=GRAY, labels=np.array([9, 0, 4])), None),
    "STL10": (
        lambda: bare(
            datasets.STL10, data=COLOR, labels=np.array([1, 0, 1], dtype="uint8"), classes=["airplane", "bird"]
        ),
        ("airplane", "bird"),
    ),
    "STL10 unlabeled": (lambda: bare(datasets.STL10, data=COLOR, labels=np.array([1, -1, -1])), None),
    "SVHN": (lambda: bare(datasets.SVHN, data=COLOR, labels=np.array([0, 9, 1])), None),
    "StanfordCars": (
        lambda: bare(datasets.StanfordCars, _samples=[("a", np.uint8(1)), ("b", np.uint8(0))], classes=["Audi", "BMW"]),
        ("Audi", "BMW"),
    ),
    "UCF101": (
        lambda: bare(
            datasets.UCF101,
            samples=SAMPLES,
            indices=[0, 2, 1],
            video_clips=_clips([1, 2, 1]),
            classes=["Archery", "Bowling"],
        ),
        ("Archery", "Bowling"),
    ),
    "USPS": (lambda: bare(datasets.USPS, data=GRAY, targets=[0, 9, 3]), None),
    "QMNIST all columns": (
        lambda: bare(
            datasets.QMNIST,
            data=torch.zeros(2, 4, 4, dtype=torch.uint8),
            targets=torch.tensor([[3, 1], [5, 4]]),
            compat=False,
            target_transform=lambda row: row[1],
        ),
        None,
    ),
}

# name: (instance, what its targets are)
NO_LABEL = {
    "CLEVRClassification test": (
        lambda: bare(datasets.CLEVRClassification, _image_files=["a"], _labels=[None]),
        "None: this split has no labels",
    ),
    "Caltech101 annotation": (lambda: _caltech(["annotation"]), "outlines"),
    "Caltech101 both": (lambda: _caltech(["category", "annotation"]), "tuples of category and annotation"),
    "CarlaStereo": (lambda: bare(datasets.CarlaStereo), "disparities"),
    "CelebA bbox": (lambda: _celeba(["bbox"]), "boxes"),
    "CelebA landmarks": (lambda: _celeba(["landmarks"]), "landmarks"),
    "CelebA two": (lambda: _celeba(["attr", "identity"]), "tuples of attr and identity"),
    "CelebA nothing": (lambda: _celeba([]), "None (no target type was chosen)"),
    "Cityscapes instance": (lambda: bare(datasets.Cityscapes, target_type=["instance"]), "instance numbers"),
    "Cityscapes color": (lambda: bare(datasets.Cityscapes, target_type=["color"]), "colours"),
    "Cityscapes polygon": (lambda: bare(datasets.Cityscapes, target_type=["polygon"]), "polygons"),
    "CocoCaptions": (lambda: bare(datasets.CocoCaptions), "annotations of objects, or captions"),
    "CocoDetection": (lambda: bare(datasets.CocoDetection), "annotations of objects, or captions"),
    "FER2013 test": (lambda: bare(datasets.FER2013, _samples=[(None, None)]), "None: this split has no labels"),
    "Flickr30k": (lambda: bare(datasets.Flickr30k), "captions"),
    "Flickr8k": (lambda: bare(datasets.Flickr8k), "captions"),
    "HD1K": (lambda: bare(datasets.HD1K), "optical flow"),
    "Kitti": (lambda: bare(datasets.Kitti, targets=["a.txt"]), "annotations of objects"),
    "LSUNClass": (lambda: bare(datasets.LSUNClass), "None: all images are of one class"),
    "MovingMNIST": (lambda: bare(datasets.MovingMNIST), "nothing: a sample is a video alone"),
    "OxfordIIITPet nothing": (lambda: _pet([]), "None (no target type was chosen)"),
    "PhotoTour train": (lambda: bare(datasets.PhotoTour, train=True), "nothing: a sample is a patch alone"),
    "QMNIST": (
        lambda: bare(datasets.QMNIST, compat=False, targets=torch.zeros(1, 8)),
        "rows of eight numbers (`compat=False`)",
    ),
    "SBDataset boundaries": (lambda: bare(datasets.SBDataset, mode="boundaries"), "boundaries"),
    "SBU": (lambda: bare(datasets.SBU), "captions"),
    "STL10 no labels": (lambda: bare(datasets.STL10, data=COLOR, labels=None), "None: this split has no labels"),
    "VOCDetection": (lambda: bare(datasets.VOCDetection, targets=["a.xml"]), "annotations of objects"),
    "WIDERFace": (lambda: bare(datasets.WIDERFace), "annotations of faces"),
    **{
        name: (partial(_named, name), "optical flow")
        for name in ("FlyingChairs", "FlyingThings3D", "KittiFlow", "Sintel")
    },
    **{
        name: (partial(_named, name), "disparities")
        for name in datasets.__all__
        if name.endswith(("Stereo", "Stereo2k")) and name != "CarlaStereo"
    },
}

ONLY_BY_SCAN = {
    "Cityscapes semantic": lambda: bare(datasets.Cityscapes, target_type=["semantic"]),
    "FakeData": lambda: datasets.FakeData(size=3),
    "OxfordIIITPet segmentation": lambda: _pet(["segmentation"]),
    "SBDataset segmentation": lambda: bare(datasets.SBDataset, mode="segmentation"),
    "VOCSegmentation": lambda: bare(datasets.VOCSegmentation, targets=["a.png"]),
    # A transform may make a label of what is none; of an image and a target together, only the sample tells.
    "CocoDetection with a target transform": lambda: bare(
        datasets.CocoDetection, transforms=datasets.vision.StandardTransform(None, len)
    ),
    "CocoDetection with joint transforms": lambda: bare(datasets.CocoDetection, transforms=lambda *pair: pair),
    "OxfordIIITPet with joint transforms": lambda: _pet(["category"], transforms=lambda *pair: pair),
    "Caltech101 outlines with a target transform": lambda: _caltech(["annotation"], target_transform=len),
}

# Read from a real directory in test_torchvision_on_disk.py, or not a dataset at all.
ON_DISK = {
    "CIFAR10", "CIFAR100", "Country211", "DTD", "DatasetFolder", "EMNIST", "EuroSAT", "FashionMNIST", "GTSRB",
    "ImageFolder", "Imagenette", "KMNIST", "MNIST", "QMNIST", "RenderedSST2", "SUN397",
}  # fmt: skip
NO_DATASET = {"VisionDataset", "wrap_dataset_for_transforms_v2"}


@pytest.fixture(autouse=True)
def _no_image_files(monkeypatch):
    monkeypatch.setattr(PIL.Image, "open", lambda *_, **__: PICTURE)


def _samples(dataset):
    return [dataset[i][-1] for i in range(len(dataset))]


def test_every_dataset_of_torchvision_is_decided():
    decided = {name.split()[0] for name in (*AT_HAND, *NO_LABEL, *ONLY_BY_SCAN)} | ON_DISK | NO_DATASET
    assert set(datasets.__all__) - decided == set(), "decide how to read these and add them to the tables here"


def test_every_class_with_a_getitem_of_its_own_is_in_one_table():
    owners = {
        next(base for base in cls.__mro__ if "__getitem__" in vars(base)).__name__
        for name in set(datasets.__all__) - NO_DATASET
        if inspect.isclass(cls := getattr(datasets, name))
    }
    assert owners - set(TABLE) - set(VARIANTS) == set()
    assert set(TABLE) & set(VARIANTS) == set()


@pytest.mark.parametrize("name", AT_HAND)
def test_labels_are_those_that_the_samples_carry(name):
    make, names = AT_HAND[name]
    dataset = make()
    labels = read(dataset)
    expected = torch.stack([torch.as_tensor(target) for target in _samples(dataset)])
    assert torch.equal(labels.values.to(expected.dtype), expected)
    assert names is ... or labels.class_names == names


@pytest.mark.parametrize("name", AT_HAND)
def test_labels_of_chosen_samples_are_those_of_all_at_their_places(name):
    dataset = AT_HAND[name][0]()
    places = torch.tensor([len(dataset) - 1, 0, -1])
    assert torch.equal(read(dataset, indices=places).values, read(dataset).values[places])


@pytest.mark.parametrize("name", AT_HAND)
def test_no_image_is_opened(name, monkeypatch):
    dataset = AT_HAND[name][0]()
    monkeypatch.setattr(PIL.Image, "open", None)
    dataset.loader = dataset._loader = None
    assert read(dataset) is not None


@pytest.mark.parametrize("name", NO_LABEL)
def test_a_dataset_without_class_labels_says_so(name):
    make, carries = NO_LABEL[name]
    dataset = make()
    kind = type(dataset).__name__
    with pytest.raises(TypeError) as error:
        read(dataset)
    assert str(error.value) == (
        f"`dataset` must have one class label a sample, got {kind}, whose targets are {carries}. "
        "Give it a `target_transform` that makes a class index of a target, or a reader: "
        f"`lightning_imbalance.labels.register({kind}, reader)`."
    )


@pytest.mark.parametrize("name", ONLY_BY_SCAN)
def test_labels_that_come_only_with_the_samples_are_left_to_a_scan(name):
    assert read(ONLY_BY_SCAN[name]()) is None


def test_a_scan_of_fake_data_gives_the_labels_of_its_samples():
    dataset = datasets.FakeData(size=5, image_size=(1, 2, 2), num_classes=4)
    (chunk,) = stream(dataset).chunks
    assert chunk.tolist() == _samples(dataset)


def test_a_scan_counts_masks_of_different_sizes_pixel_by_pixel(monkeypatch):
    masks = iter([PICTURE, PIL.Image.new("L", (2, 1), 3), PICTURE, PIL.Image.new("L", (1, 1), 5)])
    monkeypatch.setattr(PIL.Image, "open", lambda _: next(masks))
    dataset = bare(datasets.VOCSegmentation, images=["a", "b"], targets=["a", "b"])
    assert [chunk.tolist() for chunk in stream(dataset).chunks] == [[[[3, 3]]], [[[5]]]]


@pytest.mark.parametrize("cls", [datasets.MNIST, datasets.STL10, datasets.SVHN, datasets.SEMEION, datasets.USPS])
def test_the_target_transform_gets_a_python_int_where_the_samples_carry_one(cls):
    seen = []
    field = "labels" if cls in (datasets.STL10, datasets.SVHN, datasets.SEMEION) else "targets"
    shape = (2, 3, 4, 4) if cls in (datasets.STL10, datasets.SVHN) else (2, 4, 4)
    data = torch.zeros(shape, dtype=torch.uint8) if cls is datasets.MNIST else np.zeros(shape, "uint8")
    stored = torch.tensor([1, 0]) if cls is datasets.MNIST else np.array([1, 0])
    dataset = bare(cls, data=data, target_transform=lambda y: seen.append(type(y)) or 1 - y, **{field: stored})
    assert read(dataset).values.tolist() == _samples(dataset) == [0, 1]
    assert set(seen) == {int}


def test_a_subclass_with_its_own_getitem_is_scanned():
    class Coarse(datasets.CIFAR10):
        def __getitem__(self, index):
            image, target = super().__getitem__(index)
            return np.asarray(image), target // 2

    dataset = bare(Coarse, data=np.zeros((3, 8, 8, 3), "uint8"), targets=[0, 3, 4])
    assert read(dataset) is None
    assert [chunk.tolist() for chunk in stream(dataset).chunks] == [[0, 1, 2]]


def test_a_subclass_with_its_own_getitem_may_offer_its_labels(monkeypatch):
    class Coarse(datasets.CIFAR10):
        def __getitem__(self, index):
            raise AssertionError

    monkeypatch.setattr(registry, "_readers", {})
    register(Coarse, lambda dataset: [target // 2 for target in dataset.targets])
    assert read(bare(Coarse, data=[0, 0], targets=[5, 0])).values.tolist() == [2, 0]


def test_a_subclass_without_its_own_getitem_is_read():
    class Mine(datasets.CIFAR10):
        pass

    dataset = bare(Mine, data=np.zeros((2, 4, 4, 3), "uint8"), targets=[1, 0])
    assert read(dataset).values.tolist() == [1, 0]


def test_labels_and_data_of_different_length_are_left_to_a_scan():
    assert read(bare(datasets.CIFAR10, data=np.zeros((2, 4, 4, 3), "uint8"), targets=[1, 0, 1])) is None


def test_the_wrapper_for_transforms_v2_changes_no_label():
    dataset = bare(datasets.CIFAR10, data=np.zeros((2, 4, 4, 3), "uint8"), targets=[1, 0], classes=["cat", "dog"])
    dataset.target_transform = lambda y: y + 3
    dataset.transforms = datasets.vision.StandardTransform(None, dataset.target_transform)
    wrapped = datasets.wrap_dataset_for_transforms_v2(dataset)
    assert read(wrapped).values.tolist() == _samples(wrapped) == [4, 3]


def test_a_joint_transform_of_the_wrapper_is_left_to_a_scan():
    dataset = bare(
        datasets.CIFAR10, data=np.zeros((2, 4, 4, 3), "uint8"), targets=[1, 0], transforms=lambda *pair: pair
    )
    assert read(datasets.wrap_dataset_for_transforms_v2(dataset)) is None


def test_a_dataset_newer_than_the_table_is_left_to_a_scan():
    class Tomorrow(datasets.VisionDataset):
        targets = ("a.png", "b.png")

        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise AssertionError

    Tomorrow.__module__ = "torchvision.datasets.tomorrow"
    assert read(bare(Tomorrow)) is None
