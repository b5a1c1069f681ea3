"""Which class, when all compete: a handicap for each, searched exactly one class at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.functional.reduction import widest_float
from lightning_imbalance.functional.thresholds import check_probabilities, require_samples
from lightning_imbalance.functional.true_class import along_classes

_ROUNDING = 1e-12
# Samples whose log-ratios are closer are equal ones that rounding has parted.
_EQUAL = 1e-9


def best_offsets(
    probabilities: Tensor,
    target: Tensor,
    *,
    min_samples: int = 50,
    force: bool = False,
    ignore_index: int | None = None,
    class_names: Sequence[str] | None = None,
    max_sweeps: int = 100,
) -> Tensor:
    r"""Return the offsets o that make the balanced accuracy of :math:`\arg\max_c (\log p_c + o_c)` largest.

    A threshold for each class would leave samples with no class and samples with several. An offset of the logits,
    which is a factor :math:`e^{o_c}` of the probabilities, always leaves one, and is the form that a change of the
    class prior or of the costs takes. The factors are those of Lachiche & Flach 2003, "Improving Accuracy and Cost of
    Two-class and Multi-class Probabilistic Classifiers Using ROC Curves", searched as there one class after the other:
    with the others fixed, every cut of :math:`o_c` between two samples is tried, and a class moves only where that is
    better. It ends where no class alone can improve, which for more than two classes may be short of the best of all.

    Args:
        probabilities: Shape ``(N, C)`` or ``(N, C, d1, ...)``, as they will be at decision time.
        target: Class indices ``(N,)`` or ``(N, d1, ...)``.
        min_samples: Held-out samples that each class must have.
        force: Tune on fewer all the same. A class without any keeps its place among the others.
        ignore_index: Targets of this value are left out.
        class_names: One name a class, for the messages.
        max_sweeps: Most rounds over all classes.

    Returns:
        Shape ``(C,)``, float64, with mean 0; all 0 where nothing is better.

    Raises:
        ValueError: Shapes do not fit, probabilities are not between 0 and 1, or there are too few samples.

    Example:
        >>> probabilities = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
        >>> offsets = best_offsets(probabilities, torch.tensor([0, 0, 1, 1]), force=True)
        >>> decide_by_offsets(probabilities, offsets)
        tensor([0, 0, 1, 1])
    """
    if probabilities.ndim < 2 or target.shape != probabilities.shape[:1] + probabilities.shape[2:]:
        msg = (
            "`probabilities` must have shape (N, C, ...) and `target` the same without the classes, got "
            f"{tuple(probabilities.shape)} and {tuple(target.shape)}."
        )
        raise ValueError(msg)
    check_probabilities(probabilities)
    num_classes = probabilities.shape[1]
    require_samples(
        target, "multiclass", min_samples, num_classes, force=force, ignore_index=ignore_index, class_names=class_names
    )
    rows, target = probabilities.movedim(1, -1).flatten(end_dim=-2).double().log(), target.flatten()
    if ignore_index is not None:
        rows, target = rows[target != ignore_index], target[target != ignore_index]
    # What one sample adds to the sum of the recalls.
    share = (1 / torch.bincount(target, minlength=num_classes).double())[target]
    offsets = torch.zeros(num_classes, dtype=torch.float64, device=rows.device)
    for _ in range(max_sweeps):
        before = offsets.clone()
        leaders = (rows + offsets).topk(min(2, num_classes), 1)
        for index in range(num_classes):
            moved = _best_offset(rows[:, index], index, target, share, leaders, offsets[index])
            if moved is not None:
                offsets[index] = moved
                leaders = (rows + offsets).topk(2, 1)
        if torch.equal(offsets, before):
            break
    # Where samples tie, a sum of gains may promise what no offset keeps.
    gained = share[(rows + offsets).argmax(1) == target].sum() - share[rows.argmax(1) == target].sum()
    return offsets - offsets.mean() if gained > _ROUNDING else torch.zeros_like(offsets)


def decide_by_offsets(probabilities: Tensor, offsets: Tensor) -> Tensor:
    """Return the class whose log-probability plus offset is largest.

    Args:
        probabilities: Shape ``(N, C)`` or ``(N, C, d1, ...)``.
        offsets: Shape ``(C,)``.

    Returns:
        Class indices, shape ``(N,)`` or ``(N, d1, ...)``.

    Example:
        >>> decide_by_offsets(torch.tensor([[0.6, 0.4]]), torch.tensor([0.0, 1.0]))
        tensor([1])
    """
    dtype = widest_float(probabilities.device)
    favours = along_classes(offsets.to(dtype).to(probabilities.device), probabilities.ndim)
    return (probabilities.to(dtype).log() + favours).argmax(1)


def _best_offset(
    own: Tensor, index: int, target: Tensor, share: Tensor, leaders: tuple[Tensor, Tensor], now: Tensor
) -> Tensor | None:
    values, classes = leaders
    if values.shape[1] < 2:
        return None
    leads = classes[:, 0] == index
    rival, rival_class = (
        torch.where(leads, values[:, 1], values[:, 0]),
        torch.where(leads, classes[:, 1], classes[:, 0]),
    )
    # A sample joins the class where its offset comes above this.
    joins, order = (rival - own).sort()
    gain = torch.where(target == index, share, torch.where(rival_class == target, -share, 0))
    current = torch.where(leads, gain, 0).sum()
    sums = gain[order].cumsum(0)
    finite = joins.isfinite()
    if not bool(finite.any()):
        return None
    last = torch.cat([joins[1:] - joins[:-1] > _EQUAL, finite.new_ones(1)])
    lower, joined = joins[last & finite], sums[last & finite]
    # What always belongs to the class, its rivals being impossible, has joined before the first cut.
    always = joins == -torch.inf
    lower = torch.cat([lower[:1] - 2, lower])
    joined = torch.cat([gain[order][always].sum()[None], joined])
    upper = torch.cat([lower[1:], lower[-1:] + 2])
    best = joined >= joined.max() - _ROUNDING
    if joined.max() <= current + _ROUNDING:
        return None
    middle = (lower + upper)[best] / 2
    return middle[(middle - now).abs().argmin()]
