"""The C × C matrix, for those who ask for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imbalance.checks import check_num_classes, check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.confusion_matrix import confusion_matrix
from lightning_imbalance.functional.decisions import decided


class ConfusionMatrix(Metric):
    """How many samples of each class were predicted as each class.

    torchmetrics has one too; this one takes what :class:`ClassCounts` takes, a prediction of -1 for NaN logits
    included, and never makes the host wait for a device. At 1,000 classes it holds 8 MB.

    Args:
        num_classes: Number of classes C; may be left out for ``binary``.
        task: ``"multiclass"`` or ``"binary"``.
        ignore_index: Targets of this value are left out.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: ``task`` is ``"multilabel"``, where no class is taken for another, or as :class:`ClassCounts`.

    Example:
        >>> metric = ConfusionMatrix(num_classes=2)
        >>> metric(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
        tensor([[1, 1],
                [0, 1]])
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = None

    matrix: Tensor

    def __init__(
        self,
        num_classes: int | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task: Task = check_task(task)
        known = check_num_classes(num_classes, task)
        if task == "multilabel" or known is None:
            wrong = "`task` must be 'multiclass' or 'binary'" if known else "`num_classes` must be given"
            got = f", got {task!r}, whose labels are no alternatives" if known else ", got None"
            msg = f"{wrong} for a confusion matrix{got}."
            raise ValueError(msg)
        self.num_classes = known
        self.ignore_index = ignore_index
        self.add_state("matrix", torch.zeros(known, known, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            preds: As :meth:`ClassCounts.update` takes them.
            target: Likewise. What is outside the classes counts nowhere.

        Raises:
            ValueError: Shapes do not fit.
        """
        predicted, target = decided(preds, target, self.task, self.num_classes)
        self.matrix = self.matrix + confusion_matrix(predicted, target, self.num_classes, self.ignore_index)

    def compute(self) -> Tensor:
        """Return the matrix, shape ``(C, C)``, int64: row i, column j counts samples of i that were predicted as j."""
        return self.matrix
