"""Data sets that are there already: torchvision's, Hugging Face's, one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imbalance.data.image_parts import DEFAULT_FRACTION, check_fractions
from lightning_imbalance.data.image_transforms import image_transform
from lightning_imbalance.data.split import split_off
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule
from lightning_imbalance.labels import Labels, stream, unpack_batch

_LARGEST = 64
_GREY = {"1", "L", "LA"}


class TensorSamples(Dataset[tuple[Any, int]]):
    """Samples of a data set as pairs of input and class.

    Args:
        dataset: Its samples are pairs or mappings, as :func:`lightning_imbalance.labels.unpack_batch` takes them apart.
        labels: The class of each of its samples, and the names of the classes.
        picture: From a ``PIL.Image.Image`` to a tensor.
        indices: The samples, shape ``(M,)``, int64; by default all of them.

    Example:
        >>> labels = Labels(torch.tensor([0, 1]), ("no", "yes"))
        >>> TensorSamples([([1.0, 2.0], 0), ([3.0, 4.0], 1)], labels)[1]
        (tensor([3., 4.]), 1)
    """

    def __init__(
        self,
        dataset: Any,
        labels: Labels,
        picture: Callable[[Image.Image], Tensor] | None = None,
        indices: Tensor | None = None,
    ) -> None:
        self.dataset = dataset
        self.classes = labels.class_names
        self._labels = torch.as_tensor(labels.values)
        self._picture = picture
        self._indices = torch.arange(len(self._labels)) if indices is None else indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        place = int(self._indices[index])
        inputs, _ = unpack_batch(self.dataset[place])
        if self._picture is not None and isinstance(inputs, Image.Image):
            inputs = self._picture(inputs)
        elif isinstance(inputs, (list, tuple)):
            inputs = torch.tensor(inputs, dtype=torch.float32)
        return inputs, int(self._labels[place])

    def class_labels(self) -> Labels:
        """Return the class of each sample without loading one.

        Returns:
            Shape ``(M,)``, int64, and the names of the classes.
        """
        return Labels(self._labels[self._indices], self.classes)


class AsPicture:
    """Makes tensors of one size of images, grey or in colour.

    Args:
        size: Height and width in pixels.
        channels: 3 for colour, 1 for grey.

    Example:
        >>> AsPicture((8, 8), channels=1)(Image.new("RGB", (40, 30))).shape
        torch.Size([1, 8, 8])
    """

    def __init__(self, size: int | tuple[int, int], channels: int) -> None:
        self._mode = "L" if channels == 1 else "RGB"
        self._transform = image_transform(size, channels)

    def __call__(self, image: Image.Image) -> Tensor:
        """Return an image as a tensor ``(channels, H, W)``."""
        return self._transform(image.convert(self._mode))


class DatasetDataModule(PartsDataModule):
    """Data sets with an index for each sample: those of torchvision and Hugging Face, or one's own.

    A sample is a pair ``(input, class)``, or a mapping with one usual key for each (``image``, ``label``, ...). Images
    are resized and normalised as :class:`ImageFolderDataModule` does, and not flipped: what is in them is not known.
    Tensors and arrays stay as they are, and lists become tensors.

    Args:
        train: The training data.
        val: The validation data; by default split off the training data by class.
        test: The test data; the same.
        batch_size: Samples in a batch.
        image_size: Height and width in pixels to which images are resized. By default those of the first training
            image, and at most 64.
        num_workers: Processes that load batches; 0 loads them in the main process.
        val_fraction: Share of ``train`` that validates, between 0 and 1 (0.15 if not given). Not with ``val``.
        test_fraction: The same for the test part; 0 for none. Not with ``test``.
        seed: Seed of the split.

    Raises:
        TypeError: In ``setup``: a data set has no samples, or samples without one class each.
        ValueError: An argument is out of its range or cannot take effect. In ``setup``: a part would be empty.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> points = TensorDataset(torch.randn(40, 3), torch.tensor([0] * 30 + [1] * 10))
        >>> data = DatasetDataModule(points, batch_size=4)
        >>> len(data.parts.train), len(data.parts.val), len(data.parts.test)
        (28, 7, 5)
    """

    def __init__(
        self,
        train: Any,
        val: Any | None = None,
        test: Any | None = None,
        batch_size: int = 32,
        image_size: int | tuple[int, int] | None = None,
        num_workers: int = 0,
        *,
        val_fraction: float | None = None,
        test_fraction: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_fractions(val_fraction, test_fraction, test_may_be_empty=True)
        for name, part, fraction in (("val", val, val_fraction), ("test", test, test_fraction)):
            if part is not None and fraction is not None:
                msg = f"`{name}_fraction` must be left out with `{name}`, got {fraction}."
                raise ValueError(msg)
        self.datasets: Mapping[str, Any] = {"train": train, "val": val, "test": test}
        self.image_size = image_size
        self.fractions: Mapping[str, float | None] = {"val": val_fraction, "test": test_fraction}

    def make_parts(self) -> Parts:
        """Read the labels, and split off the parts that are not there."""
        given = {name: dataset for name, dataset in self.datasets.items() if dataset is not None}
        labels = {name: _labels(name, dataset) for name, dataset in given.items()}
        missing = {
            name: DEFAULT_FRACTION if fraction is None else fraction
            for name, fraction in self.fractions.items()
            if name not in given
        }
        check_fractions(missing.get("val"), missing.get("test"), test_may_be_empty=True)
        train = labels["train"]
        values = torch.as_tensor(train.values)
        names = train.class_names or tuple(map(str, range(int(values.max()) + 1)))
        picture = self._picture(given["train"])
        parts = {
            name: TensorSamples(given["train"], Labels(values, names), picture, indices)
            for name, indices in split_off(values, missing, self.seed).items()
        }
        for name in labels.keys() - {"train"}:
            parts[name] = TensorSamples(given[name], Labels(labels[name].values, names), picture)
        return Parts(parts["train"], parts["val"], parts.get("test"), list(names))

    def _picture(self, dataset: Any) -> AsPicture | None:
        first, _ = unpack_batch(dataset[0])
        if isinstance(first, Image.Image):
            size = self.image_size or (min(first.height, _LARGEST), min(first.width, _LARGEST))
            return AsPicture(size, 1 if first.mode in _GREY else 3)
        if self.image_size is not None:
            msg = f"`image_size` must be left out unless the samples are images, got {self.image_size!r}."
            raise ValueError(msg)
        return None


def _labels(name: str, dataset: Any) -> Labels:
    found = stream(dataset)
    chunks = list(found.chunks)
    if any(not isinstance(chunk, Tensor) for chunk in chunks):
        msg = f"`{name}` must have whole numbers for classes, got words, such as {chunks[0][0]!r}."
        raise TypeError(msg)
    values = torch.cat([torch.as_tensor(chunk) for chunk in chunks]) if chunks else torch.zeros(0)
    if values.ndim != 1 or len(values) == 0:
        got = "no sample" if len(values) == 0 else f"{values.shape[1]} labels a sample"
        msg = f"`{name}` must have one class a sample, got {got}."
        raise TypeError(msg)
    return Labels(values.long(), found.class_names)
