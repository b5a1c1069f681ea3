"""Lightning callbacks."""

from lightning_imbalance.callbacks.apply_class_weights import ApplyClassWeights
from lightning_imbalance.callbacks.deferred_reweighting import DeferredReweighting
from lightning_imbalance.callbacks.monitor import ImbalanceMonitor

__all__ = ["ApplyClassWeights", "DeferredReweighting", "ImbalanceMonitor"]
