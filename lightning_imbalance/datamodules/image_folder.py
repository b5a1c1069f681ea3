"""The user's own folder of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch import Tensor

from lightning_imbalance.data.image_parts import check_fractions, image_parts
from lightning_imbalance.data.image_transforms import image_transform
from lightning_imbalance.data.long_tail import Kind, check_profile, long_tailed
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule

_IMAGE_SIZE = 64


class ImageFolderDataModule(PartsDataModule):
    """A folder of images, with or without folders for training, validation and test.

    With ``train/`` in ``root``, its class folders are the training data, and ``val/`` (or ``valid/``, ``validation/``)
    and ``test/`` are used where they exist. Otherwise the class folders in ``root`` itself are the training data.
    A part that has no folder of its own is split off the training data by class.

    Args:
        root: The folder. Class folders in it give the class names, in alphabetical order.
        batch_size: Samples in a batch: images ``(B, channels, H, W)``, float32, and labels ``(B,)``, int64.
        image_size: Height and width in pixels to which images are resized (64 if not given), one number for both.
        num_workers: Processes that load batches; 0 loads them in the main process.
        val_fraction: Share of the training data that validates, between 0 and 1 (0.15 if not given). Not with ``val/``.
        test_fraction: The same for the test part; 0 for none. Not with ``test/``.
        imbalance_ratio: Thin the training part out until its largest count is this multiple of its smallest; the first
            class becomes the largest. By default it stays as it is.
        kind: ``"exponential"`` or ``"step"``, see :func:`lightning_imbalance.data.long_tailed_counts`.
        seed: Seed of the split and of the thinning.
        channels: 3 for colour, 1 for grey.
        train_transform: From a ``PIL.Image.Image`` to a tensor, in place of resizing, flipping half of the images
            and normalising (colour by ImageNet's mean and standard deviation, grey to -1 ... 1).
        eval_transform: The same for validation and test, in place of resizing and normalising.

    Raises:
        ValueError: An argument is out of its range or cannot take effect. In ``setup``: the folder is missing, has
            fewer than two classes, a class without an image, or parts with different classes; a part would be empty.
        OSError: While batches are read: an image cannot be read; the message names the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         (Path(root) / name).mkdir()
        ...         for index in range(10):
        ...             Image.new("RGB", (40, 30)).save(Path(root) / name / f"{index}.png")
        ...     photos = ImageFolderDataModule(root, batch_size=8, image_size=32)
        ...     images, labels = next(iter(photos.val_dataloader()))
        >>> photos.class_names, tuple(images.shape)
        (['cat', 'dog'], (4, 3, 32, 32))
    """

    def __init__(
        self,
        root: str | Path,
        batch_size: int = 32,
        image_size: int | tuple[int, int] | None = None,
        num_workers: int = 0,
        *,
        val_fraction: float | None = None,
        test_fraction: float | None = None,
        imbalance_ratio: float | None = None,
        kind: Kind = "exponential",
        seed: int = 0,
        channels: int = 3,
        train_transform: Callable[[Image.Image], Tensor] | None = None,
        eval_transform: Callable[[Image.Image], Tensor] | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_profile(1.0 if imbalance_ratio is None else imbalance_ratio, kind)
        if kind != "exponential" and imbalance_ratio is None:
            msg = f"`imbalance_ratio` must be given with `kind`, got None with kind={kind!r}."
            raise ValueError(msg)
        check_fractions(val_fraction, test_fraction, test_may_be_empty=True)
        if image_size is not None and train_transform is not None and eval_transform is not None:
            msg = (
                f"`image_size` must be left out when both transforms are given, got {image_size!r}. They set the size."
            )
            raise ValueError(msg)
        self.root = Path(root)
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.imbalance_ratio = imbalance_ratio
        self.kind: Kind = kind
        self.channels = channels
        size = _IMAGE_SIZE if image_size is None else image_size
        self.train_transform = train_transform or image_transform(size, channels, augment=True)
        self.eval_transform = eval_transform or image_transform(size, channels)

    def make_parts(self) -> Parts:
        """List the images, split off the parts that have no folder and thin out the training part."""
        found = image_parts(self.root, self.val_fraction, self.test_fraction, seed=self.seed, channels=self.channels)
        train = found.train
        if self.imbalance_ratio is not None:
            classes = len(train.classes)
            kept = long_tailed(train.labels, self.imbalance_ratio, self.kind, seed=self.seed, num_classes=classes)
            train = train.keep(kept)
        return Parts(
            train=train.dataset(self.train_transform),
            val=found.val.dataset(self.eval_transform),
            test=None if found.test is None else found.test.dataset(self.eval_transform),
            class_names=train.classes,
        )
