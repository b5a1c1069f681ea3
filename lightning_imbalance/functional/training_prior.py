"""The class prior that a training stands for: the data's, as weights and sampler changed it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.class_counts import without_zeros


def training_log_prior(
    distribution: ClassDistribution,
    class_weights: Tensor | Sequence[float] | None = None,
    sampling: Tensor | Sequence[float] | None = None,
    adjustment: Tensor | None = None,
) -> Tensor:
    r"""Return the class prior under which logits trained by a cross-entropy are posteriors.

    A mean weighted by w over batches with class shares q is least where the softmax of what the cross-entropy is given
    is proportional to :math:`w_c q_c p(x|c)`. If that is :math:`z + a`, the logits z carry
    :math:`\log q_c + \log w_c - a_c` beside :math:`\log p(x|c)`.

    Args:
        distribution: The training data's classes, ``multiclass`` or ``binary``.
        class_weights: w, shape ``(C,)``; by default all 1.
        sampling: Share of each class in the batches, shape ``(C,)``, in place of π; by default the data's. A class of
            share 0, here or in the data, is taken for one as rare as the rarest that has some.
        adjustment: a, what the loss added to each logit, shape ``(C,)``, float64; by default nothing.

    Returns:
        Shape ``(C,)``, float64, finite; the exponentials sum to 1.

    Raises:
        ValueError: ``distribution`` is ``multilabel``, or an argument does not have C positive numbers.

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
    log_prior = without_zeros(shares).log()
    if class_weights is not None:
        log_prior = log_prior + _numbers("class_weights", class_weights, distribution).log()
    if adjustment is not None:
        log_prior = log_prior - adjustment
    return log_prior.log_softmax(0)


def _numbers(name: str, values: Tensor | Sequence[float], distribution: ClassDistribution) -> Tensor:
    numbers = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    zeros_allowed = name == "sampling"
    allowed = numbers >= 0 if zeros_allowed else numbers > 0
    if numbers.shape != (distribution.num_classes,) or not bool((allowed & numbers.isfinite()).all()):
        kind = "numbers from 0 on" if zeros_allowed else "positive numbers"
        msg = f"`{name}` must have {distribution.num_classes} {kind}, one a class, got {numbers.tolist()}."
        raise ValueError(msg)
    return numbers
