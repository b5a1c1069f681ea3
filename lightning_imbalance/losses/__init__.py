"""Losses as :class:`torch.nn.Module`; each takes class weights and gives a mean that can be taken over batches."""

from lightning_imbalance.losses.asymmetric import AsymmetricLoss
from lightning_imbalance.losses.balanced_softmax import BalancedSoftmaxLoss
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.losses.cosine_classifier import CosineClassifier
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.losses.distribution_balanced import DistributionBalancedLoss
from lightning_imbalance.losses.equalization import EqualizationLoss
from lightning_imbalance.losses.focal import FocalLoss
from lightning_imbalance.losses.label_aware_smoothing import LabelAwareSmoothingLoss
from lightning_imbalance.losses.ldam import LDAMLoss
from lightning_imbalance.losses.logit_adjusted import LogitAdjustedLoss
from lightning_imbalance.losses.resolve import resolve
from lightning_imbalance.losses.seesaw import SeesawLoss
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.losses.vector_scaling import VectorScalingLoss
from lightning_imbalance.losses.weighted_bce import WeightedBCE
from lightning_imbalance.losses.weighted_cross_entropy import WeightedCrossEntropy

__all__ = [
    "AsymmetricLoss",
    "BalancedSoftmaxLoss",
    "CosineClassifier",
    "CountedLoss",
    "DistributionBalancedLoss",
    "EqualizationLoss",
    "FocalLoss",
    "LDAMLoss",
    "LabelAwareSmoothingLoss",
    "LogitAdjustedLoss",
    "Loss",
    "SeesawLoss",
    "UnreducedLoss",
    "VectorScalingLoss",
    "WeightedBCE",
    "WeightedCrossEntropy",
    "resolve",
]
