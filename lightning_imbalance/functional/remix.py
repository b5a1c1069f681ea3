"""Remix: what a mixture of two samples is called, where one of them is of a rare class."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional.reduction import widest_float


def remix_label_share(
    share: float, class_counts: Tensor, partner_counts: Tensor, *, kappa: float = 3.0, tau: float = 0.5
) -> Tensor:
    r"""Return the share of the first sample in each mixed label (Chou et al. 2020, "Remix: Rebalanced Mixup").

    A mixture :math:`λ x_i + (1 - λ) x_j` of samples whose classes have :math:`n_i` and :math:`n_j` training samples has
    the label :math:`λ_y y_i + (1 - λ_y) y_j`, where

    - :math:`λ_y = 0` if :math:`n_i ≥ κ n_j` and :math:`λ < τ`: it is called by the rare class, of which it is more;
    - :math:`λ_y = 1` if :math:`n_j ≥ κ n_i` and :math:`1 - λ < τ`, the same with the roles exchanged;
    - :math:`λ_y = λ` otherwise, as in mixup.

    Each pair has a share of its own. Code that takes the loss of the batch first, and mixes two losses by one number,
    cannot do that.

    Args:
        share: λ, the part of the first sample in the mixture, from 0 to 1.
        class_counts: :math:`n_i`, training samples of the first one's class, shape ``(N,)``.
        partner_counts: :math:`n_j`, training samples of the second one's class, shape ``(N,)``.
        kappa: κ, from 1 on: how many times as large the larger class must be.
        tau: τ, from 0 to 1: how little of the frequent one there must be. 0 is mixup.

    Returns:
        :math:`λ_y`, shape ``(N,)``, floating point.

    Example:
        >>> import torch
        >>> remix_label_share(0.4, torch.tensor([90, 10, 20]), torch.tensor([10, 90, 10])).tolist()
        [0.0, 0.4, 0.4]
    """
    wide = widest_float(class_counts.device)
    first, second = class_counts.to(wide), partner_counts.to(wide)
    label = first.new_full(first.shape, share)
    # What the first rule decides stays decided: both can hold where κ is 1 and τ above one half.
    if 1 - share < tau:
        label = label.masked_fill(second >= kappa * first, 1)
    return label.masked_fill(first >= kappa * second, 0) if share < tau else label
