from __future__ import annotations

import numpy as np
import pytest
import torch

from lightning_imbalance import ClassDistribution
from lightning_imbalance.samplers.class_of import ClassOf

DISTRIBUTION = ClassDistribution([3, 2, 0], class_names=["cat", "dog", "eel"])


@pytest.mark.parametrize(
    "label",
    [
        1,
        "dog",
        np.array("dog"),
        True,
        1.0,
        np.int64(1),
        np.uint8(1),
        np.array(1),
        np.array([1]),
        torch.tensor(1),
        torch.tensor([1.0]),
    ],
)
def test_a_class_is_given_as_index_or_name(label):
    assert ClassOf(DISTRIBUTION)(("picture", label)) == 1
    assert ClassOf(DISTRIBUTION)({"image": "picture", "label": label, "path": "a.png"}) == 1
    assert ClassOf(DISTRIBUTION, lambda sample: sample[0])((label, 0, "more")) == 1


OF_DISTRIBUTION = "each sample of the stream must be of one of the 3 classes of `distribution`, got "
LABEL = "the label of a sample must be a class index or a class name, got "


@pytest.mark.parametrize(
    ("label", "kind", "message"),
    [
        (3, ValueError, OF_DISTRIBUTION + "3."),
        (-1, ValueError, OF_DISTRIBUTION + "-1."),
        ("fox", ValueError, OF_DISTRIBUTION + "'fox'."),
        (
            2,
            ValueError,
            "each sample of the stream must be of a class that has samples in `distribution`, got class 'eel'. Count a larger part of the stream.",
        ),
        (0.5, TypeError, LABEL + "0.5. Pass `label_of`."),
        (None, TypeError, LABEL + "None. Pass `label_of`."),
        (torch.tensor(0.5), TypeError, LABEL + "0.5. Pass `label_of`."),
        (torch.zeros(4, 4), TypeError, LABEL + "shape (4, 4). Pass `label_of`."),
        ([1], TypeError, LABEL + "[1]. Pass `label_of`."),
        (float("nan"), TypeError, LABEL + "nan. Pass `label_of`."),
        (torch.tensor(float("nan")), TypeError, LABEL + "nan. Pass `label_of`."),
    ],
)
def test_a_label_of_no_class_is_refused(label, kind, message):
    with pytest.raises(kind) as error:
        ClassOf(DISTRIBUTION)(("picture", label))

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("distribution", "options", "kind", "message"),
    [
        (
            [3, 1],
            {},
            TypeError,
            "`distribution` must be a ClassDistribution, got list. Count a part of the stream: `ClassDistribution.from_dataset(dataset, max_samples=10_000)`.",
        ),
        (
            ClassDistribution([3, 1], task="multilabel", num_samples=4),
            {},
            ValueError,
            "`distribution` must be of classes that exclude each other, got task 'multilabel'.",
        ),
        (
            DISTRIBUTION,
            {"label_of": "label"},
            TypeError,
            "`label_of` must be a function from a sample to its class, got 'label'.",
        ),
    ],
)
def test_what_says_no_classes_is_refused(distribution, options, kind, message):
    with pytest.raises(kind) as error:
        ClassOf(distribution, **options)

    assert str(error.value) == message
