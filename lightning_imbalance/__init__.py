"""Class imbalance in PyTorch Lightning: count the classes once, and let every remedy read that count."""

from lightning_imbalance import callbacks, data, functional, labels, losses, metrics, plots, prior, samplers, synthesis
from lightning_imbalance.__about__ import __version__
from lightning_imbalance.callbacks import ImbalanceMonitor
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.rebalanced import RebalancedDataModule
from lightning_imbalance.weighting import class_weights

__all__ = [
    "ClassDistribution",
    "ImbalanceMonitor",
    "RebalancedDataModule",
    "WeightedClassifier",
    "__version__",
    "callbacks",
    "class_weights",
    "data",
    "functional",
    "labels",
    "losses",
    "metrics",
    "plots",
    "prior",
    "samplers",
    "synthesis",
]
