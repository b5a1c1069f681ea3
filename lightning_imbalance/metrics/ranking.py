"""How well each class's scores put its samples first, from a histogram of the scores."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imbalance.checks import check_num_classes, check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import align, probabilities
from lightning_imbalance.functional.score_histogram import (
    binned_auroc,
    binned_average_precision,
    log_odds_thresholds,
    score_histogram,
)
from lightning_imbalance.parameters import whole


class ScoreHistogram(Metric):
    """Positive and negative samples of each class by their score; the base of the other metrics here.

    The state has 2·C·T integers however many samples there are: 6 MB for 1,000 classes and 400 thresholds, which are
    even in log-odds (:func:`~lightning_imbalance.functional.log_odds_thresholds`), so that the small scores of a rare
    class are told apart. An update takes as much memory as its scores a few times over, whatever the number of
    thresholds.

    Args:
        num_classes: Number of classes C; may be left out for ``binary``.
        task: ``"multiclass"`` (each class against the others), ``"binary"`` (negative, positive) or ``"multilabel"``.
        ignore_index: Targets of this value are left out.
        bins: Number of thresholds T.
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: ``num_classes`` is missing or too small, ``task`` is unknown, or ``bins`` is below 3.

    Example:
        >>> metric = ScoreHistogram(num_classes=2, bins=3)
        >>> metric(torch.tensor([[0.25, 0.75]]), torch.tensor([1])).shape
        torch.Size([2, 2, 3])
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    histogram: Tensor
    thresholds: Tensor

    def __init__(
        self,
        num_classes: int | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        bins: int = 400,
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
        self.bins = whole("bins", bins, least=3)
        self.register_buffer("thresholds", log_odds_thresholds(bins), persistent=False)
        self.add_state("histogram", torch.zeros(2, known, bins, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            preds: Probabilities: ``multiclass`` and ``multilabel`` ``(N, C, ...)``, ``binary`` ``(N, ...)``. Floats
                outside [0, 1] make the batch one of logits, as in torchmetrics. A NaN is the lowest score.
            target: Class indices ``(N, ...)``, or 0 and 1 of the shape of ``preds``.

        Raises:
            TypeError: ``preds`` are class indices, which have no order.
            ValueError: Shapes do not fit.
        """
        if not preds.is_floating_point():
            kind = str(preds.dtype).removeprefix("torch.")
            msg = f"`preds` must be probabilities or logits, which have an order, got {kind} class indices."
            raise TypeError(msg)
        scores, target = align(preds.float(), target, self.task, self.num_classes)
        outside = ((scores < 0) | (scores > 1)).any()
        scores = torch.where(outside, probabilities(scores, self.task), scores)
        counted = (target >= 0) & (target < (self.num_classes if self.task == "multiclass" else 2))
        if self.ignore_index is not None:
            counted &= target != self.ignore_index
        if self.task == "multilabel":
            positive = (target == 1).movedim(1, -1).flatten(end_dim=-2)
            counted = counted.movedim(1, -1).flatten(end_dim=-2)
        else:
            if self.task == "binary":
                scores = torch.stack([1 - scores, scores], 1)
            each = torch.arange(self.num_classes, device=target.device)
            positive = target.flatten()[:, None] == each
            counted = counted.flatten()[:, None].expand(-1, self.num_classes)
        scores = scores.movedim(1, -1).flatten(end_dim=-2)
        self.histogram = self.histogram + score_histogram(scores, positive, counted, self.thresholds)

    def compute(self) -> Tensor:
        """Return the counts, shape ``(2, C, T)``, int64."""
        return self.histogram


class AveragePrecision(ScoreHistogram):
    """Average precision of each class, NaN for a class without samples.

    Arguments, updates and errors are those of :class:`ScoreHistogram`.

    Example:
        >>> metric = AveragePrecision(num_classes=3)
        >>> metric(torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1]]), torch.tensor([0, 1, 0]))
        tensor([0.8333, 0.5000,    nan], dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the average precisions, shape ``(C,)``, float64."""
        return binned_average_precision(self.histogram)


class AUROC(ScoreHistogram):
    """Area under the ROC curve of each class, NaN for a class that no sample has, or every one.

    Arguments, updates and errors are those of :class:`ScoreHistogram`.

    Example:
        >>> metric = AUROC(num_classes=3)
        >>> metric(torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1]]), torch.tensor([0, 1, 0]))
        tensor([0.5000, 0.5000,    nan], dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the areas, shape ``(C,)``, float64."""
        return binned_auroc(self.histogram)
