"""Metrics of the user's choice, beside the figures that a monitor has anyway."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import probabilities
from lightning_imbalance.metrics import AUROC, AveragePrecision

Extra = str | Metric | MetricCollection

_NAMED = {"average_precision": AveragePrecision, "auroc": AUROC}
_TAKEN = ("balanced_accuracy", "worst_class_recall", "geometric_mean", "macro_f1", "recall", "loss", "loss_unweighted")
_GROUPS = ("recall_many", "recall_medium", "recall_few")


def check_extra(extra: Extra | Sequence[Extra] | None) -> tuple[Extra, ...]:
    """Return the metrics that were asked for, checked.

    Args:
        extra: Names, metrics and collections, one or several.

    Returns:
        One entry each.

    Raises:
        TypeError: Something is no metric.
        ValueError: A name is unknown, used twice, or that of a figure which is there anyway.

    Example:
        >>> check_extra("auroc")
        ('auroc',)
    """
    given = () if extra is None else (extra,) if isinstance(extra, (str, Metric, MetricCollection)) else extra
    known = f"{', '.join(map(repr, _NAMED))}, a torchmetrics Metric or MetricCollection, or a list of these"
    if not isinstance(given, (list, tuple)):
        msg = f"`extra` must be {known}, got {given!r}."
        raise TypeError(msg)
    names: list[str] = []
    for each in given:
        if isinstance(each, str) and each not in _NAMED:
            msg = f"`extra` must be {known}, got {each!r}."
            raise ValueError(msg)
        if not isinstance(each, (str, Metric, MetricCollection)):
            hint = f" Pass an instance, `{each.__name__}(...)`." if isinstance(each, type) else ""
            got = f"the class {each.__name__}" if isinstance(each, type) else repr(each)
            msg = f"`extra` must be {known}, got {got}.{hint}"
            raise TypeError(msg)
        names += _names(each)
    for name in names:
        if name in (*_TAKEN, *_GROUPS) or names.count(name) > 1:
            why = "is logged twice" if names.count(name) > 1 else "is a figure of the monitor itself"
            msg = (
                f"each metric of `extra` must have a name of its own, got {name!r}, which {why}. Rename it: "
                "`extra=MetricCollection({'my_name': metric})`."
            )
            raise ValueError(msg)
    return tuple(given)


def built(
    extra: Sequence[Extra], num_classes: int, task: Task, ignore_index: int | None, device: torch.device
) -> list[MetricCollection]:
    """Make metrics of one evaluation, empty and apart from those that the user has.

    Args:
        extra: What :func:`check_extra` returned.
        num_classes: Number of classes, for those that were named.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``, likewise.
        ignore_index: Likewise.
        device: Where the predictions are.

    Returns:
        Collections, each with the names that are logged.

    Example:
        >>> [list(each) for each in built(["auroc"], 3, "multiclass", None, torch.device("cpu"))]
        [['auroc']]
    """
    # Those of this package have one state, which a collection updates once.
    named: dict[str, Metric] = {
        each: _NAMED[each](num_classes, task, ignore_index) for each in extra if isinstance(each, str)
    }
    collections = [MetricCollection(dict(named))] if named else []
    for each in extra:
        if isinstance(each, MetricCollection):
            collections.append(each.clone())
        elif isinstance(each, Metric):
            collections.append(MetricCollection({type(each).__name__: each.clone()}))
    for collection in collections:
        collection.reset()
        collection.to(device)
    return collections


def probabilities_of(logits: Tensor, task: Task) -> Tensor:
    """Return what a metric that needs more than the decision is given.

    Args:
        logits: As :func:`~lightning_imbalance.functional.align` returns them.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        Probabilities. Of NaN logits they are 0: torchmetrics would take a batch with a NaN in it for one of logits, and
        turn the probabilities of all others into others.

    Example:
        >>> probabilities_of(torch.tensor([2.0]), "binary")
        tensor([0.8808])
    """
    return probabilities(logits, task).nan_to_num(nan=0.0)


def values_by_name(computed: Mapping[str, Any], class_names: Sequence[str]) -> dict[str, float]:
    """Return numbers by the name under which they are logged, NaN where nothing was there to measure.

    Args:
        computed: What the ``compute`` of a collection returned.
        class_names: One name a class.

    Returns:
        ``name`` for a metric of one number; ``name/<class>`` for one of a number a class, and for the metrics of this
        package also ``mean_name``, the mean of the classes that have one. Not ``name`` itself: MLflow's file store
        keeps each metric in a file of its name, and ``name`` would be file and folder at once.

    Raises:
        ValueError: A metric computes something of another shape.

    Example:
        >>> values_by_name({"auroc": torch.tensor([0.5, 1.0])}, ["cat", "dog"])
        {'auroc/cat': 0.5, 'auroc/dog': 1.0, 'mean_auroc': 0.75}
    """
    values: dict[str, float] = {}
    for name, result in computed.items():
        numbers = torch.as_tensor(result).detach().double().cpu()
        if numbers.numel() == 1:
            values[name] = numbers.item()
        elif numbers.shape == (len(class_names),):
            values |= {f"{name}/{each}": value for each, value in zip(class_names, numbers.tolist(), strict=True)}
            if name in _NAMED:
                values[f"mean_{name}"] = numbers.nanmean().item()
        else:
            msg = (
                f"a metric of `extra` must compute one number, or one for each of the {len(class_names)} classes, got "
                f"shape {tuple(numbers.shape)} from {name!r}."
            )
            raise ValueError(msg)
    return values


def measured(values: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers that are numbers: a NaN in a log would stop EarlyStopping.

    Example:
        >>> measured({"auroc": 0.5, "auroc/dog": math.nan})
        {'auroc': 0.5}
    """
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _names(extra: Extra) -> list[str]:
    if isinstance(extra, str):
        return [extra]
    return [str(name) for name in extra] if isinstance(extra, MetricCollection) else [type(extra).__name__]
