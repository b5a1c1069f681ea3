"""Draw the classes as often as you like: samplers for one process and for several.

Example:
    >>> labels = [0] * 100 + [1] * 50 + [2] * 20
    >>> len(UndersamplingSampler(labels))
    60
"""

from lightning_imbalance.samplers.base import ClassSampler
from lightning_imbalance.samplers.class_balanced import ClassBalancedSampler
from lightning_imbalance.samplers.iterable_balancer import IterableBalancer
from lightning_imbalance.samplers.m_per_class import MPerClassSampler
from lightning_imbalance.samplers.oversampling import OversamplingSampler
from lightning_imbalance.samplers.progressively_balanced import ProgressivelyBalancedSampler
from lightning_imbalance.samplers.repeat_factor import RepeatFactorSampler
from lightning_imbalance.samplers.undersampling import UndersamplingSampler

__all__ = [
    "ClassBalancedSampler",
    "ClassSampler",
    "IterableBalancer",
    "MPerClassSampler",
    "OversamplingSampler",
    "ProgressivelyBalancedSampler",
    "RepeatFactorSampler",
    "UndersamplingSampler",
]
