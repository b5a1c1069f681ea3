"""What a fit wrote down while it ran."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOSSES = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_loss_unweighted": "validation loss, unweighted",
}
_FIGURES = {"val_balanced_accuracy": "balanced accuracy", "val_worst_class_recall": "worst class recall"}
_RECALL = "val_recall/"


@dataclass(frozen=True)
class TrainingLog:
    """Losses and figures by epoch.

    Args:
        losses: Loss by epoch, by name.
        figures: Balanced accuracy and the lowest recall of a class on validation data, likewise.
        recall: Recall by class name, by epoch; NaN where a class had no sample.

    Example:
        >>> TrainingLog({"training loss": {0: 0.7}}, {}, {}).epochs
        1
    """

    losses: Mapping[str, Mapping[int, float]]
    figures: Mapping[str, Mapping[int, float]]
    recall: Mapping[int, Mapping[str, float]]

    @property
    def epochs(self) -> int:
        """How many epochs are in it."""
        curves = (*self.losses.values(), *self.figures.values(), self.recall)
        return len({epoch for curve in curves for epoch in curve})


def read_training_log(path: str | Path, class_names: Sequence[str]) -> TrainingLog | None:
    r"""Read the ``metrics.csv`` of Lightning's CSV logger.

    Args:
        path: The file.
        class_names: The classes, whose recalls an :class:`~lightning_imbalance.ImbalanceMonitor` may have logged.

    Returns:
        What it says of whole epochs; ``None`` where it says nothing, or is no such file.

    Raises:
        OSError: It cannot be read.

    Example:
        >>> _ = Path("metrics.csv").write_text("epoch,step,train_loss,val_recall/cat\n0,9,,0.5\n0,9,0.7,\n")
        >>> read_training_log("metrics.csv", ["cat"])
        TrainingLog(losses={'training loss': {0: 0.7}}, figures={}, recall={0: {'cat': 0.5}})
    """
    with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    losses: dict[str, dict[int, float]] = {}
    figures: dict[str, dict[int, float]] = {}
    recall: dict[int, dict[str, float]] = {}
    recalls = {f"{_RECALL}{name}": name for name in class_names}
    for epoch, row in _with_epochs(rows):
        for known, curves in ((_LOSSES, losses), (_FIGURES, figures)):
            for name, words in known.items():
                value = _number(row.get(name, ""))
                if not math.isnan(value):
                    curves.setdefault(words, {})[epoch] = value
        found = {recalls[name]: _number(cell) for name, cell in row.items() if name in recalls and cell}
        if found:
            recall.setdefault(epoch, dict.fromkeys(class_names, math.nan)).update(found)
    if not (losses or figures or recall):
        return None
    return TrainingLog(_in_order(losses, _LOSSES), _in_order(figures, _FIGURES), recall)


def _with_epochs(rows: Sequence[dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    """Return each row with its epoch, without the rows of which nobody can tell it."""
    numbered = [(_number(row.get("epoch", "")), _number(row.get("step", "")), row) for row in rows]
    validated = [(step, epoch) for epoch, step, row in numbered if any(row.get(name) for name in _FIGURES)]
    found = []
    for epoch, step, row in numbered:
        # The recalls of more than 100 classes are logged at once, without an epoch and one step after its end.
        before = [each for each in validated if each[0] <= step] if math.isnan(epoch) else []
        known = max(before)[1] if before else epoch
        if not math.isnan(known):
            found.append((int(known), row))
    return found


def _in_order(curves: Mapping[str, dict[int, float]], names: Mapping[str, str]) -> dict[str, dict[int, float]]:
    return {words: curves[words] for words in names.values() if words in curves}


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
