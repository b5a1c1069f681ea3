from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from lightning_imbalance.data import Digits


def test_the_images_are_those_of_scikit_learn_from_0_to_1():
    digits = Digits()

    assert digits.images.shape == (1797, 1, 8, 8)
    assert digits.images.dtype == torch.float32
    assert np.array_equal(digits.images[:, 0].numpy() * 16, load_digits().images)
    assert (float(digits.images.min()), float(digits.images.max())) == (0.0, 1.0)


def test_a_sample_is_an_image_and_its_label():
    digits = Digits()

    image, label = digits[1796]

    assert torch.equal(image, digits.images[1796])
    assert type(label) is int
    assert [digits[index][1] for index in range(20)] == load_digits().target[:20].tolist()


def test_labels_and_names_are_at_hand():
    digits = Digits()

    assert digits.class_labels().tolist() == load_digits().target.tolist()
    assert digits.class_labels().dtype == torch.int64
    assert digits.classes == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert len(digits) == 1797


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)

    with pytest.raises(ModuleNotFoundError) as error:
        Digits()

    assert str(error.value) == (
        "`Digits` must have scikit-learn, which brings the images, and it is not installed. "
        'Run: pip install "lightning-imbalance[demo]"'
    )
