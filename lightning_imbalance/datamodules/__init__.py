"""Datamodules to start from: a folder of images, a table, data sets, and scikit-learn's digits made long-tailed.

All decide their split once, from ``seed`` alone, and open no image before a batch is asked for. This package imports
torchvision, so it is not imported by itself: ``from lightning_imbalance.datamodules import ImageFolderDataModule``.
"""

from lightning_imbalance.datamodules.dataset import DatasetDataModule
from lightning_imbalance.datamodules.digits import DigitsDataModule
from lightning_imbalance.datamodules.image_folder import ImageFolderDataModule
from lightning_imbalance.datamodules.parts import Parts, PartsDataModule
from lightning_imbalance.datamodules.tabular import TabularDataModule

__all__ = [
    "DatasetDataModule",
    "DigitsDataModule",
    "ImageFolderDataModule",
    "Parts",
    "PartsDataModule",
    "TabularDataModule",
]
