"""Hugging Face datasets."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List, Value
from torch.utils.data import Subset

from lightning_imbalance.labels import as_labels, read, stream
from lightning_imbalance.labels.batch import TARGET_KEYS

FEATURES = Features({"text": Value("string"), "label": ClassLabel(names=["cat", "dog"])})


@pytest.fixture
def pets():
    return Dataset.from_dict({"text": list("abcd"), "label": [0, 1, 1, 0]}, features=FEATURES)


def test_the_label_column_and_its_names_are_read(pets):
    labels = read(pets)
    assert labels.values.tolist() == [row["label"] for row in pets]
    assert labels.class_names == ("cat", "dog")


@pytest.mark.parametrize("key", TARGET_KEYS)
def test_every_usual_name_of_the_column_is_known(key):
    assert read(Dataset.from_dict({"x": [0, 0], key: [3, 1]})).values.tolist() == [3, 1]


def test_a_class_label_column_of_another_name_is_found():
    assert read(
        Dataset.from_dict({"species": [1]}, features=Features({"species": FEATURES["label"]}))
    ).values.tolist() == [1]


def test_select_and_shuffle_are_followed(pets):
    assert read(pets.select([2, 0, 0])).values.tolist() == [1, 0, 0]
    shuffled = pets.shuffle(seed=1)
    assert read(shuffled).values.tolist() == [row["label"] for row in shuffled]
    assert read(Subset(pets, [1, 3])).values.tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["torch", "numpy", "pandas", "arrow"])
def test_a_format_changes_no_label(pets, kind):
    assert read(pets.with_format(kind)).values.tolist() == [0, 1, 1, 0]


def test_strings_and_rows_of_labels_are_read():
    assert read(Dataset.from_dict({"label": ["cat", "dog"]})).values == ["cat", "dog"]
    rows = Dataset.from_dict({"labels": [[1, 0], [1, 1]]}, features=Features({"labels": List(Value("int64"))}))
    assert read(rows).values.tolist() == [[1, 0], [1, 1]]


def test_the_images_are_not_decoded(monkeypatch):
    images = [PIL.Image.fromarray(np.zeros((2, 2, 3), "uint8"))] * 2
    features = Features({"image": Image(), "label": Value("int64")})
    dataset = Dataset.from_dict({"image": images, "label": [1, 0]}, features=features)

    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(Image, "decode_example", refuse)
    assert read(dataset).values.tolist() == [1, 0]


def test_a_transform_is_left_to_a_scan_which_keeps_the_names(pets):
    changed = pets.with_transform(lambda rows: {"x": rows["text"], "label": [1 - y for y in rows["label"]]})
    assert read(changed) is None
    names, chunks, _ = stream(changed)
    assert names == ("cat", "dog")
    assert [chunk.tolist() for chunk in chunks] == [[1, 0, 0, 1]]


def test_a_mask_that_is_an_image_is_left_to_a_scan():
    masks = Dataset.from_dict({"label": [PIL.Image.new("L", (2, 1), 3)]}, features=Features({"label": Image()}))
    assert read(masks) is None


def test_a_stream_is_read_as_far_as_asked(pets):
    names, chunks, _ = stream(pets.to_iterable_dataset(), max_samples=3)
    assert names == ("cat", "dog")
    assert [chunk.tolist() for chunk in chunks] == [[0, 1, 1]]


def test_an_empty_dataset_has_no_labels(pets):
    assert read(pets.select([])).values.tolist() == []


def test_the_column_alone_is_labels_too(pets):
    assert as_labels(pets["label"]).tolist() == [0, 1, 1, 0]


def test_a_dictionary_of_splits_is_refused(pets):
    with pytest.raises(TypeError) as error:
        read(DatasetDict(train=pets, test=pets))
    assert str(error.value) == (
        "`dataset` must be one dataset, got a DatasetDict with splits 'train', 'test'. "
        "Choose one, for example `dataset['train']`."
    )


def test_an_empty_dictionary_of_splits_is_refused():
    with pytest.raises(TypeError) as error:
        read(DatasetDict())
    assert str(error.value) == "`dataset` must be one dataset, got an empty DatasetDict."


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"text": ["a"], "kind": [1]}, "'text', 'kind'"),
        ({"label": [1], "target": [1], "text": ["a"]}, "'target', 'label'"),
    ],
    ids=["none", "two"],
)
def test_no_or_several_label_columns_are_refused(columns, named):
    with pytest.raises(TypeError) as error:
        read(Dataset.from_dict(columns))
    assert str(error.value) == (
        "`dataset` must have exactly one column that holds labels (label, labels, target, ...), got a Dataset with "
        f"{named}. Name it with `rename_column(..., 'label')`, drop the others with `remove_columns(...)`, or count "
        "the column itself: `ClassDistribution.from_labels(dataset[...])`."
    )
