"""Correcting twice for the same counts: said once, with the class prior that comes of it."""

from __future__ import annotations

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses.base import Loss

_SHOWN = 10


def warn_of_two_corrections(loss: Loss, distribution: ClassDistribution, weights: Tensor) -> None:
    """Warn where the loss and the weights both make up for the counts.

    A loss whose logits are posteriors says under which prior (:meth:`Loss.log_prior`). Where that is another one than
    the data's already, weights move it once more, past the balance they are meant for. Losses whose logits are no
    posteriors, such as LDAM, are combined with weights on purpose.

    Args:
        loss: The loss, adapted to the distribution.
        distribution: The training data's classes.
        weights: The class weights, shape ``(C,)``.

    Example:
        >>> from lightning_imbalance.losses import WeightedCrossEntropy
        >>> warn_of_two_corrections(WeightedCrossEntropy(), ClassDistribution([9, 1]), torch.tensor([0.6, 5.0]))
    """
    if torch.equal(weights, weights[:1].expand_as(weights)):
        return
    try:
        alone, together = (loss.log_prior(distribution, each).exp() for each in (None, weights.cpu()))
    except ValueError:
        return
    present = distribution.counts > 0
    natural = distribution.priors[present]
    if torch.allclose(alone[present] / alone[present].sum(), natural, rtol=1e-6):
        return
    believed = ", ".join(
        f"{name!r} {prior:.3g}"
        for name, prior in zip(distribution.class_names[:_SHOWN], together.tolist(), strict=False)
    )
    more = f", ... ({distribution.num_classes})" if distribution.num_classes > _SHOWN else ""
    rank_zero_warn(
        f"the counts must be corrected for once, got weights and {loss!r}, which does it by itself. The model learns "
        f'the class prior {believed}{more}. Pass `weighting="uniform"`, or another loss.'
    )
