"""Class vectors of more equal length: frequent classes have the longer ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.functional.confusion_counts import confusion_counts
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.recall import balanced_accuracy
from lightning_imbalance.functional.true_class import along_classes

TAUS: tuple[float, ...] = tuple(step / 10 for step in range(21))
"""0, 0.1, ..., 2: the grid of the authors' code. The paper looks for τ between 0 and 1."""


def tau_normalized(weight: Tensor, tau: float) -> Tensor:
    r"""Return :math:`\tilde w_i = w_i / \lVert w_i \rVert^\tau`, one class vector a row (Kang et al. 2020).

    "Decoupling Representation and Classifier for Long-Tailed Recognition", the τ-normalized classifier: the logits of
    features x are then :math:`\tilde w_i \cdot x`, without the bias of the layer, which the paper and its code drop.

    Args:
        weight: Class vectors, shape ``(C, D)``. One of length 0 stays as it is.
        tau: τ; 0 changes nothing, 1 makes all lengths 1.

    Returns:
        Shape ``(C, D)``.

    Example:
        >>> tau_normalized(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), tau=1.0)
        tensor([[0.6000, 0.8000],
                [0.0000, 1.0000]])
    """
    return weight * tau_factors(weight, tau)[:, None]


def tau_factors(weight: Tensor, tau: float) -> Tensor:
    r"""Return :math:`\lVert w_i \rVert^{-\tau}`, by which the logits of class i without bias are multiplied.

    Args:
        weight: Class vectors, shape ``(C, D)``.
        tau: τ.

    Returns:
        Shape ``(C,)``; 1 for a vector of length 0.

    Example:
        >>> tau_factors(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), tau=1.0)
        tensor([0.2000, 1.0000])
    """
    lengths = full_precision(weight).norm(dim=1)
    return torch.where(lengths > 0, lengths, 1).pow(-tau)


def best_tau(
    scores: Tensor, weight: Tensor, target: Tensor, taus: Sequence[float] = TAUS, ignore_index: int | None = None
) -> float:
    r"""Return the τ of a grid whose predictions have the largest balanced accuracy on held-out samples.

    Nothing is trained and no network is run: :math:`\tilde w_i \cdot x = (w_i \cdot x) / \lVert w_i \rVert^\tau`. The
    authors' code prints all τ for the test split; how τ is to be chosen on validation data it leaves open.

    Args:
        scores: :math:`w_i \cdot x`, the logits without the bias, shape ``(N, C)`` or ``(N, C, d1, ...)``.
        weight: Class vectors w, shape ``(C, D)``.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``.
        taus: The grid. Of equally good ones the smallest is taken, which changes the model least.
        ignore_index: Targets of this value are left out.

    Returns:
        τ.

    Raises:
        ValueError: The grid is empty, scores are not finite, or no target counts.

    Example:
        >>> weight, features = torch.tensor([[4.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.5], [0.5, 1.0]])
        >>> best_tau(features @ weight.T, weight, torch.tensor([0, 1]))
        0.6
    """
    if len(taus) == 0:
        msg = "`taus` must hold at least one number, got none."
        raise ValueError(msg)
    if not bool(scores.isfinite().all()):
        msg = "the logits must be finite for τ to be chosen, got NaN or inf."
        raise ValueError(msg)
    best, chosen = -1.0, float("nan")
    for tau in sorted(taus):
        predicted = (scores * along_classes(tau_factors(weight, tau).to(scores), scores.ndim)).argmax(1)
        counts = confusion_counts(predicted, target, scores.shape[1], ignore_index=ignore_index)
        figure = balanced_accuracy(counts).item()
        # More than rounding: the mean of the same recalls.
        if figure > best + 1e-12:
            best, chosen = figure, float(tau)
    if best < 0:
        msg = "there must be held-out targets to choose τ on, got none."
        raise ValueError(msg)
    return chosen
