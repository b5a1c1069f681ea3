"""From probabilities to the decision that costs least."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.functional.logits import UNDECIDED, squeeze_binary
from lightning_imbalance.functional.reduction import widest_float


def decide(probabilities: Tensor, costs: Sequence[Sequence[float]] | Tensor) -> Tensor:
    """Return the class whose prediction costs least on average: argmin_i Σ_j costs[i, j]·p_j (Elkan 2001, eq. 1).

    Rows are what is *predicted*, columns what is *true*: ``costs[0, 1]`` is the price of predicting class 0 where class
    1 is true. With cost 1 for every mistake the most probable class is predicted. For two classes the positive one is
    predicted where its probability exceeds p* = (c10 - c00) / (c10 - c00 + c01 - c11) (eq. 2), if each mistake costs
    more than the right answer. Of predictions that cost the same the first is made.

    The probabilities must be right for the place where the decisions are made: see :func:`adjust_logits`.

    Args:
        probabilities: ``(N, C)`` or ``(N, C, d1, ...)``; or the positive class's alone, ``(N,)`` or ``(N, 1, ...)``.
            Computed in float64 (float32 on mps).
        costs: The price of predicting the row's class where the column's is true, shape ``(C, C)``, finite. Negative
            prices are gains. Only differences within a column matter.

    Returns:
        Class indices ``(N,)`` or ``(N, d1, ...)``, int64; -1 where a probability is NaN.

    Raises:
        ValueError: ``costs`` are not ``(C, C)``, or not finite.

    Example:
        To miss an ill patient (predicted 0, true 1) costs 99 times a false alarm, so that p* is 0.01:

        >>> decide(torch.tensor([0.005, 0.02, 0.9]), costs=[[0, 99], [1, 0]])
        tensor([0, 1, 1])
    """
    # Not in half precision, which autocast would choose for the product of narrower types.
    dtype = widest_float(probabilities.device)
    rows = probabilities.to(dtype)
    if rows.ndim == 1 or rows.shape[1] == 1:
        positive = squeeze_binary(rows)
        rows = torch.stack([1 - positive, positive], 1)
    matrix = torch.as_tensor(costs, dtype=dtype)
    num_classes = rows.shape[1]
    if matrix.shape != (num_classes, num_classes):
        msg = (
            f"`costs` must have shape ({num_classes}, {num_classes}), a row for each predicted and a column for each "
            f"true class, got {tuple(matrix.shape)}."
        )
        raise ValueError(msg)
    if not matrix.isfinite().all():
        predicted, true = (~matrix.isfinite()).nonzero()[0].tolist()
        msg = (
            f"`costs` must be finite, got {matrix[predicted, true].item()} for predicting class {predicted} "
            f"where class {true} is true."
        )
        raise ValueError(msg)
    expected = torch.einsum("ij,nj...->ni...", matrix.to(rows.device), rows)
    return expected.argmin(1).masked_fill(expected.isnan().any(1), UNDECIDED)
