"""What every loss of this package can do: give its numerator and its denominator apart."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from lightning_imbalance.checks import check_task
from lightning_imbalance.counting import TASKS, Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.logits import align
from lightning_imbalance.functional.reduction import Reduction, Terms, check_reduction, reduce

if TYPE_CHECKING:
    from typing_extensions import Self


class Loss(nn.Module, ABC):
    """A loss that returns a value and a weight for each target; subclasses define :meth:`per_target`.

    :func:`lightning_imbalance.testing.check_loss` says whether a loss of one's own keeps what the others keep.

    Args:
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing.

    Attributes:
        tasks: Of the class: the tasks that it is defined for.
        soft_targets: Of the class: whether it takes class probabilities, as mixed labels are; index 2 of 3 is then
            (0, 0, 1).

    Raises:
        ValueError: ``task`` or ``reduction`` is unknown, or the loss is for another task.

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

    tasks: ClassVar[tuple[Task, ...]] = TASKS
    soft_targets: bool = True

    def __init__(
        self, *, task: Task = "multiclass", reduction: Reduction = "mean", ignore_index: int | None = None
    ) -> None:
        super().__init__()
        self.task: Task = check_task(task)
        if task not in self.tasks:
            msg = f"`task` must be {' or '.join(map(repr, self.tasks))} for {type(self).__name__}, got {task!r}."
            raise ValueError(msg)
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
            RuntimeError: The loss depends on class counts, and :meth:`adapt` was not called.
        """
        logits, target = align(logits, target, self.task, self._known_classes())
        classes = 2 if self.task == "binary" else logits.shape[1]
        if weight is not None and weight.shape != (classes,):
            msg = f"`weight` must have one number for each of the {classes} classes, got shape {tuple(weight.shape)}."
            raise ValueError(msg)
        return self.per_target(logits, target, weight)

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

    def log_prior(
        self,
        distribution: ClassDistribution,
        class_weights: Tensor | Sequence[float] | None = None,
        sampling: Tensor | Sequence[float] | None = None,
    ) -> Tensor:
        """Return the logarithm of the class prior under which the trained model's logits are posteriors.

        With it, predictions can be given for another prior: subtract it from the logits, and add the other one.

        Args:
            distribution: The training data's classes, ``multiclass`` or ``binary``.
            class_weights: The weights trained with, shape ``(C,)``; by default all 1.
            sampling: Share of each class in the batches, shape ``(C,)``, where a sampler changed it; by default that
                of the data.

        Returns:
            Shape ``(C,)`` (``binary``: negative, positive), float64; the exponentials sum to 1.

        Raises:
            ValueError: The logits are no posteriors, which is what a loss says that does not define this method; or
                an argument does not fit.
        """
        del distribution, class_weights, sampling
        msg = (
            f"the logits of a model must be class posteriors for a prior to be known, and training with {self!r} does "
            "not make them so. Calibrate its probabilities on held-out data instead: temperature scaling."
        )
        raise ValueError(msg)

    def extra_repr(self) -> str:
        """Return the arguments that differ from their defaults."""
        arguments = inspect.signature(type(self).__init__).parameters
        shown = [f"task={self.task!r}"] if "task" in arguments and self.task != "multiclass" else []
        if self.reduction != "mean":
            shown.append(f"reduction={self.reduction!r}")
        if self.ignore_index is not None:
            shown.append(f"ignore_index={self.ignore_index}")
        for name, argument in arguments.items():
            value = getattr(self, name, None)
            own = name not in {"task", "reduction", "ignore_index"} and argument.default is not argument.empty
            if own and isinstance(value, (bool, int, float, str)) and value != argument.default:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)

    def _known_classes(self) -> int | None:
        return None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # A checkpoint is of a network, whatever loss it was trained with: counts that this loss has no use for are
        # left there, and counts that another loss did not have stay what `adapt` set.
        for name in ("class_counts", "num_samples"):
            key, mine, saved = prefix + name, self._buffers.get(name), state_dict.get(prefix + name)
            if mine is None:
                state_dict.pop(key, None)
            elif saved is None:
                state_dict[key] = mine
            elif 0 in (mine.numel(), saved.numel()):
                setattr(self, name, mine.new_empty(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)
