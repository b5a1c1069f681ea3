"""Yes from which probability on: thresholds that are searched exactly, on held-out samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.reduction import widest_float
from lightning_imbalance.functional.true_class import along_classes

CountsMetric = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""``(tp, fp, fn, tn) -> figure``, each of shape ``(K,)``, one entry a candidate; the largest figure wins."""

Metric = Literal["balanced_accuracy", "f1"] | CountsMetric

_ROUNDING = 1e-12


def best_thresholds(
    probabilities: Tensor,
    target: Tensor,
    task: Literal["binary", "multilabel"] = "binary",
    *,
    metric: Metric = "balanced_accuracy",
    min_samples: int = 50,
    force: bool = False,
    ignore_index: int | None = None,
    class_names: Sequence[str] | None = None,
) -> Tensor:
    """Return the threshold of each label that makes a figure largest: the answer is yes where p is above it.

    Every cut between two neighbouring probabilities is tried, so that no threshold is better on these samples (Fawcett
    2006, "An introduction to ROC analysis", section 5, walks along the same cuts). A label keeps 0.5 where no cut is
    better; among equal cuts the nearest to 0.5 is taken, and the threshold is the middle between its two neighbours.
    What is best on few samples is chance, hence ``min_samples``. A label that ``force`` lets through without positives
    or without negatives keeps 0.5.

    Args:
        probabilities: ``binary``: ``(N, ...)``. ``multilabel``: ``(N, C, ...)``. As they will be at decision time.
        target: 0 and 1, same shape.
        task: ``"binary"`` or ``"multilabel"``.
        metric: ``"balanced_accuracy"`` (mean of the recalls of yes and no), ``"f1"`` (of yes), or a function ``(tp, fp,
            fn, tn) -> figure`` of four int64 tensors with one entry a cut. For ``multilabel`` it is the figure of each
            label, so that their mean is largest.
        min_samples: Positives and negatives that each label must have.
        force: Tune on fewer all the same.
        ignore_index: Targets of this value are left out.
        class_names: One name a label (``binary``: of no and yes), for the messages.

    Returns:
        Shape ``(C,)``, ``binary``: ``(1,)``, float64.

    Raises:
        ValueError: Shapes differ, probabilities are not between 0 and 1, there are too few samples, or ``metric`` is
            unknown or gives another shape.

    Example:
        >>> probabilities = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.6])
        >>> best_thresholds(probabilities, torch.tensor([0, 0, 1, 1, 1]), force=True)
        tensor([0.2500], dtype=torch.float64)
    """
    figure = _FIGURES.get(metric) if isinstance(metric, str) else metric
    if figure is None or not callable(figure):
        msg = f"`metric` must be 'balanced_accuracy', 'f1' or a function of tp, fp, fn and tn, got {metric!r}."
        raise ValueError(msg)
    if probabilities.shape != target.shape:
        msg = (
            f"`target` must have the shape of the probabilities, {tuple(probabilities.shape)}, got "
            f"{tuple(target.shape)}."
        )
        raise ValueError(msg)
    check_probabilities(probabilities)
    require_samples(target, task, min_samples, force=force, ignore_index=ignore_index, class_names=class_names)
    if task == "binary":
        columns, truths = probabilities.reshape(-1, 1), target.reshape(-1, 1)
    else:
        columns, truths = (each.movedim(1, -1).flatten(end_dim=-2) for each in (probabilities, target))
    return torch.stack(
        [
            _best_threshold(column.double(), truth, figure, ignore_index)
            for column, truth in zip(columns.unbind(1), truths.unbind(1), strict=True)
        ]
    )


def decide_by_thresholds(probabilities: Tensor, thresholds: Tensor) -> Tensor:
    """Return 1 where a probability is above the threshold of its label, 0 elsewhere.

    Args:
        probabilities: ``(N, C, ...)``; ``(N, ...)`` with one threshold.
        thresholds: Shape ``(C,)`` or ``(1,)``.

    Returns:
        Shape of the probabilities, int64.

    Example:
        >>> decide_by_thresholds(torch.tensor([[0.3, 0.3]]), torch.tensor([0.2, 0.4]))
        tensor([[1, 0]])
    """
    # In float64, in which they were found: a threshold may lie between two neighbours in float32.
    dtype = widest_float(probabilities.device)
    limits = thresholds.to(dtype).to(probabilities.device)
    limits = limits if limits.numel() == 1 else along_classes(limits, probabilities.ndim)
    return (probabilities.to(dtype) > limits).long()


def require_samples(
    target: Tensor,
    task: Task,
    min_samples: int,
    num_classes: int = 2,
    *,
    force: bool = False,
    ignore_index: int | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Refuse to decide on few held-out samples what is chance on them.

    Args:
        target: Class indices, or 0 and 1 ``(N, C, ...)`` for ``multilabel``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        min_samples: Samples that each class must have, for ``multilabel`` positives and negatives of each label.
        num_classes: Number of classes of ``multiclass``.
        force: Let them pass.
        ignore_index: Targets of this value do not count.
        class_names: One name a class; by default the indices.

    Raises:
        ValueError: A class has fewer; the message has the counts.

    Example:
        >>> require_samples(torch.tensor([0, 0, 1]), "binary", 2)
        Traceback (most recent call last):
        ValueError: at least 2 held-out samples of each class must be there to tune on, got 1 of '1'. ...
    """
    counted = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    if task == "multilabel":
        over = [axis for axis in range(target.ndim) if axis != 1]
        counts = {
            side: ((target == value) & counted).sum(over).tolist()
            for side, value in (("positives", 1), ("negatives", 0))
        }
    else:
        counts = {"": torch.bincount(target[counted].flatten(), minlength=num_classes).tolist()}
    few = [
        f"{count} {side + ' ' if side else ''}of {class_names[index] if class_names else str(index)!r}"
        for side, each in counts.items()
        for index, count in enumerate(each)
        if count < min_samples
    ]
    if few and not force:
        what = "positives and negatives of each label" if task == "multilabel" else "samples of each class"
        shown = ", ".join(few[:10]) + (f", ... ({len(few)})" if len(few) > 10 else "")
        msg = (
            f"at least {min_samples} held-out {what} must be there to tune on, got {shown}. What is best on few is "
            "chance: hold out more, or pass `force=True`."
        )
        raise ValueError(msg)


def check_probabilities(probabilities: Tensor) -> None:
    """Refuse what is no probability: logits, NaN.

    Args:
        probabilities: Any shape.

    Raises:
        ValueError: A value is not between 0 and 1.

    Example:
        >>> check_probabilities(torch.tensor([0.0, 1.0]))
    """
    outside = ~((probabilities >= 0) & (probabilities <= 1))  # in this form for NaN
    if bool(outside.any()):
        got = probabilities[outside][0].item()
        msg = f"`probabilities` must be between 0 and 1, got {got:.4g}. Pass softmax or sigmoid of the logits."
        raise ValueError(msg)


def _best_threshold(column: Tensor, truth: Tensor, figure: CountsMetric, ignore_index: int | None) -> Tensor:
    half = torch.full((), 0.5, dtype=torch.float64, device=column.device)
    if ignore_index is not None:
        column, truth = column[truth != ignore_index], truth[truth != ignore_index]
    positives = int((truth == 1).sum())
    if positives in (0, len(truth)):
        return half
    falling, order = column.sort(descending=True)
    hits = (truth == 1)[order].cumsum(0)
    # A cut after the last of equal probabilities; the first cut says yes to none.
    last = torch.cat([falling[1:] != falling[:-1], falling.new_ones(1, dtype=torch.bool)]).nonzero().flatten()
    tp = torch.cat([hits.new_zeros(1), hits[last]])
    yes = torch.cat([hits.new_zeros(1), last + 1])
    upper = torch.cat([falling.new_ones(1), falling[last]])
    lower = torch.cat([falling[last], falling.new_zeros(1)])
    if lower[-2] == 0:  # nothing lies below 0, so that yes to all is no threshold
        tp, yes, upper, lower = tp[:-1], yes[:-1], upper[:-1], lower[:-1]
    fp, fn = yes - tp, positives - tp
    values = figure(tp, fp, fn, len(truth) - positives - fp).double()
    if values.shape != tp.shape:
        msg = (
            f"`metric` must give one figure a cut, shape {tuple(tp.shape)}, got {tuple(values.shape)}. Compute it with "
            "tensor operations."
        )
        raise ValueError(msg)
    values = values.nan_to_num(nan=-torch.inf)
    best = values >= values.max() - _ROUNDING
    if bool((best & (lower <= half) & (half < upper)).any()):
        return half
    middle = (lower + upper) / 2
    # Between two neighbours of float64 there is no middle.
    middle = torch.where(middle < upper, middle, lower)
    return middle[best][(middle[best] - half).abs().argmin()]


def _balanced_accuracy(tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:
    return (tp.double() / (tp + fn) + tn.double() / (tn + fp)) / 2


def _f1(tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:
    del tn
    return 2 * tp.double() / (2 * tp + fp + fn)


_FIGURES: dict[str, CountsMetric] = {"balanced_accuracy": _balanced_accuracy, "f1": _f1}
