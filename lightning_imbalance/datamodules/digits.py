"""scikit-learn's digits, made long-tailed."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils.data import Dataset, Subset

from lightning_imbalance.data.digits import Digits
from lightning_imbalance.data.image_parts import check_fractions
from lightning_imbalance.data.long_tail import Kind, check_profile, long_tailed
from lightning_imbalance.data.split import stratified_split
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule


class DigitsDataModule(PartsDataModule):
    """scikit-learn's handwritten digits: a long-tailed training part, balanced validation and test parts.

    The validation and the test part are split off first, by class, and have the same number of every digit. The rest is
    thinned out until it is long-tailed; 0 is the most frequent digit and 9 the rarest. By default 98 to 4 samples of
    a digit are left to train on, 26 validate and 52 test it.

    Args:
        imbalance_ratio: Largest count over smallest count of the training part, 1 (balanced) or more.
        kind: ``"exponential"`` or ``"step"``, see :func:`lightning_imbalance.data.long_tailed_counts`.
        batch_size: Samples in a batch: images ``(B, 1, 8, 8)``, float32 from 0 to 1, and labels ``(B,)``, int64.
        seed: Seed of the split and of the thinning.
        val_fraction: Share of all digits that validate, between 0 and 1.
        test_fraction: Share of all digits that test, between 0 and 1.
        num_workers: Processes that load batches; 0, since the images are in memory.

    Raises:
        ValueError: An argument is out of its range; in ``setup``, the ratio is more than the training part allows.
        ModuleNotFoundError: In ``setup``: scikit-learn is not installed.

    Example:
        >>> digits = DigitsDataModule(imbalance_ratio=10)
        >>> digits.num_classes
        10
        >>> images, labels = next(iter(digits.train_dataloader()))
        >>> tuple(images.shape), tuple(labels.shape)
        ((32, 1, 8, 8), (32,))
    """

    def __init__(
        self,
        imbalance_ratio: float = 20.0,
        kind: Kind = "exponential",
        batch_size: int = 32,
        seed: int = 0,
        val_fraction: float = 0.15,
        test_fraction: float = 0.3,
        num_workers: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, seed=seed)
        check_profile(imbalance_ratio, kind)
        check_fractions(val_fraction, test_fraction)
        self.imbalance_ratio = imbalance_ratio
        self.kind: Kind = kind
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction

    def make_parts(self) -> Parts:
        """Split the digits, even out two parts and thin out the third."""
        digits = Digits()
        fractions = [1 - self.val_fraction - self.test_fraction, self.val_fraction, self.test_fraction]
        train, val, test = stratified_split(digits.labels, fractions, seed=self.seed)

        def profiled(part: Tensor, ratio: float, kind: Kind = "exponential") -> Dataset[Any]:
            kept = part[long_tailed(digits.labels[part], ratio, kind, seed=self.seed, num_classes=len(digits.classes))]
            return Subset(digits, kept.tolist())

        return Parts(
            train=profiled(train, self.imbalance_ratio, self.kind),
            val=profiled(val, 1.0),
            test=profiled(test, 1.0),
            class_names=digits.classes,
        )
