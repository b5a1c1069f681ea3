"""Losses and figures as functions: no state, no classes, no Lightning."""

from lightning_imbalance.functional.asymmetric import asymmetric
from lightning_imbalance.functional.calibration_bins import CalibrationBins, calibration_bins
from lightning_imbalance.functional.calibration_error import expected_calibration_error
from lightning_imbalance.functional.class_offsets import best_offsets, decide_by_offsets
from lightning_imbalance.functional.confusion_counts import ConfusionCounts, confusion_counts
from lightning_imbalance.functional.confusion_matrix import confusion_matrix
from lightning_imbalance.functional.cosine_logits import cosine_logits
from lightning_imbalance.functional.distances import mean_distance, nearest_distances, share_closer
from lightning_imbalance.functional.distribution_balanced import distribution_balanced
from lightning_imbalance.functional.equalization import equalization
from lightning_imbalance.functional.focal import focal
from lightning_imbalance.functional.hinge import hinge_discriminator, hinge_generator
from lightning_imbalance.functional.label_aware_smoothing import label_aware_smoothing
from lightning_imbalance.functional.ldam import ldam
from lightning_imbalance.functional.logit_adjusted import logit_adjusted
from lightning_imbalance.functional.logits import align, predicted_classes, probabilities
from lightning_imbalance.functional.mode_seeking import mode_seeking_ratio
from lightning_imbalance.functional.paired import (
    ChangeMoments,
    PairedDifference,
    balanced_accuracy_difference,
    change_of_balanced_accuracy,
)
from lightning_imbalance.functional.precision_recall import PrecisionRecall, precision_recall
from lightning_imbalance.functional.recall import (
    balanced_accuracy,
    class_recall,
    geometric_mean,
    macro_f1,
    worst_class_recall,
)
from lightning_imbalance.functional.reduction import Terms, reduce, weighted_mean
from lightning_imbalance.functional.remix import remix_label_share
from lightning_imbalance.functional.score_histogram import (
    binned_auroc,
    binned_average_precision,
    log_odds_thresholds,
    score_histogram,
)
from lightning_imbalance.functional.seesaw import seesaw
from lightning_imbalance.functional.simultaneous import simultaneous_intervals
from lightning_imbalance.functional.student import student_quantile
from lightning_imbalance.functional.tau_normalized import best_tau, tau_normalized
from lightning_imbalance.functional.temperature import Temperature, fit_temperature, temperature_scaled
from lightning_imbalance.functional.thresholds import best_thresholds, decide_by_thresholds
from lightning_imbalance.functional.vector_scaling import vector_scaling
from lightning_imbalance.functional.weighted_bce import weighted_bce
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy
from lightning_imbalance.functional.wilson import wilson_interval

__all__ = [
    "CalibrationBins",
    "ChangeMoments",
    "ConfusionCounts",
    "PairedDifference",
    "PrecisionRecall",
    "Temperature",
    "Terms",
    "align",
    "asymmetric",
    "balanced_accuracy",
    "balanced_accuracy_difference",
    "best_offsets",
    "best_tau",
    "best_thresholds",
    "binned_auroc",
    "binned_average_precision",
    "calibration_bins",
    "change_of_balanced_accuracy",
    "class_recall",
    "confusion_counts",
    "confusion_matrix",
    "cosine_logits",
    "decide_by_offsets",
    "decide_by_thresholds",
    "distribution_balanced",
    "equalization",
    "expected_calibration_error",
    "fit_temperature",
    "focal",
    "geometric_mean",
    "hinge_discriminator",
    "hinge_generator",
    "label_aware_smoothing",
    "ldam",
    "log_odds_thresholds",
    "logit_adjusted",
    "macro_f1",
    "mean_distance",
    "mode_seeking_ratio",
    "nearest_distances",
    "precision_recall",
    "predicted_classes",
    "probabilities",
    "reduce",
    "remix_label_share",
    "score_histogram",
    "seesaw",
    "share_closer",
    "simultaneous_intervals",
    "student_quantile",
    "tau_normalized",
    "temperature_scaled",
    "vector_scaling",
    "weighted_bce",
    "weighted_cross_entropy",
    "weighted_mean",
    "wilson_interval",
    "worst_class_recall",
]
