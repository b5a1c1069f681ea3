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
    rank_zero_warn(
        f"the counts must be corrected for once, got weights and {loss!r}, which does it by itself. The model learns "
        f'the class prior {_listed(together, distribution)}. Pass `weighting="uniform"`, or another loss.'
    )


def warn_of_sampler_and_weights(loss: Loss, distribution: ClassDistribution, weights: Tensor, sampling: Tensor) -> bool:
    """Warn where a sampler and the weights or the loss make up for the counts together, and for more than there is.

    That is where the model comes to believe that the rarest class is more frequent than the most frequent one: with
    balanced draws and balanced weights, and not with the square roots of both.

    Args:
        loss: The loss, adapted to the distribution.
        distribution: The training data's classes.
        weights: The class weights, shape ``(C,)``.
        sampling: Share of each class in the batches, shape ``(C,)``.

    Returns:
        Whether it was so.

    Example:
        >>> from lightning_imbalance.losses import WeightedCrossEntropy
        >>> data, half = ClassDistribution([9, 1]), torch.tensor([0.5, 0.5])
        >>> warn_of_sampler_and_weights(WeightedCrossEntropy(), data, torch.ones(2), half)
        False
    """
    try:
        without, together = (loss.log_prior(distribution, weights.cpu(), each).exp() for each in (None, sampling))
    except ValueError:
        return False
    drawn = (distribution.counts > 0) & (sampling > 0)
    natural = distribution.priors[drawn]
    if len(natural) == 0 or torch.allclose(without[drawn] / without[drawn].sum(), natural, rtol=1e-3):
        return False
    believed = together[drawn]
    if believed[natural.argmin()] <= believed[natural.argmax()] * 1.01:
        return False
    by = "weights" if bool((weights != weights[0]).any()) else repr(loss)
    rank_zero_warn(
        f"the counts must be corrected for once, got a sampler that draws the rare classes more often and {by}. The "
        f"model learns the class prior {_listed(together, distribution)}. "
        'Pass `weighting="uniform"` and `loss="cross_entropy"`, or leave out the sampler.'
    )
    return True


def _listed(prior: Tensor, distribution: ClassDistribution) -> str:
    believed = ", ".join(
        f"{name!r} {share:.3g}" for name, share in zip(distribution.class_names[:_SHOWN], prior.tolist(), strict=False)
    )
    return believed + (f", ... ({distribution.num_classes})" if distribution.num_classes > _SHOWN else "")
