"""What a loss has that depends on the class counts: the counts themselves, as a buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.reduction import Reduction
from lightning_imbalance.losses.base import Loss

if TYPE_CHECKING:
    from typing_extensions import Self


class CountedLoss(Loss):
    """A loss that must know the class counts before it is called; :meth:`adapt` tells them.

    The counts are kept, not what follows from them: as integers they stay exact when a model is cast to half precision,
    and the formula stands in one place. They are in the state dict, so that in plain PyTorch a saved loss comes back
    ready; loading accepts a state dict without them.

    Args:
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Attributes:
        class_counts: Buffer, shape ``(C,)``, int64; of length 0 before :meth:`adapt`.

    Raises:
        ValueError: ``task`` or ``reduction`` is unknown, or the loss is for another task.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        A loss that counts a class by the root of its samples:

        >>> from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms
        >>> class RootLoss(CountedLoss):
        ...     def per_target(self, logits, target, weight):
        ...         return weighted_cross_entropy_terms(logits, target, self.class_counts.float().sqrt())
        >>> RootLoss().adapt(ClassDistribution([9, 1]))(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.6931)
    """

    class_counts: Tensor

    def __init__(
        self, *, task: Task = "multiclass", reduction: Reduction = "mean", ignore_index: int | None = None
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        self.register_buffer("class_counts", torch.zeros(0, dtype=torch.int64))

    def adapt(self, distribution: ClassDistribution) -> Self:
        """Take the class counts, and return the loss itself.

        Args:
            distribution: The training data's classes.

        Returns:
            The loss itself.

        Raises:
            ValueError: The distribution is for another task.
        """
        if distribution.task != self.task:
            msg = f"`distribution` must be for the task {self.task!r} of the loss, got one for {distribution.task!r}."
            raise ValueError(msg)
        self.class_counts = distribution.counts.to(self.class_counts.device)
        return self

    def _known_classes(self) -> int | None:
        self._require_counts()
        return None if self.task == "binary" else len(self.class_counts)

    def _require_counts(self) -> None:
        if self.class_counts.numel() == 0:
            msg = (
                f"{type(self).__name__} must know the class counts before it is used, got none. Call "
                "`adapt(ClassDistribution(counts))` first."
            )
            raise RuntimeError(msg)
