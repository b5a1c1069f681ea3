"""Recall of each class and what is made of it, as torchmetrics."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional import recall as figures
from lightning_imbalance.metrics.counts import ClassCounts


class ClassRecall(ClassCounts):
    """Recall of each class, NaN for a class without samples.

    Arguments, updates and errors are those of :class:`ClassCounts`.

    Example:
        >>> import torch
        >>> metric = ClassRecall(num_classes=3)
        >>> metric(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
        tensor([0.5000, 1.0000,    nan], dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the recalls, shape ``(C,)``, float64."""
        return figures.class_recall(self._counts())


class BalancedAccuracy(ClassCounts):
    """Mean recall of the classes that have samples: scikit-learn's ``balanced_accuracy_score``.

    torchmetrics' macro recall counts a class that is predicted but has no sample as 0. Arguments, updates and errors
    are those of :class:`ClassCounts`.

    Example:
        >>> import torch
        >>> metric = BalancedAccuracy(num_classes=3)
        >>> metric(torch.tensor([0, 2, 1]), torch.tensor([0, 0, 1]))
        tensor(0.7500, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the balanced accuracy, shape ``()``, float64."""
        return figures.balanced_accuracy(self._counts(), self.task)


class WorstClassRecall(ClassCounts):
    """Lowest recall of a class that has samples.

    Arguments, updates and errors are those of :class:`ClassCounts`.

    Example:
        >>> import torch
        >>> metric = WorstClassRecall(num_classes=3)
        >>> metric(torch.tensor([0, 2, 1]), torch.tensor([0, 0, 1]))
        tensor(0.5000, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the recall, shape ``()``, float64."""
        return figures.worst_class_recall(self._counts())


class GeometricMean(ClassCounts):
    """Geometric mean of the recalls of the classes that have samples.

    Arguments, updates and errors are those of :class:`ClassCounts`.

    Example:
        >>> import torch
        >>> metric = GeometricMean(num_classes=3)
        >>> metric(torch.tensor([0, 2, 1]), torch.tensor([0, 0, 1]))
        tensor(0.7071, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the geometric mean, shape ``()``, float64."""
        return figures.geometric_mean(self._counts())


class MacroF1(ClassCounts):
    """Mean F1 of the classes that occur in targets or predictions: scikit-learn's ``f1_score(average="macro")``.

    Arguments, updates and errors are those of :class:`ClassCounts`.

    Example:
        >>> import torch
        >>> metric = MacroF1(num_classes=3)
        >>> metric(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
        tensor(0.6667, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the macro F1, shape ``()``, float64."""
        return figures.macro_f1(self._counts())
