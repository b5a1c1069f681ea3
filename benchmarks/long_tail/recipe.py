"""What all methods share: the recipe of Cao et al. 2019 (LDAM), and the scale that it is run at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR

WHOLE = 200
LEARNING_RATE = 0.1


@dataclass(frozen=True)
class Scale:
    """What a run costs, and what a result is one of; results of different scales are not compared.

    Attributes:
        data: What the images are called.
        counts: Training images of each class.
        test_per_class: Test images of each class.
        depth: Layers of the ResNet.
        epochs: Epochs of the recipe, which has 200; its milestones move along.
        batch_size: Samples in a batch.
        precision: As Lightning's Trainer takes it.
    """

    data: str
    counts: tuple[int, ...]
    test_per_class: int
    depth: int = 32
    epochs: int = WHOLE
    batch_size: int = 128
    precision: str = "bf16-mixed"

    @classmethod
    def of(cls, described: dict[str, Any]) -> Scale:
        """Return what :meth:`as_dict` described."""
        return cls(**{**described, "counts": tuple(described["counts"])})

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "counts": list(self.counts)}

    @property
    def is_published(self) -> bool:
        """Whether this is what the papers train: CIFAR-10, 100 : 1, ResNet-32, 200 epochs, all test images."""
        counts = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
        whole = (self.depth, self.epochs, self.batch_size, self.test_per_class) == (32, WHOLE, 128, 1000)
        return whole and self.counts == counts and self.data.lower().replace("-", "").startswith("cifar10")

    @property
    def second_stage(self) -> int:
        """Epochs that follow where a classifier is trained again: 30 after 200, as in BagofTricks-LT."""
        return max(1, self.share(30))

    def share(self, epoch: int) -> int:
        """Return the epoch that stands where ``epoch`` of 200 does, rounded down."""
        return epoch * self.epochs // WHOLE


def learning_rate(epoch: int, scale: Scale) -> float:
    """Return the factor of the learning rate in an epoch.

    Linear warm-up over 5 epochs, times 0.01 after epoch 160 and times 0.0001 after 180 (the LDAM code, epochs counted
    from 1). What comes after the last epoch is a second stage, which has a schedule of its own: warm-up over 5 epochs
    again, times 0.1 after 10 and times 0.01 after 20 (BagofTricks-LT, ``cRT/cifar10_im100.yaml``).

    Args:
        epoch: Counted from 0.
        scale: Its epochs move the milestones.

    Returns:
        The factor.
    """
    warm_up, number = max(1, scale.share(5)), epoch + 1
    steps = {scale.share(160): 0.01, scale.share(180): 0.0001}
    if number > scale.epochs:
        number -= scale.epochs
        steps = {scale.share(10): 0.1, scale.share(20): 0.01}
    if number <= warm_up:
        return number / warm_up
    return min([factor for after, factor in steps.items() if number > after], default=1.0)


def optimizer(scale: Scale) -> dict[str, Any]:
    """Return the arguments ``optimizer`` and ``lr_scheduler`` of a WeightedClassifier."""

    def schedule(optimizer: Optimizer) -> LambdaLR:
        return LambdaLR(optimizer, lambda epoch: learning_rate(epoch, scale))

    return {
        "optimizer": partial(SGD, lr=LEARNING_RATE, momentum=0.9, weight_decay=2e-4),
        "lr_scheduler": schedule,
    }
