"""Datasets of torchvision opened from tiny directories by their own ``__init__``."""

from __future__ import annotations

import pickle

import numpy as np
import PIL.Image
import pytest
import torch
from torchvision import datasets
from torchvision.datasets.folder import default_loader

from lightning_imbalance.labels import read, stream


def _picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (2, 2)).save(path)


def _idx(array):
    array = np.asarray(array, dtype="uint8")
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def _raw(folder, prefix, labels):
    folder.mkdir(parents=True)
    for split in ("train", "t10k"):  # torchvision wants both splits to be there
        for kind in ("images-idx3", "labels-idx1"):
            (folder / f"{split}-{kind}-ubyte").touch()
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(_idx(np.zeros((len(labels), 28, 28))))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(_idx(labels))


def _folders(root, names=("cat", "dog"), ending="png"):
    for i, name in enumerate(names):
        for number in range(3 - i):
            _picture(root / name / f"{number}.{ending}")


def image_folder(root, _):
    _folders(root)
    return datasets.ImageFolder(root), ("cat", "dog")


def dataset_folder(root, _):
    _folders(root, ("b", "a", "c"))
    return datasets.DatasetFolder(root, loader=default_loader, extensions=(".png",)), ("a", "b", "c")


def eurosat(root, _):
    _folders(root / "eurosat" / "2750", ("Forest", "River"), "jpg")
    return datasets.EuroSAT(root), ("Forest", "River")


def country211(root, _):
    _folders(root / "country211" / "valid", ("AD", "AE"), "jpg")
    return datasets.Country211(root, split="valid"), ("AD", "AE")


def mnist(root, _):
    _raw(root / "MNIST" / "raw", "train", [5, 0, 4])
    return datasets.MNIST(root), tuple(datasets.MNIST.classes)


def fashion_mnist(root, _):
    _raw(root / "FashionMNIST" / "raw", "t10k", [9, 0, 4])
    return datasets.FashionMNIST(root, train=False), tuple(datasets.FashionMNIST.classes)


def kmnist(root, _):
    _raw(root / "KMNIST" / "raw", "train", [1, 1, 8])
    return datasets.KMNIST(root), tuple(datasets.KMNIST.classes)


def emnist_letters(root, _):
    _raw(root / "EMNIST" / "raw", "emnist-letters-train", [1, 26, 3])
    return datasets.EMNIST(root, split="letters"), ("N/A", *"abcdefghijklmnopqrstuvwxyz")


def qmnist(root, _):
    folder = root / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "qmnist-test-images-idx3-ubyte").write_bytes(_idx(np.zeros((2, 28, 28))))
    labels = np.array([[7, 0, 1], [2, 4, 1]], dtype=">i4")
    head = bytes([0, 0, 12, 2]) + b"".join(size.to_bytes(4, "big") for size in labels.shape)
    (folder / "qmnist-test-labels-idx2-int").write_bytes(head + labels.tobytes())
    return datasets.QMNIST(root, what="test"), tuple(datasets.QMNIST.classes)


def cifar10(root, patch):
    return _cifar(root, patch, datasets.CIFAR10, "labels", "label_names")


def cifar100(root, patch):
    return _cifar(root, patch, datasets.CIFAR100, "fine_labels", "fine_label_names")


def _cifar(root, patch, cls, key, names_key):
    patch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    folder = root / cls.base_folder
    folder.mkdir()
    for i, (name, _) in enumerate(cls.train_list):
        with (folder / name).open("wb") as file:
            pickle.dump({"data": np.zeros((2, 3072), "uint8"), key: [i, 0]}, file)
    with (folder / cls.meta["filename"]).open("wb") as file:
        pickle.dump({names_key: [f"class {i}" for i in range(5)]}, file)
    return cls(root), tuple(f"class {i}" for i in range(5))


def gtsrb(root, _):
    _folders(root / "gtsrb" / "GTSRB" / "Training", ("00000", "00001"), "ppm")
    return datasets.GTSRB(root), None


def dtd(root, _):
    for name in ("banded/1.jpg", "dotted/2.jpg", "banded/3.jpg"):
        _picture(root / "dtd" / "dtd" / "images" / name)
    labels = root / "dtd" / "dtd" / "labels"
    labels.mkdir()
    (labels / "train1.txt").write_text("banded/1.jpg\ndotted/2.jpg\nbanded/3.jpg\n")
    return datasets.DTD(root), ("banded", "dotted")


def rendered_sst2(root, _):
    _folders(root / "rendered-sst2" / "train", ("negative", "positive"))
    return datasets.RenderedSST2(root), ("negative", "positive")


def imagenette(root, _):
    _folders(root / "imagenette2" / "train", ("n01440764", "n02102040"), "jpeg")
    return datasets.Imagenette(root), ("tench", "English springer")


def sun397(root, _):
    for place in ("abbey", "bar/indoor"):
        _picture(root / "SUN397" / place[0] / place / "sun_1.jpg")
    (root / "SUN397" / "ClassName.txt").write_text("/a/abbey\n/b/bar/indoor\n")
    return datasets.SUN397(root), ("abbey", "bar/indoor")


BUILDERS = [
    image_folder, dataset_folder, eurosat, country211, mnist, fashion_mnist, kmnist, emnist_letters, qmnist, cifar10,
    cifar100, gtsrb, dtd, rendered_sst2, imagenette, sun397,
]  # fmt: skip


@pytest.fixture(params=BUILDERS, ids=lambda build: build.__name__)
def opened(request, tmp_path, monkeypatch):
    return request.param(tmp_path, monkeypatch)


def test_labels_and_names_are_those_of_the_samples(opened):
    dataset, names = opened
    assert len(dataset) > 0
    labels = read(dataset)
    assert labels.values.tolist() == [dataset[i][1] for i in range(len(dataset))]
    assert labels.class_names == names


def test_a_target_transform_is_followed(opened):
    dataset, _ = opened
    dataset.target_transform = lambda target: target + 100
    labels = read(dataset)
    assert labels.values.tolist() == [dataset[i][1] for i in range(len(dataset))]
    assert labels.values.min() >= 100
    assert labels.class_names is None


def test_no_sample_is_opened(opened, monkeypatch):
    dataset, _ = opened
    owner = next(cls for cls in type(dataset).__mro__ if "__getitem__" in vars(cls))

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(owner, "__getitem__", refuse)
    (chunk,) = stream(dataset).chunks
    assert isinstance(chunk, torch.Tensor)


def test_changing_targets_alone_does_not_change_the_labels_of_a_folder(tmp_path):
    _folders(tmp_path)
    dataset = datasets.ImageFolder(tmp_path)
    dataset.targets = [1, 1, 1, 1, 1]  # torchvision reads `samples`
    assert read(dataset).values.tolist() == [dataset[i][1] for i in range(5)] == [0, 0, 0, 1, 1]


def test_names_follow_the_indices_that_a_folder_chose(tmp_path):
    class Reversed(datasets.ImageFolder):
        def find_classes(self, directory):
            classes, _ = super().find_classes(directory)
            return classes, {"cat": 1, "dog": 0}

    _folders(tmp_path)
    labels = read(Reversed(tmp_path))
    assert labels.values.tolist() == [1, 1, 1, 0, 0]
    assert labels.class_names == ("dog", "cat")
