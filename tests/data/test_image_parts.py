from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.data.image_parts import check_fractions, image_parts, part_folders

TWO = {"cat": 10, "dog": 20}


def in_parts(*parts: str, counts: dict[str, int] | None = None) -> dict[str, int]:
    return {f"{part}/{name}": count for part in parts for name, count in (counts or TWO).items()}


def paths(part) -> set[str]:
    return {part.images.samples[index][0] for index in part.indices.tolist()}


def test_one_folder_is_split_by_class(write_images):
    parts = image_parts(write_images(TWO))

    assert [torch.bincount(part.labels).tolist() for part in parts] == [[7, 14], [2, 3], [1, 3]]
    assert len(paths(parts.train) | paths(parts.val) | paths(parts.test)) == 30


def test_fractions_and_the_seed_decide_on_the_split(write_images):
    root = write_images(TWO)

    first, again = (image_parts(root, 0.2, 0.3, seed=3) for _ in range(2))

    assert [torch.bincount(part.labels).tolist() for part in first] == [[5, 10], [2, 4], [3, 6]]
    assert [paths(part) for part in first] == [paths(part) for part in again]
    assert paths(image_parts(root, 0.2, 0.3, seed=4).train) != paths(first.train)


def test_folders_for_all_parts_are_used_whole(write_images):
    root = write_images(in_parts("train", "val", "test"))

    parts = image_parts(root)

    for name, part in parts._asdict().items():
        assert len(paths(part)) == 30
        assert all(path.startswith(str(root / name)) for path in paths(part))


def test_a_missing_validation_folder_is_split_off_the_training_folder(write_images):
    root = write_images(in_parts("train", "test"))

    parts = image_parts(root, val_fraction=0.1)

    assert [torch.bincount(part.labels).tolist() for part in parts] == [[9, 18], [1, 2], [10, 20]]
    assert all(path.startswith(str(root / "train")) for path in paths(parts.train) | paths(parts.val))
    assert not paths(parts.train) & paths(parts.val)


def test_a_missing_test_folder_is_split_off_the_training_folder(write_images):
    parts = image_parts(write_images(in_parts("train", "val")), test_fraction=0.1)

    assert [torch.bincount(part.labels).tolist() for part in parts] == [[9, 18], [10, 20], [1, 2]]


def test_a_test_fraction_of_0_leaves_the_training_folder_whole(write_images):
    parts = image_parts(write_images(in_parts("train", "val")), test_fraction=0)

    assert torch.bincount(parts.train.labels).tolist() == [10, 20]
    assert parts.test is None


def test_a_class_may_be_missing_from_the_validation_folder_if_its_folder_is_there(write_images):
    parts = image_parts(write_images({**in_parts("train"), "val/cat": 0, "val/dog": 2}))

    assert parts.val.labels.tolist() == [1, 1]
    assert parts.val.classes == ["cat", "dog"]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Validation"])
def test_the_validation_folder_has_several_names(write_images, name):
    root = write_images(in_parts("train", name))

    assert part_folders(root) == {"train": root / "train", "val": root / name}


def test_a_folder_named_train_that_holds_images_is_a_class(write_images):
    root = write_images({"bus": 4, "train": 4})

    assert part_folders(root) == {"train": root}


def test_a_test_folder_without_classes_is_left_alone(write_images):
    root = write_images({**in_parts("train"), "test": 5})

    assert part_folders(root) == {"train": root / "train"}


@pytest.mark.parametrize(
    ("counts", "fractions", "message"),
    [
        (
            in_parts("val", "test"),
            {},
            (
                "`root` must hold class folders, or train/ with class folders in it, got test, val in {root} "
                "and no class folder in a train/."
            ),
        ),
        (
            {"train": 3, "test": 3},
            {},
            (
                "`root` must hold class folders, or train/ with class folders in it, got test, train in {root} "
                "and no class folder in a train/."
            ),
        ),
        (
            in_parts("train", "val", "valid"),
            {},
            "`root` must have one val folder, got val and valid in {root}.",
        ),
        (
            {**in_parts("train"), **in_parts("test", counts={"cat": 1, "dgo": 1})},
            {},
            (
                "`root` must have the same class folders in every part, "
                "got no 'dog' and the unknown 'dgo' in {root}/test. "
                "A class without images there needs an empty folder."
            ),
        ),
        (
            in_parts("train", "val"),
            {"val_fraction": 0.2},
            "`val_fraction` must be left out where that part has a folder, got 0.2 beside {root}/val.",
        ),
        (
            in_parts("train", "test"),
            {"test_fraction": 0},
            "`test_fraction` must be left out where that part has a folder, got 0 beside {root}/test.",
        ),
        (
            TWO,
            {"test_fraction": 0.9},
            "`val_fraction` and `test_fraction` must leave something to train on, got a sum of 1.05.",
        ),
        (
            {"cat": 1, "dog": 1},
            {},
            "`val_fraction` must leave every part an image, got 0.15 of 2 images: the val part is empty.",
        ),
        (
            {"cat": 1, "dog": 1},
            {"val_fraction": 0.9, "test_fraction": 0},
            "`val_fraction` must leave every part an image, got 0.9 of 2 images: the train part is empty.",
        ),
    ],
)
def test_folders_that_make_no_parts_are_refused(write_images, counts, fractions, message):
    root = write_images(counts)

    with pytest.raises(ValueError, match="must") as error:
        image_parts(root, **fractions)

    assert str(error.value) == message.format(root=root)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0, 0.2), "`val_fraction` must be between 0 and 1, got 0."),
        ((0.2, 1.0), "`test_fraction` must be between 0 and 1, got 1.0."),
        ((math.nan, 0.2), "`val_fraction` must be between 0 and 1, got nan."),
        ((0.5, 0.5), "`val_fraction` and `test_fraction` must leave something to train on, got a sum of 1."),
    ],
)
def test_fractions_that_cannot_be_are_refused(fractions, message):
    with pytest.raises(ValueError, match="must") as error:
        check_fractions(*fractions)

    assert str(error.value) == message


def test_the_test_part_may_be_empty_where_that_is_allowed():
    check_fractions(0.2, 0, test_may_be_empty=True)

    with pytest.raises(ValueError, match="must") as error:
        check_fractions(0.2, -0.1, test_may_be_empty=True)
    assert str(error.value) == "`test_fraction` must be from 0 to below 1, got -0.1."
