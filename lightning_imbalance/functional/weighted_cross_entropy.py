"""Softmax cross-entropy with class weights, for class indices and for class probabilities."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.reduction import Reduction, SummableTerms, Terms, index_weight, reduce, soft_weight

# torch ignores -100 unless told otherwise; with `ignore_index=None` no target may be dropped in silence.
_NOTHING_IGNORED = -(2**62)


def weighted_cross_entropy_terms(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Terms:
    """Return weighted cross-entropy and weight of each target; see :func:`weighted_cross_entropy`.

    Example:
        >>> import torch
        >>> terms = weighted_cross_entropy_terms(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
        >>> terms.loss, terms.weight
        (tensor([0.6931, 2.0794]), tensor([1., 3.]))
    """
    logits = full_precision(logits)
    if weight is not None:
        weight = weight.to(logits.dtype)
    soft = target.is_floating_point()
    if soft:
        target = target.to(logits.dtype)
    ignored = _NOTHING_IGNORED if soft or ignore_index is None else ignore_index

    def cross_entropy(reduction: str) -> Tensor:
        return F.cross_entropy(
            logits, target, weight, reduction=reduction, ignore_index=ignored, label_smoothing=label_smoothing
        )

    def counted() -> Tensor:
        return soft_weight(target, weight) if soft else index_weight(target, weight, ignore_index, logits.dtype)

    def sums() -> tuple[Tensor, Tensor]:
        # On other devices torch adds dense values in an order of its own, another one each time.
        in_order = logits.ndim == 2 or logits.device.type == "cpu"
        numerator = cross_entropy("sum") if in_order else cross_entropy("none").sum()
        if soft or weight is not None or ignore_index is not None:
            return numerator, counted().sum()
        return numerator, numerator.new_full((), target.numel())

    return SummableTerms(partial(cross_entropy, "none"), counted, sums)


def weighted_cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross-entropy, each class counted by its weight.

    With q = softmax(logits) the loss of a target p over the classes is :math:`-\sum_c w_c p_c \log q_c`, its weight in
    the mean :math:`\sum_c w_c p_c`, and an index y is the p that is 1 at y. For indices this is
    :func:`torch.nn.functional.cross_entropy`. For probabilities torch divides the mean by the number of samples instead
    of the sum of the weights, so that a one-hot row and its index differ; here they do not.

    Args:
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``. Half precision is computed in float32.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64; or class probabilities of the logits' shape.
        weight: Class weights, shape ``(C,)``; by default all 1.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing. Has no meaning for probabilities.
        label_smoothing: ε in [0, 1]: the target becomes (1-ε)·p + ε/C, as in torch; its weight stays p's.

    Returns:
        Shape ``()``, or the shape of the targets for ``reduction="none"``. A mean over nothing is 0.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> weight = torch.tensor([1.0, 3.0])
        >>> weighted_cross_entropy(logits, torch.tensor([0, 1]), weight)
        tensor(0.5516)
        >>> weighted_cross_entropy(logits, torch.tensor([[1.0, 0.0], [0.0, 1.0]]), weight)
        tensor(0.5516)
    """
    terms = weighted_cross_entropy_terms(
        logits, target, weight, ignore_index=ignore_index, label_smoothing=label_smoothing
    )
    return reduce(terms, reduction)
