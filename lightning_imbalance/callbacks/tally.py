"""All that is counted of one dataloader in one evaluation, on one process."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_imbalance.callbacks.extra_metrics import Extra, built, scores, values_by_name
from lightning_imbalance.callbacks.step_outputs import StepOutput
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.confusion_counts import ConfusionCounts
from lightning_imbalance.metrics.confusion_matrix import ConfusionMatrix
from lightning_imbalance.metrics.counts import ClassCounts
from lightning_imbalance.own_samples import own_entries


class TallyKind(NamedTuple):
    """What makes the tallies of all processes alike.

    Attributes:
        num_classes: Number of classes C.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        matrix: Whether the C × C matrix is counted.

    Example:
        >>> TallyKind(3, "multiclass", matrix=False).num_classes
        3
    """

    num_classes: int
    task: Task
    matrix: bool


class Tallied(NamedTuple):
    """What all processes have counted together, on the CPU.

    Attributes:
        counts: Five numbers a class.
        matrix: Shape ``(C, C)``, where it was asked for.
        extra: The values of the metrics of the user's choice by name, NaN where there was nothing to measure.

    Example:
        >>> tally = Tally(TallyKind(2, "multiclass", matrix=False), None, ("auroc",), torch.device("cpu"))
        >>> step = StepOutput(torch.tensor([0, 1]), torch.tensor([0, 1]), 2, torch.eye(2))
        >>> tally.add(step, own=None)
        >>> tally.together(("cat", "dog")).extra
        {'auroc/cat': 1.0, 'auroc/dog': 1.0, 'mean_auroc': 1.0}
    """

    counts: ConfusionCounts
    matrix: Tensor | None
    extra: dict[str, float]


class Tally:
    """Counts, and beside them the confusion matrix and the metrics that somebody asked for.

    Args:
        kind: Number of classes, task, and whether the matrix is counted.
        ignore_index: Targets of this value are left out.
        extra: What :func:`~lightning_imbalance.callbacks.extra_metrics.check_extra` returned.
        device: Where the predictions are.

    Example:
        >>> tally = Tally(TallyKind(2, "multiclass", matrix=False), None, (), torch.device("cpu"))
        >>> tally.add(StepOutput(torch.tensor([0, 1]), torch.tensor([0, 0]), 2), None)
        >>> tally.counts.compute().samples
        tensor([2, 0])
    """

    def __init__(
        self, kind: TallyKind, ignore_index: int | None, extra: tuple[Extra, ...], device: torch.device
    ) -> None:
        self.kind = kind
        arguments = (kind.num_classes, kind.task, ignore_index)
        self.counts = ClassCounts(*arguments).to(device)
        self.matrix = ConfusionMatrix(*arguments).to(device) if kind.matrix else None
        self.extra: list[MetricCollection] = built(extra, *arguments, device)

    def add(self, step: StepOutput, own: tuple[int, int] | None) -> None:
        """Count a batch.

        Args:
            step: What the step said about it.
            own: What :func:`~lightning_imbalance.own_samples.own_samples` says of it.
        """
        preds, target, logits = step.preds, step.target, step.logits
        if own is not None:
            kept = own_entries(len(target), own)
            preds, target = preds[:kept], target[:kept]
            logits = None if logits is None else logits[:kept]
        self.counts.update(preds, target)
        if self.matrix is not None:
            self.matrix.update(preds, target)
        if self.extra and len(target):
            given = scores(preds, logits, self.kind.task)
            for collection in self.extra:
                collection.update(given, target)

    def together(self, class_names: tuple[str, ...]) -> Tallied:
        """Sum over the processes; each of them must call it.

        Args:
            class_names: One name a class.

        Returns:
            What everybody counted.
        """
        counts = ConfusionCounts(*(count.cpu() for count in self.counts.compute()))
        matrix = None if self.matrix is None else self.matrix.compute().cpu()
        extra = [values_by_name(collection.compute(), class_names) for collection in self.extra]
        return Tallied(counts, matrix, {name: value for values in extra for name, value in values.items()})
