"""What it costs in false alarms to find more of a class, at every threshold that the scores have."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class PrecisionRecall(NamedTuple):
    """Precision and recall from the highest score down, and the area under them.

    Attributes:
        precision: At each of K different scores, shape ``(K,)``, float64; empty where nothing is positive.
        recall: The same.
        average_precision: Shape ``()``, float64, NaN where nothing is positive.

    Example:
        >>> precision_recall(torch.tensor([0.9, 0.6, 0.3]), torch.tensor([True, False, True])).recall
        tensor([0.5000, 0.5000, 1.0000], dtype=torch.float64)
    """

    precision: Tensor
    recall: Tensor
    average_precision: Tensor


def precision_recall(scores: Tensor, answers: Tensor) -> PrecisionRecall:
    r"""Return precision and recall at each score, and the average precision :math:`\sum_k (R_k - R_{k-1}) P_k`.

    It is not interpolated, and is scikit-learn's ``average_precision_score``. Equal scores are one threshold.

    Args:
        scores: Score of each sample, shape ``(N,)``.
        answers: Whether it is of the class, shape ``(N,)``, bool.

    Returns:
        Both from the highest score to the lowest.

    Raises:
        ValueError: The shapes differ, or have more than one dimension.

    Example:
        >>> scores, answers = torch.tensor([0.9, 0.6, 0.6, 0.3]), torch.tensor([True, True, False, False])
        >>> precision_recall(scores, answers).average_precision
        tensor(0.8333, dtype=torch.float64)
    """
    if scores.shape != answers.shape or scores.ndim != 1:
        msg = (
            "`scores` and `answers` must have one value a sample, shape (N,), got shapes "
            f"{tuple(scores.shape)} and {tuple(answers.shape)}."
        )
        raise ValueError(msg)
    if not bool(answers.any()):
        empty = torch.zeros(0, dtype=torch.float64)
        return PrecisionRecall(empty, empty, torch.tensor(torch.nan, dtype=torch.float64))
    ordered, places = scores.sort(descending=True)
    found = answers[places].cumsum(0)
    # Equal scores are one threshold: the last of them tells.
    last = torch.cat([ordered[1:] != ordered[:-1], torch.ones(1, dtype=torch.bool, device=scores.device)])
    found = found.double()
    precision = (found / torch.arange(1, len(found) + 1, device=scores.device))[last]
    recall = (found / found[-1])[last]
    gained = recall.diff(prepend=recall.new_zeros(1))
    return PrecisionRecall(precision, recall, (gained * precision).sum())
