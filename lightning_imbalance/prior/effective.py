"""Which class prior a weighted or resampled training makes a model believe."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.prior.resolve import Prior, log_prior


def effective_prior(distribution: ClassDistribution, class_weights: Tensor, sampling: Prior | None = None) -> Tensor:
    """Return the prior for which a model's probabilities are right after weighted training: π_c·w_c / Σ_k π_k·w_k.

    A weight w_c has the effect on the expected loss that w_c times as many samples of the class would have, so that
    the minimum of the weighted cross-entropy is the posterior under this prior (for two classes Elkan 2001). Balanced
    samples *and* balanced weights correct twice: the result then favours the rare classes.

    For ``multilabel`` a label's weight multiplies its positives alone (``pos_weight``), and the result is the share of
    positives of each label: π_c·w_c / (π_c·w_c + 1 - π_c).

    Args:
        distribution: The training data's classes.
        class_weights: The weights of the loss, shape ``(C,)``.
        sampling: The prior that a sampler draws from, as :func:`log_prior` takes it (``"uniform"`` for one that draws
            each class equally often); ``None`` where each sample is drawn equally often.

    Returns:
        The prior, shape ``(C,)``, float64, on the CPU. Sums to 1 except for ``multilabel``.

    Raises:
        ValueError: The weights are of the wrong number, negative or not finite, or 0 for each class that is drawn;
            ``sampling`` as in :func:`log_prior`.

    Example:
        Balanced weights make all classes equally likely. The complement 1 - n_c/n leaves a ratio of 100 almost as it
        was:

        >>> from lightning_imbalance import class_weights
        >>> distribution = ClassDistribution([100, 60, 36, 22, 13, 8, 5, 3, 2, 1])
        >>> balanced = effective_prior(distribution, class_weights(distribution, "balanced"))
        >>> complement = effective_prior(distribution, class_weights(distribution, "complement"))
        >>> for prior in (distribution.priors, balanced, complement):
        ...     print(f"{prior[0]:.3f} {prior[-1]:.3f} {prior[0] / prior[-1]:.0f}")
        0.400 0.004 100
        0.100 0.100 1
        0.320 0.005 60
    """
    weights = torch.as_tensor(class_weights).detach().cpu().double()
    if weights.shape != (distribution.num_classes,):
        msg = (
            f"`class_weights` must have one weight for each of the {distribution.num_classes} classes, "
            f"got shape {tuple(weights.shape)}."
        )
        raise ValueError(msg)
    bad = ~(weights.isfinite() & (weights >= 0))
    if bad.any():
        index = int(bad.int().argmax())
        got = f"{weights[index].item()} for class {distribution.class_names[index]!r}"
        msg = f"`class_weights` must be finite and not negative, got {got}."
        raise ValueError(msg)
    prior = distribution.priors if sampling is None else log_prior(sampling, distribution).exp()
    weighted = prior * weights
    if distribution.task == "multilabel":
        return weighted / (weighted + 1 - prior)
    if not weighted.any():
        msg = f"`class_weights` must be above 0 for a class that is drawn, got {weights.tolist()}."
        raise ValueError(msg)
    return weighted / weighted.sum()
