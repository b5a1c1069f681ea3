"""What every loss of this package can do: give its numerator and its denominator apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from lightning_imbalance.checks import check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.logits import align
from lightning_imbalance.functional.reduction import Reduction, Terms, check_reduction, reduce

if TYPE_CHECKING:
    from typing_extensions import Self


class Loss(nn.Module, ABC):
    """A loss that returns a value and a weight for each target; subclasses define :meth:`per_target`.

    Args:
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Raises:
        ValueError: ``task`` or ``reduction`` is unknown.

    Example:
        A loss of one's own that takes class weights:

        >>> from lightning_imbalance.functional import Terms
        >>> class Margin(Loss):
        ...     def per_target(self, logits, target, weight):
        ...         right = logits.gather(1, target[:, None]).squeeze(1)
        ...         wrong = logits.scatter(1, target[:, None], float("-inf")).amax(1)
        ...         counted = weight[target] if weight is not None else (right * 0 + 1).detach()
        ...         return Terms(counted * (1 + wrong - right).clamp_min(0), counted)
        >>> import torch
        >>> Margin()(torch.eye(2), torch.tensor([0, 0]), weight=torch.tensor([1.0, 5.0]))
        tensor(1.)
    """

    def __init__(
        self, *, task: Task = "multiclass", reduction: Reduction = "mean", ignore_index: int | None = None
    ) -> None:
        super().__init__()
        self.task: Task = check_task(task)
        self.reduction: Reduction = check_reduction(reduction)
        self.ignore_index = ignore_index

    @abstractmethod
    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return value and weight of each target.

        Args:
            logits: As :func:`lightning_imbalance.functional.align` returns them.
            target: Likewise.
            weight: Class weights, shape ``(C,)`` (``binary``: negative, positive), or ``None`` for all 1.
        """

    def terms(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Terms:
        """Return value and weight of each target, after a check that logits and targets fit.

        Args:
            logits: Shape ``(N, C, ...)``; ``binary``: ``(N, ...)`` or ``(N, 1, ...)``.
            target: Class indices ``(N, ...)``, or of the logits' shape.
            weight: Class weights, shape ``(C,)``, or ``None`` for all 1.

        Returns:
            Both in the shape of the targets.

        Raises:
            TypeError: Class indices are not integers.
            ValueError: A shape does not fit.
        """
        return self.per_target(*align(logits, target, self.task), weight)

    def forward(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the reduced loss; arguments and errors as in :meth:`terms`."""
        return reduce(self.terms(logits, target, weight), self.reduction)

    def adapt(self, distribution: ClassDistribution) -> Self:
        """Set what depends on the class counts; losses without such a part return themselves unchanged.

        Args:
            distribution: The training data's classes.

        Returns:
            The loss itself.
        """
        del distribution
        return self

    def extra_repr(self) -> str:
        """Return the arguments that differ from their defaults."""
        shown = [] if self.task == "multiclass" else [f"task={self.task!r}"]
        if self.reduction != "mean":
            shown.append(f"reduction={self.reduction!r}")
        if self.ignore_index is not None:
            shown.append(f"ignore_index={self.ignore_index}")
        return ", ".join(shown)
