"""Which class is taken for which: all of it, or where there are many classes the worst of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lightning_imbalance.checks import check_class_names
from lightning_imbalance.drawing import BLUE, class_rows, new_picture, plain, shown_name
from lightning_imbalance.functional.wilson import wilson_interval
from lightning_imbalance.parameters import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WITH_NUMBERS = 20
_SEVERAL = 3


def confusion(
    matrix: Tensor | Sequence[Sequence[int]],
    class_names: Sequence[str] | None = None,
    *,
    max_classes: int = 30,
    pairs: int = 20,
) -> Figure:
    """Draw the confusion matrix, each row as shares of its class's samples; for many classes the worst pairs instead.

    Args:
        matrix: Shape ``(C, C)``, not negative: row i, column j counts the samples of class i that were predicted as j,
            as :class:`~lightning_imbalance.metrics.ConfusionMatrix` computes it, scikit-learn and torchmetrics too.
        class_names: One name a class; by default the indices.
        max_classes: Of more classes than this, the pairs that are confused most often are drawn as bars.
        pairs: At most how many.

    Returns:
        The figure. A row without samples is grey. Pairs are ordered by the lower end of the 95 % Wilson interval of
        their share, so that 1 sample of 1 does not come before 70 of 100, and pairs that happened at least 3 times come
        before the others.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: ``matrix`` is not square or has a negative number, or the names are too few or too many.

    Example:
        >>> figure = confusion([[8, 2], [1, 3]], ["cat", "dog"])
        >>> figure.axes[0].images[0].get_array().tolist()
        [[0.8, 0.2], [0.25, 0.75]]
    """
    cells = torch.as_tensor(matrix).detach().cpu()
    if cells.ndim != 2 or cells.shape[0] != cells.shape[1] or not cells.numel():
        msg = f"`matrix` must be square, one row and one column a class, got shape {tuple(cells.shape)}."
        raise ValueError(msg)
    if not bool((cells >= 0).all()):
        msg = f"`matrix` must have counts, from 0 on, got {cells.amin().item()}."
        raise ValueError(msg)
    whole("max_classes", max_classes)
    whole("pairs", pairs, least=1)
    names = check_class_names(class_names, len(cells)) or tuple(map(str, range(len(cells))))
    return _all(cells, names) if len(cells) <= max_classes else _worst(cells, names, pairs)


def _all(cells: Tensor, names: Sequence[str]) -> Figure:
    samples = cells.sum(1)
    shares = cells.double() / samples[:, None]
    side = max(2.2, 0.36 * len(names))
    figure = new_picture(side + 2.8, side + 1.6, "plots.confusion")
    figure.set_layout_engine("constrained", w_pad=0.15)  # turned names begin left of the first column
    axes = figure.subplots()
    axes.set_facecolor("0.85")  # what has no share shows it
    image = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    if len(names) <= _WITH_NUMBERS:
        for row, column in cells.nonzero().tolist():
            share = shares[row, column].item()
            # Half of a per cent of a rare class may be all that there is, and is no zero.
            text = "<1" if share < 0.005 else f"{100 * share:.0f}"
            axes.text(
                column, row, text, ha="center", va="center", fontsize="small", color="white" if share > 0.55 else "0.1"
            )
    rows = [f"{shown_name(name)} ({count:,})" for name, count in zip(names, samples.tolist(), strict=True)]
    axes.set_yticks(range(len(names)), rows, fontsize="small", **plain)
    short = [shown_name(name, 20) for name in names]
    upright = sum(map(len, short)) > 4.5 * len(names)
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    axes.set_xticks(range(len(names)), short, fontsize="small", **turned, **plain)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("class (samples)")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda value, _: f"{100 * value:.0f}%")
    bar.set_label("share of the class's samples")
    return figure


def _worst(cells: Tensor, names: Sequence[str], pairs: int) -> Figure:
    wrong = cells.clone().fill_diagonal_(0)
    confused = wrong.nonzero()
    hits = wrong[confused[:, 0], confused[:, 1]]
    samples = cells.sum(1)[confused[:, 0]]
    low, high = wilson_interval(hits, samples)
    # 1 sample of 1 may be a mislabelled one; what happened several times comes first.
    worst = (low + (hits >= _SEVERAL)).argsort(descending=True, stable=True)[:pairs].tolist()
    rows = [" → ".join(shown_name(names[index]) for index in confused[i].tolist()) for i in worst]
    figure, axes = class_rows(rows or [""], "plots.confusion", width=8)
    # A row is a pair here, and two short names are no longer than one long one.
    axes.set_yticks(range(len(rows)), rows, **plain)
    if not rows:
        axes.text(0.02, 0, "none is", va="center")
    shares = [hits[i].item() / samples[i].item() for i in worst]
    axes.barh(range(len(rows)), shares, height=0.72, color=BLUE, alpha=0.75)
    ends: dict[str, Any] = {"color": "0.2", "linewidth": 1.2}
    axes.hlines(range(len(rows)), [low[i].item() for i in worst], [high[i].item() for i in worst], **ends)
    for row, i in enumerate(worst):
        axes.text(
            high[i].item() + 0.01, row, f"{hits[i].item():,} of {samples[i].item():,}", va="center", fontsize="small"
        )
    axes.set_xlim(0, 1.15)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], [f"{share}%" for share in range(0, 101, 20)])
    axes.set_xlabel("share of the class's samples that are taken for the other, with its 95% interval")
    axes.set_title(
        f"classes taken for another, worst first: {len(worst)} of {len(confused):,} pairs",
        fontsize="medium",
        loc="left",
    )
    return figure
