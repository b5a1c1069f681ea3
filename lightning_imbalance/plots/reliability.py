"""Whether a probability of 30 % comes true in 30 of 100 cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.drawing import ABSENT, COLOURS, DASHES, MARKERS, legend_below, new_picture, plain, shown_name
from lightning_imbalance.functional.calibration_bins import calibration_bins, check_bins
from lightning_imbalance.functional.calibration_error import expected_calibration_error
from lightning_imbalance.functional.logits import align
from lightning_imbalance.functional.wilson import wilson_interval
from lightning_imbalance.plots.predictions import CURVES, Predictions, column_of, read_predictions

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability(
    probabilities: Tensor | Mapping[str, Tensor],
    target: Tensor,
    class_names: Sequence[str] | None = None,
    *,
    bins: int = 10,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> Figure:
    """Draw a reliability diagram: how often came true what was given a probability, in bins of equal width.

    Up to 8 classes have a curve each, which is where a rare class can be seen. Of more classes the decision is
    judged: how often the predicted class was right, against its probability (Guo et al. 2017). A point stands at the
        mean probability
    of its bin, with the 95 % Wilson interval of the frequency; on the diagonal probabilities are true.

    Args:
        probabilities: ``multiclass`` and ``multilabel`` ``(N, C, ...)``, ``binary`` ``(N, ...)``; or a mapping from
            title to such a tensor, of the same samples, for diagrams side by side.
        target: Class indices ``(N, ...)``, or 0 and 1 of the shape of the probabilities.
        class_names: One name a class (``binary``: negative, then positive).
        bins: Number of bins.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value are left out.

    Returns:
        The figure. Above each diagram stands the expected calibration error of the decision, over the same bins.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        TypeError: Targets are no integers.
        ValueError: Shapes do not fit, a value is no probability, a target is outside the classes, or ``bins`` is
            below 1.

    Example:
        >>> figure = reliability(torch.tensor([[0.75, 0.25], [0.75, 0.25]]), torch.tensor([0, 1]), ["cat", "dog"])
        >>> [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in figure.axes[0].lines[1:]]
        [([0.75], [0.5]), ([0.25], [0.5])]
    """
    check_bins(bins)
    panels = dict(probabilities) if isinstance(probabilities, Mapping) else {"": probabilities}
    if not panels:
        msg = (
            "`probabilities` must be a tensor, or at least one in a mapping from title to tensor, got an empty mapping."
        )
        raise ValueError(msg)
    read = {title: read_predictions(each, target, class_names, task, ignore_index) for title, each in panels.items()}
    figure = new_picture(4 * len(panels) + 0.5, 4.9 + 0.2 * (len(panels) == 1), "plots.reliability")
    every = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    signs: list[Artist] = []
    labels: list[str] = []
    for axes, (title, predictions) in zip(every, read.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=ABSENT, linewidth=0.8, linestyle=":")
        drawn = _curves(axes, predictions, bins, task)
        signs, labels = list(drawn.values()), list(drawn)
        given, answers = align(panels[title].detach().cpu(), target.detach().cpu(), task)
        error = expected_calibration_error(given, answers, bins, task=task, ignore_index=ignore_index).item()
        heading = [title] if title else []
        axes.set_title(
            "\n".join([*heading, f"calibration error of the decision {error:.3f}"]), fontsize="medium", **plain
        )
        axes.set(xlabel="probability given", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    every[0].set_ylabel("frequency")
    if signs:
        legend_below(figure, signs, labels, columns=2 * len(panels))
    return figure


def _curves(axes: Axes, predictions: Predictions, bins: int, task: Task) -> dict[str, Artist]:
    if len(predictions.names) <= CURVES:
        columns = {name: column_of(predictions, index) for index, name in enumerate(predictions.names)}
    else:
        columns = _decision(predictions, task)
    drawn: dict[str, Artist] = {}
    for (name, (scores, answers)), colour, dash, marker in zip(columns.items(), COLOURS, DASHES, MARKERS, strict=False):
        binned = calibration_bins(scores, answers, bins)
        filled = binned.predictions > 0
        count, hits = binned.predictions[filled], binned.hits[filled]
        low, high = wilson_interval(hits, count)
        x, y = binned.probability[filled] / count, hits / count
        (line,) = axes.plot(
            x.numpy(), y.numpy(), color=colour, linestyle=dash, marker=marker, markersize=5, linewidth=1.3
        )
        axes.vlines(x.numpy(), low.numpy(), high.numpy(), color=colour, linewidth=1, alpha=0.5)
        drawn[shown_name(name)] = line
    return drawn


def _decision(predictions: Predictions, task: Task) -> dict[str, tuple[Tensor, Tensor]]:
    """Return how sure each decision was and whether it was right."""
    scores, answers = predictions.scores, predictions.answers
    if task == "multiclass":
        confidence, predicted = scores.max(1)
        return {"the decision is right": (confidence, answers.gather(1, predicted[:, None])[:, 0])}
    known = ~scores.isnan()
    sure, right = torch.maximum(scores, 1 - scores), (scores > 0.5) == answers
    return {"the decision is right": (sure[known], right[known])}
