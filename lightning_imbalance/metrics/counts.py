"""The state that all figures of this package share: five counts a class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imbalance.checks import check_num_classes, check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.confusion_counts import ConfusionCounts, confusion_counts
from lightning_imbalance.functional.decisions import decided
from lightning_imbalance.functional.logits import UNDECIDED


class ClassCounts(Metric):
    """True positives, predictions and samples of each class; the base of the other metrics here.

    A sample whose logits or probabilities are NaN has no prediction: it counts as missed, and for ``multilabel`` as not
    predicted.

    Metrics with the same arguments have the same state, so that a :class:`torchmetrics.MetricCollection` of them
    updates one. Sums over processes are taken in :meth:`compute`.

    Args:
        num_classes: Number of classes C; may be left out for ``binary``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value are left out.
        threshold: Probability from which a prediction of ``binary`` or ``multilabel`` is positive, exclusive.
        validate_args: Check on every update that labels are inside the classes. On an accelerator the check makes
            the host wait for the device; by default it is done on the CPU only, where it costs nothing to speak of.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: ``num_classes`` is missing or below 2 (below 1 for ``multilabel``), ``task`` is unknown, or
            ``threshold`` is outside (0, 1).

    Example:
        >>> metric = ClassCounts(num_classes=3)
        >>> metric.update(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
        >>> metric.compute().samples
        tensor([2, 1, 0])
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    true_positives: Tensor
    predictions: Tensor
    samples: Tensor
    total: Tensor
    undecided: Tensor

    def __init__(
        self,
        num_classes: int | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        threshold: float = 0.5,
        *,
        validate_args: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task: Task = check_task(task)
        known = check_num_classes(num_classes, task)
        if known is None:
            msg = f'`num_classes` must be given for `task="{task}"`, got None.'
            raise ValueError(msg)
        self.num_classes = known
        self.ignore_index = ignore_index
        if not 0 < threshold < 1:
            msg = f"`threshold` must be between 0 and 1, got {threshold}."
            raise ValueError(msg)
        self.threshold = threshold
        self.validate_args = validate_args
        for name in ConfusionCounts._fields:
            self.add_state(name, torch.zeros(self.num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            preds: ``multiclass``: logits or probabilities ``(N, C, ...)``, or class indices ``(N, ...)``. ``binary``
                and ``multilabel``: probabilities of the target's shape, or 0 and 1 as integers. Floats outside
                [0, 1] make the batch one of logits, as in torchmetrics. Of integers, -1 is no prediction.
            target: ``multiclass``: class indices ``(N, ...)``. ``binary``: 0 and 1, ``(N, ...)``. ``multilabel``: 0
                and 1, ``(N, C, ...)``.

        Raises:
            ValueError: Shapes do not fit, or a label is outside the classes.
        """
        predicted, target = decided(preds, target, self.task, self.num_classes, self.threshold)
        if self.validate_args or (self.validate_args is None and target.device.type == "cpu"):
            self._check_range("preds", predicted, UNDECIDED)
            self._check_range("target", target, self.ignore_index)
        new = confusion_counts(predicted, target, self.num_classes, self.task, self.ignore_index)
        self.true_positives = self.true_positives + new.true_positives
        self.predictions = self.predictions + new.predictions
        self.samples = self.samples + new.samples
        self.total = self.total + new.total
        self.undecided = self.undecided + new.undecided

    def compute(self) -> Any:
        """Return the counts of everything seen since the last reset, on all processes."""
        return self._counts()

    def _counts(self) -> ConfusionCounts:
        return ConfusionCounts(self.true_positives, self.predictions, self.samples, self.total, self.undecided)

    def _check_range(self, name: str, labels: Tensor, besides: int | None) -> None:
        if labels.numel() == 0:
            return
        top = self.num_classes if self.task == "multiclass" else 2
        inside = (labels >= 0) & (labels < top)
        if besides is not None:
            inside |= labels == besides
        if not inside.all():
            msg = f"`{name}` must be class indices from 0 to {top - 1}, got {labels[~inside][0].item()}."
            raise ValueError(msg)
