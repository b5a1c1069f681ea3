"""The class prior that a training stands for: the data's, as sampler, weights and loss changed it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.prior.resolve import Prior, log_prior


def effective_prior(
    distribution: ClassDistribution, class_weights: Tensor | Sequence[float], sampling: Prior | None = None
) -> Tensor:
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
        The prior, shape ``(C,)``, float64, on the CPU. Sums to 1 except for ``multilabel``. A class that never counts
        has 0.

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
    given = weights = _numbers("class_weights", class_weights, distribution)
    log_shares = distribution.log_priors if sampling is None else log_prior(sampling, distribution)
    if distribution.task == "multilabel":
        # Each label is a question of two classes, and negatives weigh 1.
        log_shares = torch.stack([torch.log1p(-distribution.priors), log_shares])
        weights = torch.stack([torch.ones_like(weights), weights])
    changed = _reweighted(log_shares, weights)
    if bool(changed.isnan().any()):
        msg = f"`class_weights` must be above 0 for a class that is drawn, got {given.tolist()}."
        raise ValueError(msg)
    return (changed[1] if distribution.task == "multilabel" else changed).exp()


def training_log_prior(
    distribution: ClassDistribution,
    class_weights: Tensor | Sequence[float] | None = None,
    sampling: Tensor | Sequence[float] | None = None,
    adjustment: Tensor | None = None,
) -> Tensor:
    r"""Return the class prior under which logits trained by a cross-entropy are posteriors, for losses to return.

    A mean weighted by w over batches with class shares q is least where the softmax of what the cross-entropy is given
    is proportional to :math:`w_c q_c p(x|c)`. If that is :math:`z + a`, the logits z carry
    :math:`\log q_c + \log w_c - a_c` beside :math:`\log p(x|c)`. Unlike :func:`effective_prior` it is finite for every
    class, so that it can be subtracted from logits.

    Args:
        distribution: The training data's classes, ``multiclass`` or ``binary``.
        class_weights: w, shape ``(C,)``, above 0; by default all 1.
        sampling: Share of each class in the batches, shape ``(C,)``, in place of π; by default the data's. A class of
            share 0, here or in the data, is taken for one as rare as the rarest that has some.
        adjustment: a, what the loss added to each logit, shape ``(C,)``, float64; by default nothing.

    Returns:
        Shape ``(C,)``, float64, finite; the exponentials sum to 1.

    Raises:
        ValueError: ``distribution`` is ``multilabel``, or an argument does not have C such numbers.

    Example:
        >>> training_log_prior(ClassDistribution([90, 10]), class_weights=[1.0, 9.0]).exp()
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    if distribution.task == "multilabel":
        msg = (
            "`distribution` must be multiclass or binary for a prior over its classes, got a multilabel one, in which "
            "each label has a prior of its own."
        )
        raise ValueError(msg)
    shares = distribution.counts.double() if sampling is None else _numbers("sampling", sampling, distribution)
    weights = None if class_weights is None else _numbers("class_weights", class_weights, distribution, above_0=True)
    return _reweighted(without_zeros(shares).log(), weights, adjustment)


def _reweighted(log_shares: Tensor, weights: Tensor | None = None, adjustment: Tensor | None = None) -> Tensor:
    """Return log(q·w / exp a), normalized over the first dimension; NaN where no class is left."""
    if weights is not None:
        log_shares = log_shares + weights.log()
    if adjustment is not None:
        log_shares = log_shares - adjustment
    return log_shares.log_softmax(0)


def _numbers(
    name: str, values: Tensor | Sequence[float], distribution: ClassDistribution, *, above_0: bool = False
) -> Tensor:
    numbers = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    if numbers.shape != (distribution.num_classes,):
        msg = (
            f"`{name}` must have one number for each of the {distribution.num_classes} classes, "
            f"got shape {tuple(numbers.shape)}."
        )
        raise ValueError(msg)
    bad = ~(numbers.isfinite() & ((numbers > 0) if above_0 else (numbers >= 0)))
    if bad.any():
        index = int(bad.int().argmax())
        got = f"{numbers[index].item()} for class {distribution.class_names[index]!r}"
        msg = f"`{name}` must be finite and {'above 0' if above_0 else 'not negative'}, got {got}."
        raise ValueError(msg)
    return numbers
