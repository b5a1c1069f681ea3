"""Binary cross-entropy with weights, for one yes-or-no question (binary) or several (multilabel)."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.functional.binary_sides import BinaryTask, binary_sides
from lightning_imbalance.functional.focused_sides import Focus, focused_sides
from lightning_imbalance.functional.reduction import Reduction, SummableTerms, Terms, reduce


def weighted_bce_terms(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    task: BinaryTask = "binary",
    ignore_index: int | None = None,
) -> Terms:
    """Return weighted binary cross-entropy and weight of each target; see :func:`weighted_bce`.

    Example:
        >>> import torch
        >>> terms = weighted_bce_terms(torch.zeros(2), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
        >>> terms.loss, terms.weight
        (tensor([0.6931, 2.0794]), tensor([1., 3.]))
    """
    sides = binary_sides(logits, target, weight, task=task, ignore_index=ignore_index)
    if sides.negative_weight is not None:  # torch has a weight for one side alone
        return focused_sides(sides, Focus())

    def torchs(reduction: str) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            sides.logits, sides.target, sides.kept, pos_weight=sides.positive_weight, reduction=reduction
        )

    return SummableTerms(partial(torchs, "none"), sides.counted, lambda: (torchs("sum"), sides.total()))


def weighted_bce(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    task: BinaryTask = "binary",
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
) -> Tensor:
    r"""Return the binary cross-entropy, positives and negatives counted by their weights.

    With σ the sigmoid of a logit and y its target the loss is
    :math:`-w_1 y \log σ - w_0 (1 - y) \log (1 - σ)`, its weight in the mean :math:`w_1 y + w_0 (1 - y)`. For
    ``multilabel`` :math:`w_0 = 1` and :math:`w_1` is the label's ``pos_weight``; the values are those of
    :func:`torch.nn.functional.binary_cross_entropy_with_logits`, whose mean divides by the number of targets instead
    of the sum of their weights.

    Args:
        logits: ``binary``: any shape. ``multilabel``: ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in
            float32.
        target: 0 and 1, or probabilities between them, shape of ``logits``.
        weight: ``binary``: two numbers, negative then positive. ``multilabel``: ``pos_weight``, shape ``(C,)``. By
            default all 1.
        task: ``"binary"`` or ``"multilabel"``: what ``weight`` means.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Raises:
        ValueError: ``target`` has another shape than ``logits``.

    Example:
        >>> import torch
        >>> weighted_bce(torch.tensor([2.0, 0.0]), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
        tensor(1.0516)
    """
    return reduce(weighted_bce_terms(logits, target, weight, task=task, ignore_index=ignore_index), reduction)
