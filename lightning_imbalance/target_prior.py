"""Predictions for another class prior than the one that the training made a model believe."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.prior import Prior, adjust_logits, log_prior


class TargetPrior:
    """From a model's logits to those for the class prior that predictions are asked for.

    Args:
        target: As in :func:`lightning_imbalance.prior.log_prior`.
        loss: What the model is trained with; its logits must be posteriors.
        num_classes: Number of classes, where known.
        class_names: One name a class, where known.
        task: ``"multiclass"`` or ``"binary"``.

    Raises:
        TypeError: ``target`` is nothing that says a prior.
        ValueError: ``target`` does not fit the classes, or the loss makes a prior meaningless.

    Example:
        >>> import torch
        >>> from lightning_imbalance.losses import WeightedCrossEntropy
        >>> clinic = TargetPrior([0.995, 0.005], WeightedCrossEntropy(), num_classes=2)
        >>> logits = torch.zeros(1, 2)  # a model that was trained with as many healthy as ill believes in 1 : 1
        >>> clinic.apply(logits, WeightedCrossEntropy(), ClassDistribution([50, 50]), torch.ones(2)).softmax(1)
        tensor([[0.9950, 0.0050]])
    """

    def __init__(
        self,
        target: Prior,
        loss: Loss,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
    ) -> None:
        if task == "multilabel":
            msg = (
                '`target_prior` must be left out with `task="multilabel"`, where each label has a prior of its own, '
                f'got {target!r}. Use `prior.adjust_logits(logits[:, c], ..., task="binary")` for a label.'
            )
            raise ValueError(msg)
        # What it says of itself, for any counts: whether its logits are posteriors depends on its arguments alone.
        likely = ClassDistribution([1, 1], task=task)
        copy.deepcopy(loss).adapt(likely).log_prior(likely)
        self.target = _plain(target)
        if num_classes is None and not isinstance(target, str):
            num_classes = len(target)
        self.num_classes = num_classes
        names = class_names
        if names is None and isinstance(target, Mapping) and all(isinstance(name, str) for name in target):
            names = tuple(target)
        log_prior(self.target, ClassDistribution([1] * (num_classes or 2), names if num_classes else None, task))
        self._source: tuple[Tensor, int, Tensor | None, Tensor] | None = None

    def apply(
        self,
        logits: Tensor,
        loss: Loss,
        distribution: ClassDistribution,
        weights: Tensor,
        sampling: Tensor | None = None,
    ) -> Tensor:
        """Return the logits for the target prior.

        Args:
            logits: ``(N, C, ...)``; ``binary``: ``(N, ...)``.
            loss: What the model was trained with.
            distribution: The training data's classes.
            weights: The class weights trained with, shape ``(C,)``.
            sampling: Share of each class in the batches, shape ``(C,)``, where a sampler changed it.

        Returns:
            Shape of ``logits``.
        """
        # Once for the same weights: reading them makes the host wait for an accelerator.
        version = 0 if weights.is_inference() else weights._version  # noqa: SLF001  # torch's count of changes in place
        known = self._source
        if known is None or known[0] is not weights or known[1] != version or known[2] is not sampling:
            known = (weights, version, sampling, loss.log_prior(distribution, weights.cpu(), sampling))
            self._source = known
        return adjust_logits(logits, known[3], log_prior(self.target, distribution), distribution.task)


def _plain(target: Prior) -> Prior:
    """Return numbers as lists and mappings of floats, which ``torch.load(weights_only=True)`` reads back."""
    if isinstance(target, str):
        return target
    if isinstance(target, Mapping):
        return {key: float(value) for key, value in target.items()}
    try:
        return [float(value) for value in target]
    except (TypeError, ValueError):
        msg = f"the prior must be 'train', 'uniform', or one probability a class, got {target!r}."
        raise TypeError(msg) from None
