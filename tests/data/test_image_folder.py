from __future__ import annotations

import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from lightning_imbalance.data import image_folder
from lightning_imbalance.data.image_folder import FolderImages, class_folders, read_image


def test_images_and_classes_are_those_of_torchvisions_image_folder(write_images):
    root = write_images({"dog": 2, "cat/young": 3, "cat": 1})

    images, reference = FolderImages(root), ImageFolder(str(root))

    assert images.samples == reference.samples
    assert images.classes == reference.classes == ["cat", "dog"]
    assert images.class_labels().tolist() == reference.targets
    assert images.class_labels().dtype == torch.int64
    assert [(sample.tobytes(), label) for sample, label in images] == [(s.tobytes(), label) for s, label in reference]


def test_images_end_as_torchvisions_do():
    assert image_folder.IMG_EXTENSIONS == IMG_EXTENSIONS


def test_no_image_is_opened_before_it_is_asked_for(write_images, monkeypatch):
    root = write_images({"cat": 1, "dog": 1})
    opened = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda path: opened.append(path) or original(path))

    images = FolderImages(root)
    assert (len(images), images.class_labels().tolist(), opened) == (2, [0, 1], [])
    images[1]

    assert opened == [str(root / "dog" / "0.png")]


@pytest.mark.filterwarnings("ignore:files in class folders must be images")
def test_hidden_folders_and_files_are_no_classes_and_no_images(write_images):
    root = write_images({"cat": 1, "dog": 1, ".ipynb_checkpoints": 1, "__MACOSX": 1})
    (root / "cat" / "._0.png").write_bytes(b"resource fork")
    (root / "cat" / "notes.txt").write_text("not an image")

    images = FolderImages(root)

    assert images.classes == class_folders(root) == ["cat", "dog"]
    assert len(images) == 2


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
@pytest.mark.parametrize("stored", ["L", "RGB", "1", "RGBA"])
def test_images_are_read_in_the_channels_asked_for(write_images, channels, mode, stored):
    root = write_images({"cat": 1, "dog": 1}, mode=stored)

    assert FolderImages(root, channels=channels)[0][0].mode == mode


def test_another_transform_shares_the_list_of_files(write_images):
    images = FolderImages(write_images({"cat": 1, "dog": 1}), transform=lambda image: image.size)

    other = images.with_transform(lambda image: image.mode)

    assert (images[0], other[1]) == (((6, 4), 0), ("RGB", 1))
    assert other.samples is images.samples


def test_given_classes_may_have_an_empty_folder(write_images):
    images = FolderImages(write_images({"cat": 0, "dog": 2}), class_names=["cat", "dog"])

    assert images.class_labels().tolist() == [1, 1]


def test_given_classes_decide_on_the_labels(write_images):
    images = FolderImages(write_images({"cat": 1, "dog": 2}), class_names=["dog", "cat"])

    assert [images.classes[label] for _, label in images] == ["cat", "dog", "dog"]
    assert images.class_labels().tolist() == [1, 0, 0]


ENDINGS = ".bmp, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp"


@pytest.mark.parametrize(
    ("counts", "class_names", "message"),
    [
        ({}, None, "`root` must hold a folder of images for each of at least 2 classes, got no folder in {root}."),
        (
            {"cat": 1},
            None,
            "`root` must hold a folder of images for each of at least 2 classes, got only 'cat' in {root}.",
        ),
        (
            {"cat": 1, "dog": 0, "owl": 0},
            None,
            (
                "`root` must have an image in every class folder, got none in 'dog', 'owl' in {root}. "
                f"Images end in {ENDINGS}."
            ),
        ),
        (
            {"cat": 0, "dog": 0},
            ["cat", "dog"],
            (
                "`root` must have an image in every class folder, got none in any of them in {root}. "
                f"Images end in {ENDINGS}."
            ),
        ),
        (
            {"cat": 1, "dgo": 1},
            ["cat", "dog", "owl"],
            (
                "`root` must have the same class folders in every part, "
                "got no 'dog', 'owl' and the unknown 'dgo' in {root}. "
                "A class without images there needs an empty folder."
            ),
        ),
        (
            {"cat": 1, "dog": 1, "owl": 1},
            ["cat", "dog"],
            (
                "`root` must have the same class folders in every part, got the unknown 'owl' in {root}. "
                "A class without images there needs an empty folder."
            ),
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(write_images, counts, class_names, message):
    root = write_images(counts)

    with pytest.raises(ValueError, match=r"^`root` must ") as error:
        FolderImages(root, class_names=class_names)

    assert str(error.value) == message.format(root=root)


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ValueError, match=r"^`root` must ") as missing:
        FolderImages(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"^`root` must ") as file:
        FolderImages(tmp_path / "file")

    assert str(missing.value) == f"`root` must be a folder, got {tmp_path / 'nowhere'}, which does not exist."
    assert str(file.value) == f"`root` must be a folder, got {tmp_path / 'file'}, which is a file."


def test_a_broken_image_is_named(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"no image")

    with pytest.raises(OSError, match=r"^An image file must be readable, got ") as error:
        read_image(path)

    pillow = f"cannot identify image file {str(path)!r}"
    assert str(error.value) == (f"An image file must be readable, got {path}: {pillow}. Repair the file or remove it.")


def test_a_truncated_image_is_named(tmp_path):
    path = tmp_path / "half.bmp"
    Image.new("RGB", (64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(OSError, match=r"^An image file must be readable, got ") as error:
        read_image(path)

    assert str(error.value).startswith(f"An image file must be readable, got {path}: ")
    assert "truncated" in str(error.value)


def test_files_that_are_left_out_are_named(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "1.png")
    for name in ("2.gif", "3.GIF", "notes", ".hidden"):
        (tmp_path / "cat" / name).touch()

    with pytest.warns(UserWarning, match="left out") as warned:
        images = FolderImages(tmp_path)

    assert len(images) == 2
    assert [str(each.message) for each in warned] == [
        (
            "files in class folders must be images (.jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff, .webp) to be "
            f"counted, got others in {tmp_path}, which are left out: 2 .gif, 1 no ending."
        )
    ]
