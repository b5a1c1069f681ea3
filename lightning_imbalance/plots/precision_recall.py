"""What it costs in false alarms to find more of a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.drawing import (
    ABSENT,
    BLUE,
    COLOURS,
    DASHES,
    NAMED_ROWS,
    VERMILLION,
    class_rows,
    legend_below,
    new_picture,
    rows_by_frequency,
    shown_name,
)
from lightning_imbalance.functional.precision_recall import precision_recall as precision_recall_at
from lightning_imbalance.plots.predictions import CURVES, Predictions, column_of, read_predictions

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def precision_recall(
    probabilities: Tensor,
    target: Tensor,
    class_names: Sequence[str] | None = None,
    *,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> Figure:
    """Draw precision against recall for each class; of more than 8 classes their average precision, a row a class.

    For a rare class this says more than a ROC curve: false alarms are compared with what was found, not with the many
    negatives. What a model without knowledge reaches is the share of the class, and is drawn too.

    Args:
        probabilities: ``multiclass`` and ``multilabel`` ``(N, C, ...)``, ``binary`` ``(N, ...)``.
        target: Class indices ``(N, ...)``, or 0 and 1 of the shape of the probabilities.
        class_names: One name a class (``binary``: negative, then positive).
        task: ``"multiclass"`` (each class against the others), ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value are left out.

    Returns:
        The figure. Curves are exact, and average precision is scikit-learn's, not interpolated. A class without
        samples has none.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: Targets are no integers.
        ValueError: Shapes do not fit, a value is no probability, or a target is outside the classes.

    Example:
        >>> import torch
        >>> scores, target = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]), torch.tensor([0, 1, 0])
        >>> figure = precision_recall(scores, target, ["cat", "dog"])
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['cat: 1.000 (2 of 3)', 'dog: 1.000 (1 of 3)']
    """
    predictions = read_predictions(probabilities, target, class_names, task, ignore_index)
    return (_curves if len(predictions.names) <= CURVES else _rows)(predictions)


def _curves(predictions: Predictions) -> Figure:
    figure = new_picture(5.6, 5.2 + 0.2 * math.ceil(len(predictions.names) / 2), "plots.precision_recall")
    axes = figure.subplots()
    signs: list[Artist] = []
    labels = []
    for index, (name, colour, dash) in enumerate(zip(predictions.names, COLOURS, DASHES, strict=False)):
        scores, answers = column_of(predictions, index)
        precision, recall, average = _curve(scores, answers)
        # Each threshold holds until the next one is reached.
        (line,) = axes.plot(recall, precision, drawstyle="steps-pre", linewidth=1.5, color=colour, linestyle=dash)
        if recall:
            axes.axhline(answers.sum().item() / len(answers), alpha=0.35, linewidth=0.8, color=colour, linestyle=dash)
        signs.append(line)
        value = f"{average:.3f} ({int(answers.sum()):,} of {len(answers):,})" if recall else "no sample"
        labels.append(f"{shown_name(name)}: {value}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_title("with the average precision of each class; thin: its share", fontsize="medium", loc="left")
    legend_below(figure, signs, labels, columns=2)
    return figure


def _rows(predictions: Predictions) -> Figure:
    columns = [column_of(predictions, index) for index in range(len(predictions.names))]
    samples = [int(answers.sum()) for _, answers in columns]
    averages = [_curve(*column)[2] for column in columns]
    order = rows_by_frequency(samples)
    rows = range(len(order))
    figure, axes = class_rows([predictions.names[index] for index in order], "plots.precision_recall", extra_height=0.2)
    many_rows = len(order) > NAMED_ROWS
    values = [averages[index] for index in order]
    shares = [samples[index] / len(columns[index][1]) if samples[index] else math.nan for index in order]
    (points,) = axes.plot(
        values, rows, color=BLUE, linestyle="", marker="o", markersize=2 if many_rows else 5, zorder=3
    )
    (chance,) = axes.plot(
        shares, rows, color=VERMILLION, linestyle="", marker="|", markersize=2 if many_rows else 8, zorder=2
    )
    if not many_rows:
        for row, value in enumerate(values):
            if math.isnan(value):
                axes.text(0.01, row, "no sample", va="center", fontsize="small", color=ABSENT)
    absent = sum(map(math.isnan, values))
    if absent and many_rows:
        axes.set_title(f"{absent:,} of {len(order):,} classes have no sample", fontsize="medium", loc="left")
    axes.set_xlim(-0.01, 1.02)
    axes.set_xlabel("average precision")
    legend_below(figure, [points, chance], ["average precision", "without knowledge: the class's share"])
    return figure


def _curve(scores: Tensor, answers: Tensor) -> tuple[list[float], list[float], float]:
    """Return precision and recall at each score from the highest down, from a recall of 0 on, and their area."""
    curve = precision_recall_at(scores, answers)
    precision, recall = curve.precision.tolist(), curve.recall.tolist()
    return precision[:1] + precision, [0.0] * bool(recall) + recall, curve.average_precision.item()
