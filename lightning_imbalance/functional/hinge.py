"""Hinge losses of two networks that learn against each other."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.functional.reduction import weighted_mean


def hinge_discriminator(real: Tensor, fake: Tensor, weight: Tensor | None = None) -> Tensor:
    r"""Return :math:`\text{mean}(\max(0, 1 - D(x))) + \text{mean}(\max(0, 1 + D(G(z))))` (Miyato et al. 2018, eq. 16).

    Args:
        real: Scores of real samples, shape ``(N,)``.
        fake: Scores of generated samples, shape ``(M,)``.
        weight: One weight a real sample, shape ``(N,)``; their mean is then the weighted one, Σ w·ℓ / Σ w. By default
            all 1.

    Returns:
        Shape ``()``.

    Example:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0]))
        tensor(0.7500)
    """
    missed = F.relu(1 - real)
    real_loss = missed.mean() if weight is None else weighted_mean((weight * missed).sum(), weight.sum())
    return real_loss + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    r"""Return :math:`-\text{mean}(D(G(z)))` (Miyato et al. 2018, eq. 17).

    Args:
        fake: Scores of generated samples, shape ``(M,)``.

    Returns:
        Shape ``()``.

    Example:
        >>> import torch
        >>> hinge_generator(torch.tensor([1.0, -2.0]))
        tensor(0.5000)
    """
    return -fake.mean()
