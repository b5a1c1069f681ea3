"""The methods, each as the pieces of this package that make it; all else they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batches import DeviceImages
from lightning.pytorch import Callback
from recipe import Scale
from torch.utils.data import Sampler

from lightning_imbalance.callbacks import ClassifierRetraining, DeferredReweighting
from lightning_imbalance.losses import FocalLoss, LabelAwareSmoothingLoss, LDAMLoss, VectorScalingLoss
from lightning_imbalance.samplers import ClassBalancedSampler, ProgressivelyBalancedSampler
from lightning_imbalance.schemes import EffectiveNumber
from lightning_imbalance.synthesis import CutMixMinority, Mixup, Remix

LDAM_SCALE = 30.0
# That of the LDAM code for CIFAR; the package's default is 0.999.
EFFECTIVE = EffectiveNumber(beta=0.9999)


@dataclass(frozen=True)
class Plan:
    """How one method is trained.

    Attributes:
        model: Arguments of WeightedClassifier, beside network and optimizer; without class weights by default.
        cosine: Whether the network ends with a cosine classifier.
        sampler: Draws the training samples; ``None`` shuffles them.
        callbacks: Of the Trainer.
        second_stage: Whether the last layer is trained again after the recipe's epochs.
    """

    model: dict[str, Any] = field(default_factory=dict)
    cosine: bool = False
    sampler: Sampler[int] | None = None
    callbacks: tuple[Callback, ...] = ()
    second_stage: bool = False


def _deferred() -> tuple[Callback, ...]:
    # In the epoch in which the learning rate falls, the 161st of 200.
    return (DeferredReweighting(start=0.8, scheme=EFFECTIVE),)


def _balanced_batches(data: DeviceImages, power: float) -> Plan:
    return Plan(sampler=ClassBalancedSampler(data, power=power))


def _progressive(scale: Scale, data: DeviceImages) -> Plan:
    return Plan(sampler=ProgressivelyBalancedSampler(data, end=scale.epochs - 1))


def _classifier_retraining(scale: Scale, data: DeviceImages) -> Plan:
    # Balanced batches for a new last layer, and batch-norm statistics that move, as in the authors' code.
    again = ClassifierRetraining(start_epoch=scale.epochs, weighting=None, update_bn=True)
    sampler = ProgressivelyBalancedSampler(data, start=scale.epochs, end=scale.epochs)
    return Plan(sampler=sampler, callbacks=(again,), second_stage=True)


def _cutmix_minority(scale: Scale, data: DeviceImages) -> Plan:
    skipped = scale.share(3)
    return Plan({"batch_transform": CutMixMinority(skip_first=skipped, skip_last=skipped, foregrounds=data)})


METHODS: dict[str, Callable[[Scale, DeviceImages], Plan]] = {
    "cross-entropy": lambda *_: Plan(),
    "weighted, balanced": lambda *_: Plan({"weighting": "balanced"}),
    "weighted, complement": lambda *_: Plan({"weighting": "complement"}),
    "weighted, effective number": lambda *_: Plan({"weighting": EFFECTIVE}),
    "focal": lambda *_: Plan({"loss": FocalLoss(gamma=1.0)}),
    "class-balanced focal": lambda *_: Plan({"loss": FocalLoss(gamma=1.0), "weighting": EFFECTIVE}),
    "LDAM": lambda *_: Plan({"loss": LDAMLoss(0.5, LDAM_SCALE)}, cosine=True),
    "LDAM-DRW": lambda *_: Plan({"loss": LDAMLoss(0.5, LDAM_SCALE)}, cosine=True, callbacks=_deferred()),
    "CE-DRW": lambda *_: Plan(callbacks=_deferred()),
    "balanced softmax": lambda *_: Plan({"loss": "balanced_softmax"}),
    "VS": lambda *_: Plan({"loss": VectorScalingLoss(gamma=0.2, tau=1.2)}),
    "CDT": lambda *_: Plan({"loss": VectorScalingLoss(gamma=0.2, tau=0.0)}),
    # ε as in BagofTricks-LT; the authors' own for these data are 0.3 and 0, for a second stage.
    "label-aware smoothing": lambda *_: Plan({"loss": LabelAwareSmoothingLoss(0.4, 0.1)}),
    "balanced sampling": lambda _, data: _balanced_batches(data, 0.0),
    "square-root sampling": lambda _, data: _balanced_batches(data, 0.5),
    "progressive sampling": _progressive,
    "cRT": _classifier_retraining,
    "mixup": lambda *_: Plan({"batch_transform": Mixup()}),
    "Remix": lambda *_: Plan({"batch_transform": Remix()}),
    "Remix-DRW": lambda *_: Plan({"batch_transform": Remix()}, callbacks=_deferred()),
    "CutMixMinority": _cutmix_minority,
}

# What a training answers beside its own name, without being run again.
POST_HOC = "logit adjustment, post hoc"
TAU_ONE = "tau-norm, τ = 1"
TAU_NORM = "tau-norm"
SAME = "logit adjustment, loss"
READ_OFF: dict[str, tuple[str, ...]] = {"cross-entropy": (POST_HOC, TAU_ONE, TAU_NORM), "balanced softmax": (SAME,)}


def rows() -> list[str]:
    """Return the names of all rows of the table, each beside what it is read off, in the order of the methods."""
    return [name for method in METHODS for name in (method, *READ_OFF.get(method, ()))]
