"""Losses as :class:`torch.nn.Module`; each takes class weights and gives a mean that can be taken over batches."""

from lightning_imbalance.losses.base import Loss
from lightning_imbalance.losses.resolve import resolve
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.losses.weighted_bce import WeightedBCE
from lightning_imbalance.losses.weighted_cross_entropy import WeightedCrossEntropy

__all__ = ["Loss", "UnreducedLoss", "WeightedBCE", "WeightedCrossEntropy", "resolve"]
