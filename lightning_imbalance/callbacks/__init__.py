"""Lightning callbacks."""

from lightning_imbalance.callbacks.monitor import ImbalanceMonitor
from lightning_imbalance.callbacks.temperature_scaling import TemperatureScaling

__all__ = ["ImbalanceMonitor", "TemperatureScaling"]
