from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset
from torchvision.transforms import v2

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.labels import read
from lightning_imbalance.synthesis import MinorityAugmentation
from lightning_imbalance.synthesis.minority_augmentation import rarity_strengths

COUNTS = [80, 16, 4]
LABELS = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
IMAGES = torch.rand(100, 1, 6, 6, generator=torch.Generator().manual_seed(0))
DATA = TensorDataset(IMAGES, LABELS)


def brighter(image):
    return image + 100


class By:
    """A transform that shows its strength; a class, so that workers that are spawned can be given it."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, image):
        return image * 0 + self.strength


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=6).filter(any),
    st.floats(0.1, 4),
    st.floats(0, 0.5),
    st.floats(0.5, 1),
)
def test_the_strength_is_the_formula(counts, power, low, high):
    strengths = rarity_strengths(ClassDistribution(counts), power, low, high).tolist()

    rarest, largest = min(filter(None, counts)), max(counts)
    for count, strength in zip(counts, strengths, strict=True):
        expected = low + (high - low) * (1 - ((count or rarest) / largest) ** power)
        assert strength == pytest.approx(expected, abs=1e-12)


def test_the_largest_class_is_left_alone_and_others_are_changed_by_their_strength():
    train = MinorityAugmentation(DATA, by_strength=By)

    changed = torch.stack([train[index][0].mean() for index in range(100)])

    torch.testing.assert_close(changed[:80], IMAGES[:80].mean((1, 2, 3)))
    torch.testing.assert_close(changed[80:96], torch.full((16,), 0.4))
    torch.testing.assert_close(changed[96:], torch.full((4,), 0.475))


def test_a_transform_is_applied_as_often_as_its_strength():
    train = MinorityAugmentation(DATA, brighter, power=0.5, max_strength=0.9)
    strengths = train.strengths.tolist()

    for index, strength in ((0, strengths[0]), (90, strengths[1]), (99, strengths[2])):
        applied = sum(train[index][0].min().item() > 50 for _ in range(400)) / 400
        assert abs(applied - strength) <= 4 * math.sqrt(strength * (1 - strength) / 400)


def test_by_default_rare_images_are_shifted_half_of_the_time_and_each_time_anew():
    train = MinorityAugmentation(DATA)

    seen = [train[99][0] for _ in range(400)]

    assert all(torch.equal(train[index][0], IMAGES[index]) for index in range(80))
    moved = [image for image in seen if not torch.equal(image, IMAGES[99])]
    assert abs(len(moved) / 400 - 0.475) <= 4 * math.sqrt(0.475 * 0.525 / 400)
    assert not torch.equal(moved[0], moved[1])
    assert {image.shape for image in seen} == {IMAGES[99].shape}


def test_torchvisions_transforms_are_given_as_they_are():
    train = MinorityAugmentation(DATA, v2.RandomHorizontalFlip(p=1.0), max_strength=1.0, min_strength=1.0)

    assert torch.equal(train[0][0], IMAGES[0].flip(-1))


@pytest.mark.parametrize("workers", [0, 2])
def test_labels_and_inputs_stay_together_in_workers(workers):
    loader = DataLoader(MinorityAugmentation(DATA, by_strength=By), batch_size=25, num_workers=workers)

    images, labels = (torch.cat(part) for part in zip(*loader, strict=True))

    assert torch.equal(labels, LABELS)
    torch.testing.assert_close(images[96:].mean((1, 2, 3)), torch.full((4,), 0.475))


class Unopened(Dataset):
    targets = LABELS
    classes = ("mole", "spot", "scar")

    def __len__(self):
        return 100

    def __getitem__(self, index):
        pytest.fail("an image was opened")


def test_classes_are_counted_and_read_without_opening_a_sample():
    train = MinorityAugmentation(Unopened(), brighter)

    assert read(train).values.tolist() == LABELS.tolist()
    assert ClassDistribution.from_dataset(Subset(train, [0, 85, 99])).counts.tolist() == [1, 1, 1]
    assert ClassDistribution.from_dataset(train).class_names == ("mole", "spot", "scar")


def test_labels_that_are_only_in_the_samples_are_counted_by_a_scan():
    class Hidden(Dataset):
        def __len__(self):
            return 100

        def __getitem__(self, index):
            return DATA[index]

    train = MinorityAugmentation(Hidden(), brighter)

    assert train.distribution.counts.tolist() == COUNTS
    assert train.class_labels() is None
    assert ClassDistribution.from_dataset(train).counts.tolist() == COUNTS


def test_mappings_keep_what_else_they_hold():
    rows = [{"image": IMAGES[i], "label": int(LABELS[i]), "path": str(i)} for i in range(100)]
    train = MinorityAugmentation(rows, by_strength=By, distribution=ClassDistribution(COUNTS))

    assert set(train[99]) == {"image", "label", "path"}
    assert train[99]["image"].mean().item() == pytest.approx(0.475)
    assert train[99]["path"] == "99"
    assert torch.equal(rows[99]["image"], IMAGES[99])


def test_a_model_trains_on_it_and_is_not_evaluated_on_it(tiny_trainer):
    train = MinorityAugmentation(DATA)
    model = WeightedClassifier(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 3)))

    tiny_trainer().fit(model, DataLoader(train, batch_size=50), DataLoader(DATA, batch_size=50))

    assert model.distribution.counts.tolist() == COUNTS
    with pytest.raises(ValueError) as error:
        tiny_trainer().validate(model, DataLoader(Subset(train, range(90, 100))), verbose=False)
    assert str(error.value) == (
        "validation data must be real samples, got a MinorityAugmentation, which holds synthetic ones. Split the data "
        "first, and make more of the training part alone."
    )


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"transform": 3}, TypeError, "`transform` must be a function, got 3."),
        ({"by_strength": 0.5}, TypeError, "`by_strength` must be a function, got 0.5."),
        (
            {"transform": brighter, "by_strength": By},
            ValueError,
            "`transform` must be left out with `by_strength`, which makes one for each class, got both.",
        ),
        ({"power": 0}, ValueError, "`power` must be a finite number above 0, got 0."),
        ({"max_strength": 2}, ValueError, "`max_strength` must be between 0 and 1, got 2."),
        (
            {"min_strength": 0.5, "max_strength": 0.2},
            ValueError,
            "`min_strength` must be at most `max_strength`, got 0.5 and 0.2.",
        ),
        (
            {"distribution": ClassDistribution([5, 5])},
            ValueError,
            "a class must be rarer than another for its samples to be augmented, got 5, 5 samples. Augment all with `min_strength`.",
        ),
        (
            {"distribution": ClassDistribution([5, 1], task="multilabel", num_samples=5)},
            ValueError,
            'samples must have one label each, got a distribution for `task="multilabel"`.',
        ),
    ],
)
def test_arguments_that_cannot_take_effect_are_refused(options, kind, message):
    with pytest.raises(kind) as error:
        MinorityAugmentation(DATA, **options)

    assert str(error.value) == message


def test_a_label_outside_the_classes_is_named():
    train = MinorityAugmentation(DATA, distribution=ClassDistribution([9, 2]))

    with pytest.raises(ValueError) as error:
        train[99]

    assert str(error.value) == "labels must be class indices from 0 to 1, got 2."


def test_a_sample_without_an_input_is_described():
    train = MinorityAugmentation([{"picture": 1, "label": 1}], distribution=ClassDistribution([9, 2]))

    with pytest.raises(TypeError) as error:
        train[0]

    assert str(error.value) == (
        "samples must have one usual input key (image, inputs, x, ...), got a dict with keys 'picture', 'label'."
    )
