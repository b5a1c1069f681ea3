"""All that is counted of one dataloader in one evaluation, on one process."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from lightning_imbalance.callbacks.extra_metrics import Extra, built, probabilities_of, values_by_name
from lightning_imbalance.callbacks.step_outputs import StepOutput
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.confusion_counts import ConfusionCounts
from lightning_imbalance.functional.logits import predicted_classes
from lightning_imbalance.metrics.confusion_matrix import ConfusionMatrix
from lightning_imbalance.metrics.counts import ClassCounts
from lightning_imbalance.own_samples import own_entries

_ENOUGH = 2**16
"""Numbers from which on batches are counted and no longer kept; for fewer, starting a dozen operations is the cost."""


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
        >>> step = StepOutput(torch.eye(2), torch.tensor([0, 1]), 2, are_logits=True)
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
        >>> tally.together(("cat", "dog")).counts.samples
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
        self._waiting: list[StepOutput] = []
        self._numbers_waiting = 0

    def add(self, step: StepOutput, own: tuple[int, int] | None) -> None:
        """Count a batch, now or with others that come.

        Args:
            step: What the step said about it.
            own: What :func:`~lightning_imbalance.own_samples.own_samples` says of it.
        """
        if own is not None:
            kept = own_entries(len(step.target), own)
            step = step._replace(given=step.given[:kept], target=step.target[:kept])
        if self._waiting and _form(step) != _form(self._waiting[0]):
            self._count_waiting()
        self._numbers_waiting += step.given.numel()
        # Metrics of the user's choice see batch after batch: some take a mean over batches.
        if self._numbers_waiting < _ENOUGH and not self.extra:
            # Copies, since a step may write the next batch into the same memory.
            self._waiting.append(step._replace(given=step.given.detach().clone(), target=step.target.clone()))
            return
        self._waiting.append(step)
        self._count_waiting()

    def together(self, class_names: tuple[str, ...]) -> Tallied:
        """Sum over the processes; each of them must call it.

        Args:
            class_names: One name a class.

        Returns:
            What everybody counted.
        """
        self._count_waiting()
        counts = ConfusionCounts(*(count.cpu() for count in self.counts.compute()))
        matrix = None if self.matrix is None else self.matrix.compute().cpu()
        extra = [values_by_name(collection.compute(), class_names) for collection in self.extra]
        return Tallied(counts, matrix, {name: value for values in extra for name, value in values.items()})

    def _count_waiting(self) -> None:
        if not self._waiting:
            return
        first = self._waiting[0]
        given = torch.cat([step.given for step in self._waiting])
        target = torch.cat([step.target for step in self._waiting])
        self._waiting, self._numbers_waiting = [], 0
        preds = predicted_classes(given, self.kind.task) if first.are_logits else given
        self.counts.update(preds, target)
        if self.matrix is not None:
            self.matrix.update(preds, target)
        if self.extra and len(target):
            scores = probabilities_of(given, self.kind.task) if first.are_logits else given
            for collection in self.extra:
                collection.update(scores, target)


def _form(step: StepOutput) -> tuple[object, ...]:
    given, target = step.given, step.target
    return given.shape[1:], target.shape[1:], given.dtype, target.dtype, given.device, step.are_logits
