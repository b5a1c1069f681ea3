"""Recall of each class, and the figures that are made of it.

A class without samples has no recall. It is NaN in the vector and left out of every mean, as in scikit-learn's
``balanced_accuracy_score``; counting it as 0 would let a figure depend on how many classes the data happen to lack.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.confusion_counts import ConfusionCounts
from lightning_imbalance.functional.reduction import widest_float


def class_recall(counts: ConfusionCounts) -> Tensor:
    """Return the share of each class's samples that were found: true positives / samples.

    Args:
        counts: The counts per class.

    Returns:
        Shape ``(C,)``, float64 (float32 on mps), NaN for a class without samples.

    Example:
        >>> from lightning_imbalance.functional import confusion_counts
        >>> class_recall(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=3))
        tensor([0.5000, 1.0000,    nan], dtype=torch.float64)
    """
    return _double(counts.true_positives) / counts.samples


def balanced_accuracy(counts: ConfusionCounts, task: Task = "multiclass") -> Tensor:
    """Return the mean recall of the classes that have samples (Brodersen et al. 2010).

    For ``multilabel`` the mean over the labels of (recall of positives + recall of negatives) / 2.

    Args:
        counts: The counts per class.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        Shape ``()``, float64 (float32 on mps), NaN where no class has samples.

    Example:
        >>> from lightning_imbalance.functional import confusion_counts
        >>> balanced_accuracy(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=3))
        tensor(0.7500, dtype=torch.float64)
    """
    recall = class_recall(counts)
    if task == "multilabel":
        negatives = counts.total - counts.samples
        rejected = negatives - (counts.predictions - counts.true_positives)
        recall = torch.stack([recall, _double(rejected) / negatives]).nanmean(0)
    return recall.nanmean()


def worst_class_recall(counts: ConfusionCounts) -> Tensor:
    """Return the lowest recall of a class that has samples.

    Args:
        counts: The counts per class.

    Returns:
        Shape ``()``, float64 (float32 on mps), NaN where no class has samples.

    Example:
        >>> from lightning_imbalance.functional import confusion_counts
        >>> worst_class_recall(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=3))
        tensor(0.5000, dtype=torch.float64)
    """
    recall = class_recall(counts)
    return torch.where(recall.isnan().all(), torch.nan, recall.nan_to_num(nan=torch.inf).amin())


def geometric_mean(counts: ConfusionCounts) -> Tensor:
    """Return the K-th root of the product of the recalls of the K classes that have samples (Kubat & Matwin 1997).

    One class that is never found makes it 0.

    Args:
        counts: The counts per class.

    Returns:
        Shape ``()``, float64 (float32 on mps), NaN where no class has samples.

    Example:
        >>> from lightning_imbalance.functional import confusion_counts
        >>> geometric_mean(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=3))
        tensor(0.7071, dtype=torch.float64)
    """
    # The mean of logarithms, since the product of a thousand recalls underflows.
    return class_recall(counts).log().nanmean().exp()


def macro_f1(counts: ConfusionCounts) -> Tensor:
    """Return the mean F1 = 2·TP / (predictions + samples) of the classes that occur in targets or predictions.

    This is scikit-learn's ``f1_score(average="macro")``: a class that is predicted but has no sample counts as 0,
    one that is neither predicted nor there is left out (for ``multilabel`` scikit-learn does so with
    ``zero_division=nan``).

    Args:
        counts: The counts per class.

    Returns:
        Shape ``()``, float64 (float32 on mps), NaN where there is no sample and no prediction.

    Example:
        >>> from lightning_imbalance.functional import confusion_counts
        >>> macro_f1(confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=3))
        tensor(0.6667, dtype=torch.float64)
    """
    return (2 * _double(counts.true_positives) / (counts.predictions + counts.samples)).nanmean()


def _double(counts: Tensor) -> Tensor:
    return counts.to(widest_float(counts.device))
