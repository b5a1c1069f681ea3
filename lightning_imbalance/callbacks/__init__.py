"""Lightning callbacks."""

from lightning_imbalance.callbacks.apply_class_weights import ApplyClassWeights
from lightning_imbalance.callbacks.classifier_retraining import ClassifierRetraining
from lightning_imbalance.callbacks.deferred_reweighting import DeferredReweighting
from lightning_imbalance.callbacks.learnable_weight_scaling import LearnableWeightScaling
from lightning_imbalance.callbacks.monitor import ImbalanceMonitor
from lightning_imbalance.callbacks.tau_normalization import TauNormalization
from lightning_imbalance.callbacks.temperature_scaling import TemperatureScaling
from lightning_imbalance.callbacks.threshold_tuning import ThresholdTuning

__all__ = [
    "ApplyClassWeights",
    "ClassifierRetraining",
    "DeferredReweighting",
    "ImbalanceMonitor",
    "LearnableWeightScaling",
    "TauNormalization",
    "TemperatureScaling",
    "ThresholdTuning",
]
