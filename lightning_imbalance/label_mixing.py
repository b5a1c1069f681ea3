"""A module whose training batches are mixed, and nothing else that it sees."""

from __future__ import annotations

import copy
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance.class_state import ClassState
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.own_samples import loaders_at_work
from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.real_samples import require_real_samples
from lightning_imbalance.synthesis.resolve import BatchTransformLike, as_hyperparameter, resolve

# An epoch in the middle of a long fit.
_MIDDLE = (10**9, 2 * 10**9)


class LabelMixing(ClassState):
    """Gives a module that knows its classes the attribute ``batch_transform``, and tells it counts and epochs.

    Arguments are those of :class:`~lightning_imbalance.class_state.ClassState`. Its ``training_step`` calls
    :meth:`mix_batch`, and no other step does. Validation and test data that hold synthetic samples are refused.

    Attributes:
        batch_transform: The transform, a copy of the one given; ``None`` without one.
    """

    batch_transform: BatchTransform | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch_transform = None
        self._has_mixed, self._warned_unmixed = False, False

    def setup(self, stage: str) -> None:
        """Refuse what cannot be mixed in this fit, before its first step."""
        super().setup(stage)
        if stage == "fit" and self.batch_transform is not None:
            self._has_mixed = False
            self._tell_epoch(self.batch_transform)

    def adopt(self, distribution: ClassDistribution) -> None:
        """Take a distribution as the one that is trained on, and tell the transform."""
        super().adopt(distribution)
        if self.batch_transform is not None:
            self.batch_transform.adapt(distribution)

    def mix_batch(self, inputs: Any, target: Tensor) -> tuple[Any, Tensor]:
        """Return a training batch as the loss shall see it; a ``training_step`` of one's own calls this.

        Args:
            inputs: What the model takes.
            target: As the data give it.

        Returns:
            Both mixed by :attr:`batch_transform`, or as they are where there is none.
        """
        transform = self.batch_transform
        if transform is None:
            return inputs, target
        self._has_mixed = True
        if self._trainer is not None:
            # Not when an epoch starts: a fit that is resumed within one starts none.
            self._tell_epoch(transform)
        mixed: tuple[Any, Tensor] = transform(inputs, target)
        return mixed

    def on_train_epoch_end(self) -> None:
        """Warn of a ``training_step`` that does not mix."""
        super().on_train_epoch_end()
        unused = self.batch_transform is not None and not self._has_mixed
        if unused and not self._warned_unmixed:
            self._warned_unmixed = True
            rank_zero_warn(
                f"`training_step` must call `self.mix_batch(inputs, target)` for {self.batch_transform!r} to "
                "take effect, got one of your own that did not. Call it, or leave `batch_transform` out."
            )

    def on_validation_start(self) -> None:
        """Refuse validation data that are synthetic."""
        super().on_validation_start()
        require_real_samples(loaders_at_work(self.trainer), "validation")

    def on_test_start(self) -> None:
        """Refuse test data that are synthetic."""
        super().on_test_start()
        require_real_samples(loaders_at_work(self.trainer), "test")

    def _tell_epoch(self, transform: BatchTransform) -> None:
        trainer = self.trainer
        if getattr(trainer, "fast_dev_run", False):
            # One epoch of one batch: it tries what a fit would do.
            transform.set_epoch(*_MIDDLE)
            return
        endless = trainer.max_epochs in (None, -1)
        transform.set_epoch(trainer.current_epoch, None if endless else trainer.max_epochs)


def prepared(
    transform: BatchTransformLike | None, loss: Loss, *, validate: bool
) -> tuple[BatchTransform | None, BatchTransformLike | None]:
    """Return a transform that fits the loss, a copy of the one given, and the form that a checkpoint keeps of it.

    Args:
        transform: As in :func:`lightning_imbalance.synthesis.resolve.resolve`, or ``None``.
        loss: What is trained with; it must take class probabilities and ignore no target.
        validate: Check the targets of every batch on an accelerator too.

    Returns:
        The transform, and its name, or its class and arguments; both ``None`` where none is given.

    Raises:
        TypeError: It is no transform.
        ValueError: It is not for the loss's task, the loss takes class indices alone, or there are targets to ignore.

    Example:
        >>> from lightning_imbalance.losses import WeightedCrossEntropy
        >>> prepared("mixup", WeightedCrossEntropy(), validate=False)
        (Mixup(), 'mixup')
    """
    if transform is None:
        return None, None
    # A copy: another model may be given the same transform, and has other counts.
    mixing = copy.deepcopy(resolve(transform))
    mixing.require_task(loss.task)
    if not loss.soft_targets:
        msg = (
            f"`loss` must take class probabilities with `batch_transform={mixing!r}`, which mixes labels, got "
            f"{loss!r}, which takes class indices alone. Use 'cross_entropy', 'focal', 'balanced_softmax' or "
            "'logit_adjusted'."
        )
        raise ValueError(msg)
    if loss.ignore_index is not None:
        msg = (
            f"`ignore_index` must be None with `batch_transform={mixing!r}`, got {loss.ignore_index}: what a "
            "sample without a label is mixed with would have none either. Leave such samples out of the training data."
        )
        raise ValueError(msg)
    mixing.validate = validate
    return mixing, as_hyperparameter(transform)


def refuse_prior(transform: BatchTransform | None) -> None:
    """Say that no class prior is known for a model that was trained on mixed labels.

    Mixup and its kin teach the network to be as unsure of a mixture as it is mixed, and Remix and CutMixMinority lean
    to the rare classes on top of it, so that its softmax is no posterior under any prior that could be named.

    Args:
        transform: The model's, ``None`` for one without.

    Raises:
        ValueError: There is one.

    Example:
        >>> refuse_prior(None)
    """
    if transform is not None:
        msg = (
            "the logits of a model must be class posteriors for a prior to be known, and training on labels mixed by "
            f"{transform!r} does not make them so. Calibrate its probabilities on held-out data instead: temperature "
            "scaling."
        )
        raise ValueError(msg)
