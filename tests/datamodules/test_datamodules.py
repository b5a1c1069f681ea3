from __future__ import annotations

import pickle

import lightning as L
import pytest
import torch
from PIL import Image

from lightning_imbalance.data import Digits
from lightning_imbalance.data.digits import Digits as DigitsClass
from lightning_imbalance.datamodules import DigitsDataModule, ImageFolderDataModule


@pytest.fixture
def photos(tmp_path):
    """A folder of 12 images of cats and 24 of dogs, each of one grey level."""
    for name, count in {"cat": 12, "dog": 24}.items():
        (tmp_path / name).mkdir()
        for index in range(count):
            Image.new("RGB", (6, 4), (index, index, index)).save(tmp_path / name / f"{index:02}.png")
    return tmp_path


def labels_of(loader) -> list[int]:
    return torch.cat([labels for _, labels in loader]).tolist()


def counts_of(loader) -> list[int]:
    return torch.bincount(torch.tensor(labels_of(loader))).tolist()


def indices_of(datamodule) -> list[list[int]]:
    return [list(part.indices) for part in datamodule.parts[:3]]


class Network(L.LightningModule):
    """The smallest thing that can be fitted."""

    def __init__(self, pixels: int, num_classes: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(pixels, num_classes)

    def training_step(self, batch, _batch_idx):
        images, labels = batch
        return torch.nn.functional.cross_entropy(self.layer(images.flatten(1)), labels)

    def validation_step(self, batch, batch_idx):
        self.training_step(batch, batch_idx)

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_the_digits_are_long_tailed_to_train_on_and_balanced_elsewhere():
    digits = DigitsDataModule()

    assert counts_of(digits.train_dataloader()) == [98, 70, 50, 36, 25, 18, 13, 9, 6, 4]
    assert counts_of(digits.val_dataloader()) == [26] * 10
    assert counts_of(digits.test_dataloader()) == [52] * 10


def test_no_digit_is_in_two_parts():
    train, val, test = map(set, indices_of(DigitsDataModule(imbalance_ratio=2)))

    assert len(train | val | test) == len(train) + len(val) + len(test)


def test_the_digits_can_have_a_step_and_other_shares():
    digits = DigitsDataModule(imbalance_ratio=10, kind="step", val_fraction=0.1, test_fraction=0.1)

    counts = counts_of(digits.train_dataloader())
    assert len(set(counts[:5])) == len(set(counts[5:])) == 1
    assert counts[9] == counts[0] // 10
    assert counts_of(digits.val_dataloader()) == [18] * 10
    assert counts_of(digits.test_dataloader()) == [17] * 10


def test_digits_come_as_batches_of_images_and_labels():
    images, labels = next(iter(DigitsDataModule(batch_size=5).train_dataloader()))

    assert (images.shape, images.dtype) == ((5, 1, 8, 8), torch.float32)
    assert (labels.shape, labels.dtype) == ((5,), torch.int64)


@pytest.mark.parametrize("make", [lambda _: DigitsDataModule(), ImageFolderDataModule], ids=["digits", "folder"])
def test_classes_are_known_before_anybody_calls_setup(make, photos):
    datamodule = make(photos)

    assert datamodule.num_classes == len(datamodule.class_names)
    assert datamodule.class_names in (["cat", "dog"], Digits().classes)


@pytest.mark.parametrize(
    "make",
    [lambda _, seed: DigitsDataModule(seed=seed), lambda root, seed: ImageFolderDataModule(root, seed=seed)],
    ids=["digits", "folder"],
)
def test_the_split_depends_on_the_seed_alone(make, photos):
    first, again, other = make(photos, seed=1), make(photos, seed=1), make(photos, seed=2)

    first.setup("fit")
    before = indices_of(first)
    first.setup("test")
    torch.manual_seed(99)

    assert indices_of(first) == before == indices_of(again)
    assert indices_of(other) != before


def test_training_samples_are_shuffled_and_others_are_not(photos):
    folder = ImageFolderDataModule(photos, image_size=2)

    orders = [labels_of(folder.train_dataloader()) for _ in range(2)]
    assert orders[0] != sorted(orders[0])
    assert orders[0] != orders[1]
    assert labels_of(folder.val_dataloader()) == sorted(labels_of(folder.val_dataloader()))


# On a machine of many cores Lightning asks for more processes than images of a few pixels need.
@pytest.mark.filterwarnings("ignore:The '\\w+_dataloader' does not have many workers:UserWarning")
@pytest.mark.parametrize(
    ("make", "pixels"),
    [
        (lambda _: DigitsDataModule(), 64),
        (lambda root: ImageFolderDataModule(root, batch_size=4, image_size=4, imbalance_ratio=4, channels=1), 16),
    ],
    ids=["digits", "folder"],
)
def test_a_trainer_fits_and_tests_on_it(make, pixels, photos, tmp_path):
    datamodule = make(photos)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        log_every_n_steps=1,
    )
    network = Network(pixels, datamodule.num_classes)

    trainer.fit(network, datamodule=datamodule)
    trainer.test(network, datamodule=datamodule, verbose=False)

    assert trainer.global_step == len(datamodule.train_dataloader())


def test_a_folder_is_split_and_its_images_normalised(photos):
    folder = ImageFolderDataModule(photos, batch_size=100, image_size=8)

    assert counts_of(folder.train_dataloader()) == [8, 17]
    assert counts_of(folder.val_dataloader()) == [2, 4]
    images, _ = next(iter(folder.test_dataloader()))
    assert (images.shape, images.dtype) == ((5, 3, 8, 8), torch.float32)
    assert float(images.max()) < 0


def test_the_training_part_of_a_folder_can_be_made_long_tailed(photos):
    natural, thinned = ImageFolderDataModule(photos), ImageFolderDataModule(photos, imbalance_ratio=4)

    assert counts_of(thinned.train_dataloader()) == [8, 2]
    assert set(thinned.parts.train.indices) < set(natural.parts.train.indices)
    assert indices_of(thinned)[1:] == indices_of(natural)[1:]


def test_setup_opens_no_image(photos, monkeypatch):
    def refuse(path):
        raise AssertionError(path)

    monkeypatch.setattr(Image, "open", refuse)
    folder = ImageFolderDataModule(photos, imbalance_ratio=2)

    folder.setup("fit")

    assert folder.parts.train.dataset.class_labels()[list(folder.parts.train.indices)].bincount().tolist() == [8, 4]


def test_only_training_images_are_flipped(photos):
    Image.frombytes("L", (2, 1), bytes([0, 255])).save(photos / "cat" / "00.png")
    for path in photos.glob("*/*.png"):
        path.write_bytes((photos / "cat" / "00.png").read_bytes())
    folder = ImageFolderDataModule(photos, image_size=(1, 2), channels=1)

    def patterns(loader) -> set[tuple[float, ...]]:
        return {tuple(image.flatten().tolist()) for images, _ in loader for image in images}

    assert patterns(folder.train_dataloader()) == {(-1.0, 1.0), (1.0, -1.0)}
    assert patterns(folder.val_dataloader()) == patterns(folder.test_dataloader()) == {(-1.0, 1.0)}


def to_ones(_image):
    return torch.ones(1)


def to_twos(_image):
    return torch.full((1,), 2.0)


def test_transforms_of_ones_own_take_the_place_of_ours(photos):
    folder = ImageFolderDataModule(photos, train_transform=to_ones, eval_transform=to_twos)

    loaders = [folder.train_dataloader(), folder.val_dataloader(), folder.test_dataloader()]
    assert [next(iter(loader))[0].unique().tolist() for loader in loaders] == [[1.0], [2.0], [2.0]]


@pytest.mark.parametrize("make", [lambda _: DigitsDataModule(), ImageFolderDataModule], ids=["digits", "folder"])
def test_it_can_be_sent_to_another_process(make, photos):
    datamodule = make(photos)

    before, after = pickle.loads(pickle.dumps(datamodule)), pickle.loads(pickle.dumps(datamodule))  # noqa: S301

    assert indices_of(before) == indices_of(datamodule)
    assert len(after.parts.train[0]) == 2


def test_workers_load_the_same_samples_and_name_a_broken_image(photos):
    folder = ImageFolderDataModule(photos, image_size=2, num_workers=1)
    assert counts_of(folder.val_dataloader()) == [2, 4]
    first = folder.parts.val.dataset.samples[folder.parts.val.indices[0]][0]
    with open(first, "wb") as file:  # noqa: PTH123
        file.write(b"no image")

    with pytest.raises(OSError, match="An image file must be readable, got ") as error:
        next(iter(folder.val_dataloader()))

    assert f"An image file must be readable, got {first}: " in str(error.value)


def test_without_a_test_part_testing_is_refused(photos):
    with pytest.raises(ValueError, match="must") as error:
        ImageFolderDataModule(photos, test_fraction=0).test_dataloader()

    assert str(error.value) == "`test_fraction` must be above 0 to test where there is no test/ folder, got 0."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0."),
        ({"num_workers": -1}, "`num_workers` must be at least 0, got -1."),
        (
            {"imbalance_ratio": 0.5},
            (
                "`imbalance_ratio` must be a finite number of 1 or more, got 0.5. "
                "It is the largest count over the smallest."
            ),
        ),
        ({"kind": "cliff", "imbalance_ratio": 2}, "`kind` must be 'exponential' or 'step', got 'cliff'."),
        ({"val_fraction": 0}, "`val_fraction` must be between 0 and 1, got 0."),
        (
            {"val_fraction": 0.5, "test_fraction": 0.5},
            "`val_fraction` and `test_fraction` must leave something to train on, got a sum of 1.",
        ),
    ],
)
@pytest.mark.parametrize("make", [DigitsDataModule, lambda **given: ImageFolderDataModule("nowhere", **given)])
def test_an_argument_out_of_its_range_is_refused_at_once(make, arguments, message):
    with pytest.raises(ValueError, match="must") as error:
        make(**arguments)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "step"}, "`imbalance_ratio` must be given with `kind`, got None with kind='step'."),
        ({"channels": 4}, "`channels` must be 1 (grey) or 3 (colour), got 4."),
        ({"image_size": 0}, "`image_size` must be at least 1 pixel, got 0."),
        (
            {"image_size": 9, "train_transform": to_ones, "eval_transform": to_twos},
            "`image_size` must be left out when both transforms are given, got 9. They set the size.",
        ),
    ],
)
def test_an_argument_that_cannot_take_effect_is_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match="must") as error:
        ImageFolderDataModule("nowhere", **arguments)

    assert str(error.value) == message


def test_a_ratio_that_the_digits_do_not_allow_is_refused_with_one_that_they_do():
    with pytest.raises(ValueError, match="must") as error:
        DigitsDataModule(imbalance_ratio=500).setup("fit")

    assert str(error.value) == (
        "`imbalance_ratio` must be at most 98 for these labels, got 500. Class 7 would get no sample."
    )


def test_a_missing_folder_is_refused_in_setup(tmp_path):
    with pytest.raises(ValueError, match="must") as error:
        ImageFolderDataModule(tmp_path / "nowhere").setup("fit")

    assert str(error.value) == f"`root` must be a folder, got {tmp_path / 'nowhere'}, which does not exist."


def test_the_digits_are_read_once(monkeypatch):
    reads = []
    original = DigitsClass.__init__
    monkeypatch.setattr(DigitsClass, "__init__", lambda self: reads.append(1) or original(self))
    digits = DigitsDataModule()

    digits.setup("fit")
    digits.setup("test")
    digits.train_dataloader()

    assert len(reads) == 1
