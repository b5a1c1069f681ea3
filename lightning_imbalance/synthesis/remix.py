"""Remix: mixup that calls a mixture by the rarer of its two classes."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.reduction import widest_float
from lightning_imbalance.functional.remix import remix_label_share
from lightning_imbalance.parameters import at_least_one, positive, share
from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.mixup import require_floats


class Remix(BatchTransform):
    """Mixes each sample with one drawn from the batch; where classes differ much in size, the label is the rare one's.

    Inputs are mixed as in mixup, with one λ ~ Beta(α, α) a batch; the labels pair by pair, by the rule of
    :func:`lightning_imbalance.functional.remix_label_share`, which holds the formula and its source. A class without
    training samples is taken for one as rare as the rarest that has some.

    The probabilities of a model that was trained with it lean to the rare classes by no amount that is known. Use it
    with ``weighting="uniform"`` first: weights come on top of it.

    Args:
        alpha: α, above 0: 1 draws every λ alike.
        kappa: κ, from 1 on: how many times as many samples the frequent class must have.
        tau: τ, from 0 to 1: the share of the frequent sample must be below it. 0 is mixup.

    Raises:
        ValueError: An argument is out of its range.

    Example:
        >>> from lightning_imbalance import ClassDistribution
        >>> remix = Remix().adapt(ClassDistribution([90, 10]))
        >>> inputs, target = remix(torch.randn(8, 3, 32, 32), torch.tensor([0, 0, 0, 1, 0, 0, 1, 0]))
        >>> inputs.shape, target.shape
        (torch.Size([8, 3, 32, 32]), torch.Size([8, 2]))
    """

    tasks = ("multiclass", "binary")
    _needs_one_class = "whose count decides what the mixture is called"

    def __init__(self, alpha: float = 1.0, kappa: float = 3.0, tau: float = 0.5) -> None:
        super().__init__()
        self.alpha = positive("alpha", alpha)
        self.kappa = at_least_one("kappa", kappa)
        self.tau = share("tau", tau)

    def mix(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixed inputs, and the share of each class in what they are called."""
        require_floats(inputs, self)
        # Drawn on the host, so that every device mixes alike, and nothing waits for one.
        own = torch.distributions.Beta(self.alpha, self.alpha).sample().item()
        partner = torch.randperm(len(inputs)).to(inputs.device, non_blocking=True)
        # In the memory of the partners: three further tensors of a batch of images cost more than the mixing.
        mixed = inputs[partner].mul_(1 - own).add_(inputs, alpha=own)
        counts = without_zeros(self.class_counts.to(widest_float(shares.device)))[shares.argmax(1)]
        label = remix_label_share(own, counts, counts[partner], kappa=self.kappa, tau=self.tau)
        label = label.to(shares.dtype).unsqueeze(1)
        return mixed, shares * label + shares[partner] * (1 - label)
