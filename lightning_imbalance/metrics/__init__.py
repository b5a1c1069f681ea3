"""Figures that a rare class can move, as :class:`torchmetrics.Metric`."""

from lightning_imbalance.metrics.confusion_matrix import ConfusionMatrix
from lightning_imbalance.metrics.counts import ClassCounts
from lightning_imbalance.metrics.ranking import AUROC, AveragePrecision, ScoreHistogram
from lightning_imbalance.metrics.recall import (
    BalancedAccuracy,
    ClassRecall,
    GeometricMean,
    MacroF1,
    WorstClassRecall,
)
from lightning_imbalance.metrics.weighted_mean import WeightedMean

__all__ = [
    "AUROC",
    "AveragePrecision",
    "BalancedAccuracy",
    "ClassCounts",
    "ClassRecall",
    "ConfusionMatrix",
    "GeometricMean",
    "MacroF1",
    "ScoreHistogram",
    "WeightedMean",
    "WorstClassRecall",
]
