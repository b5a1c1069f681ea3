"""Lightning callbacks."""

from lightning_imbalance.callbacks.monitor import ImbalanceMonitor

__all__ = ["ImbalanceMonitor"]
