"""Lightning callbacks."""

from lightning_imbalance.callbacks.classifier_retraining import ClassifierRetraining
from lightning_imbalance.callbacks.monitor import ImbalanceMonitor
from lightning_imbalance.callbacks.tau_normalization import TauNormalization
from lightning_imbalance.callbacks.temperature_scaling import TemperatureScaling
from lightning_imbalance.callbacks.threshold_tuning import ThresholdTuning

__all__ = ["ClassifierRetraining", "ImbalanceMonitor", "TauNormalization", "TemperatureScaling", "ThresholdTuning"]
