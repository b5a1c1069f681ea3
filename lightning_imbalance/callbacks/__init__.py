"""Lightning callbacks."""

from lightning_imbalance.callbacks.monitor import ImbalanceMonitor
from lightning_imbalance.callbacks.temperature_scaling import TemperatureScaling
from lightning_imbalance.callbacks.threshold_tuning import ThresholdTuning

__all__ = ["ImbalanceMonitor", "TemperatureScaling", "ThresholdTuning"]
