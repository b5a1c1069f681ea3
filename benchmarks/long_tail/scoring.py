"""How many test images are found, class by class and after every epoch: the papers report the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
import torch
from methods import POST_HOC, SAME, TAU_NORM, TAU_ONE
from torch import Tensor

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks import TauNormalization
from lightning_imbalance.functional import class_recall, confusion_counts
from lightning_imbalance.prior import adjust_logits

Decide = Callable[[Tensor, Tensor, WeightedClassifier], Tensor]


def plain(logits: Tensor, target: Tensor, model: WeightedClassifier) -> Tensor:
    """Return the class with the largest logit."""
    del target, model
    return logits.argmax(1)


def adjusted(logits: Tensor, target: Tensor, model: WeightedClassifier) -> Tensor:
    """Return the decisions for a uniform prior: those of z - log π (Menon et al. 2021, τ = 1)."""
    del target
    distribution = model.distribution
    assert distribution is not None, "a fit has counted them"  # noqa: S101  # for the type checker
    uniform = torch.zeros(distribution.num_classes, dtype=torch.float64)
    return adjust_logits(logits, distribution.log_priors, uniform).argmax(1)


def normalized(logits: Tensor, target: Tensor, model: WeightedClassifier) -> Tensor:
    """Return the decisions of the classifier with class vectors of length 1: τ = 1."""
    del target
    normalization = TauNormalization(tau=1.0)
    normalization.prepare(model)
    return normalization.transform(logits).argmax(1)


def tau_normalized(logits: Tensor, target: Tensor, model: WeightedClassifier) -> Tensor:
    """Return the decisions of the τ-normalized classifier, τ chosen on the other half of the test images.

    CIFAR has no validation images, and on the training images every τ is as good as another. So that no image chooses
    the τ that it is judged with, every second one chooses for the others, and those for it.
    """
    decided = torch.empty_like(target)
    for judged in (0, 1):
        normalization = TauNormalization()
        normalization.fit_on(logits[1 - judged :: 2].cpu(), target[1 - judged :: 2].cpu(), "multiclass", model)
        normalization.prepare(model)
        decided[judged::2] = normalization.transform(logits[judged::2]).argmax(1)
    return decided


# Balanced softmax is the logit-adjusted loss with τ = 1, since log N cancels: one training, two names.
READINGS: dict[str, Decide] = {POST_HOC: adjusted, TAU_ONE: normalized, TAU_NORM: tau_normalized, SAME: plain}


class TestEveryEpoch(L.Callback):
    """Keeps the recall of each class after each epoch, for the model as it is and for what is read off it.

    The test images are the Trainer's validation data. They choose nothing in a training: not its end, and no setting.

    Args:
        readings: How decisions are made of logits, by name.
        first_epoch: Epochs before it are not looked at: those before a second stage.

    Attributes:
        recalls: By name one list of recalls an epoch.
    """

    __test__ = False  # no test of pytest's

    def __init__(self, readings: Mapping[str, Decide], first_epoch: int = 0) -> None:
        self.readings = readings
        self.first_epoch = first_epoch
        self.recalls: dict[str, list[list[float]]] = {name: [] for name in readings}
        self._batches: list[tuple[Tensor, Tensor]] = []

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *batch: Any, **place: Any
    ) -> None:
        """Keep logits and targets on their device."""
        del trainer, pl_module, batch, place
        self._batches.append((outputs["logits"].float(), outputs["target"]))

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Judge the epoch."""
        logits, target = map(torch.cat, zip(*self._batches, strict=True))
        self._batches = []
        if trainer.current_epoch < self.first_epoch or not isinstance(pl_module, WeightedClassifier):
            return
        for name, decide in self.readings.items():
            counts = confusion_counts(decide(logits, target, pl_module), target, logits.shape[1])
            self.recalls[name].append(class_recall(counts).tolist())
