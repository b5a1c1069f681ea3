"""What a picture needs of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import rows_by_frequency
from lightning_imbalance.functional.wilson import wilson_interval

_WANTED = ("true_positives", "samples")


@dataclass(frozen=True)
class Evaluation:
    """Recall of each class with its 95 % Wilson interval.

    Args:
        names: One name a class.
        recall: Share that was found; NaN for a class without samples.
        low: Lower end of the interval, NaN likewise.
        high: Upper end.
        samples: Samples of each class.

    Example:
        >>> Evaluation(("cat",), (0.5,), (0.1,), (0.9,), (2,)).balanced_accuracy
        0.5
    """

    names: tuple[str, ...]
    recall: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    samples: tuple[int, ...]

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have samples."""
        return mean_recall(self.recall)


def mean_recall(recalls: Sequence[float]) -> float:
    """Return the mean of what is no NaN; NaN where nothing is.

    Example:
        >>> mean_recall([1.0, math.nan, 0.5])
        0.75
    """
    measured = [value for value in recalls if not math.isnan(value)]
    return sum(measured) / len(measured) if measured else math.nan


def read_evaluation(argument: str, evaluation: Mapping[str, Any]) -> Evaluation:
    """Read what :attr:`ImbalanceMonitor.results` holds for a stage, from there or from a JSON file.

    Args:
        argument: Name of the argument, for the message.
        evaluation: A mapping with ``true_positives`` and ``samples`` by class name.

    Returns:
        Recalls and intervals.

    Raises:
        TypeError: It is something else.
        ValueError: The numbers cannot be true.

    Example:
        >>> read_evaluation("evaluation", {"true_positives": {"cat": 1}, "samples": {"cat": 2}}).recall
        (0.5,)
    """
    given: Any = evaluation
    if not isinstance(given, Mapping) or not all(isinstance(given.get(key), Mapping) for key in _WANTED):
        keys = f"the keys {listed(list(given))}" if isinstance(given, Mapping) and given else type(given).__name__
        msg = (
            f"`{argument}` must be one evaluation, such as `monitor.results['val']`, with 'true_positives' and "
            f"'samples' by class name, got {keys}."
        )
        raise TypeError(msg)
    found, samples = (evaluation[key] for key in _WANTED)
    names = tuple(samples)
    wrong = [name for name in names if name not in found or not 0 <= found[name] <= samples[name]]
    if wrong or not names:
        got = f"{found.get(wrong[0])} of {samples[wrong[0]]} for {wrong[0]!r}" if wrong else "no class"
        msg = f"`{argument}` must have from 0 to all samples of each class as true positives, got {got}."
        raise ValueError(msg)
    hits, trials = (torch.tensor([values[name] for name in names]) for values in (found, samples))
    low, high = wilson_interval(hits, trials)
    return Evaluation(
        names,
        tuple((hits.double() / trials).tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(trials.tolist()),
    )


def rows_of(names: Sequence[str], samples: Sequence[int], distribution: ClassDistribution | None) -> list[int]:
    """Return the indices of the classes from the most frequent in training to the rarest.

    Args:
        names: One name a class.
        samples: Samples of each class in the evaluation, which decide where the training data are not known.
        distribution: The training data's classes.

    Returns:
        An index a row.

    Raises:
        ValueError: ``distribution`` has other classes.

    Example:
        >>> rows_of(["cat", "dog"], [5, 5], ClassDistribution([10, 20], class_names=["cat", "dog"]))
        [1, 0]
    """
    if distribution is None:
        return rows_by_frequency(samples)
    check_same_classes("distribution", distribution.class_names, names)
    trained_on = dict(zip(distribution.class_names, distribution.counts.tolist(), strict=True))
    return rows_by_frequency([trained_on[name] for name in names])


def check_same_classes(argument: str, got: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse other classes than those of the evaluation; their order does not matter.

    Example:
        >>> check_same_classes("distribution", ["cat"], ["dog"])
        Traceback (most recent call last):
        ValueError: `distribution` must have the classes of the evaluation, 'dog', got 'cat'.
    """
    if set(got) != set(wanted):
        msg = f"`{argument}` must have the classes of the evaluation, {listed(list(wanted))}, got {listed(list(got))}."
        raise ValueError(msg)
