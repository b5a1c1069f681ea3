"""Data to learn imbalance on: long-tailed subsets, stratified splits, and a small real data set that needs no download.

The reader of image folders (:mod:`lightning_imbalance.data.image_folder`) is imported by its own name, because it needs
Pillow.
"""

from __future__ import annotations

from lightning_imbalance.data.digits import Digits
from lightning_imbalance.data.long_tail import long_tailed, long_tailed_counts
from lightning_imbalance.data.split import stratified_split

__all__ = ["Digits", "long_tailed", "long_tailed_counts", "stratified_split"]
