"""What every mixing of a training batch has in common: from hard targets to the share of each class."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from lightning_imbalance.counting import TASKS, Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.logits import check_target_range
from lightning_imbalance.functional.true_class import is_true_class

if TYPE_CHECKING:
    from typing_extensions import Self


class BatchTransform(nn.Module, ABC):
    """Mixes the samples of a training batch, and their targets with them; subclasses define :meth:`mix`.

    Called with inputs and targets, it returns both mixed. The loss then gets class probabilities, which every loss of
    this package takes but those that say otherwise (``Loss.soft_targets``). No argument is changed in place.

    Attributes:
        tasks: Of the class: the tasks that it is defined for.
        class_counts: Buffer, shape ``(C,)``, int64; of length 0 before :meth:`adapt`. It is in no state dict, so that a
            checkpoint fits a model with another transform or none.
        validate: Check on every batch that targets are inside the classes. On an accelerator the check makes the host
            wait for the device; by default it is done on the first batch there, and on every batch on the CPU.

    Raises:
        RuntimeError: When called: :meth:`adapt` was not called.
        TypeError: When called: inputs or targets are no tensors, or of the wrong type.
        ValueError: When called: a shape does not fit, or a target is outside the classes.

    Example:
        A mixing of one's own, of each sample with the next one:

        >>> class Halves(BatchTransform):
        ...     def mix(self, inputs, shares):
        ...         return (inputs + inputs.roll(1, 0)) / 2, (shares + shares.roll(1, 0)) / 2
        >>> halves = Halves().adapt(ClassDistribution([9, 1]))
        >>> halves(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1]))
        (tensor([[1.],
                [1.]]), tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]]))
    """

    tasks: ClassVar[tuple[Task, ...]] = TASKS
    _needs_one_class: ClassVar[str] = ""

    class_counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.task: Task = "multiclass"
        self.validate = False
        self._checked = False
        self.register_buffer("class_counts", torch.zeros(0, dtype=torch.int64), persistent=False)

    @abstractmethod
    def mix(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixed inputs and the share of each class in them.

        Args:
            inputs: Shape ``(N, ...)``.
            shares: One-hot rows, or probabilities where those were given, shape ``(N, C)``; for ``binary`` two columns.

        Returns:
            New tensors of the same shapes.
        """

    def adapt(self, distribution: ClassDistribution) -> Self:
        """Take the task, the number of classes and the counts, and return the transform itself.

        Args:
            distribution: The training data's classes.

        Returns:
            The transform itself.

        Raises:
            ValueError: The transform is not defined for the distribution's task.
        """
        self.task = self.require_task(distribution.task)
        self.class_counts = distribution.counts.to(self.class_counts.device)
        self._checked = False
        return self

    def require_task(self, task: Task) -> Task:
        """Return ``task`` if the transform is defined for it.

        Args:
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

        Returns:
            The same.

        Raises:
            ValueError: It is not defined for the task.
        """
        if task not in self.tasks:
            kinds = " or ".join(map(repr, self.tasks))
            msg = f"`task` must be {kinds} for {type(self).__name__}, got {task!r}: a sample has no class of its own."
            raise ValueError(msg)
        return task

    def set_epoch(self, epoch: int, num_epochs: int | None = None) -> None:
        """Say which epoch it is; most transforms do the same in all of them.

        Args:
            epoch: The epoch, from 0 on.
            num_epochs: How many there will be, ``None`` where nobody knows.
        """

    def forward(self, inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixed inputs and mixed targets.

        Args:
            inputs: Shape ``(N, ...)``.
            target: ``multiclass``: class indices ``(N,)``, or where a class of its own is not needed probabilities
                ``(N, C)``. ``binary``: 0 and 1, shape ``(N,)`` or ``(N, 1)``. ``multilabel``: 0 and 1, ``(N, C)``.

        Returns:
            Inputs of the same shape; targets ``multiclass`` ``(N, C)``, ``binary`` and ``multilabel`` of the given
            shape: float32, or float64 where the inputs are.
        """
        if self.class_counts.numel() == 0:
            msg = (
                f"{type(self).__name__} must know the class counts before it is used, got none. Call "
                "`adapt(ClassDistribution(counts))` first."
            )
            raise RuntimeError(msg)
        for name, value in (("inputs", inputs), ("target", target)):
            if not isinstance(value, Tensor):
                hint = " Override `unpack_batch` to return one." if name == "inputs" else ""
                msg = f"`{name}` must be a tensor for {type(self).__name__}, got {type(value).__name__}.{hint}"
                raise TypeError(msg)
        shares = self._shares(target, torch.float64 if inputs.dtype == torch.float64 else torch.float32)
        if len(inputs) != len(target):
            msg = f"`inputs` and `target` must be of as many samples, got {len(inputs)} and {len(target)}."
            raise ValueError(msg)
        inputs, shares = self.mix(inputs, shares)
        return inputs, shares[:, 1].reshape(target.shape) if self.task == "binary" else shares

    def extra_repr(self) -> str:
        """Return the arguments that differ from their defaults."""
        shown = []
        for name, argument in inspect.signature(type(self).__init__).parameters.items():
            value = getattr(self, name, None)
            if isinstance(value, (bool, int, float, str)) and value != argument.default:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)

    def _shares(self, target: Tensor, dtype: torch.dtype) -> Tensor:
        classes = len(self.class_counts)
        got = f"{str(target.dtype).removeprefix('torch.')} targets of shape {tuple(target.shape)}"
        if self.task == "binary":
            if target.shape not in ((len(target),), (len(target), 1)):
                msg = f"binary targets must have shape (N,) or (N, 1) for {type(self).__name__}, got {got}."
                raise ValueError(msg)
            self._check_range(target)
            positive = target.reshape(len(target)).to(dtype)
            return torch.stack([1 - positive, positive], 1)
        soft = target.is_floating_point()
        if self.task == "multilabel" or (soft and not self._needs_one_class):
            if target.shape != (len(target), classes):
                what = "multilabel targets" if self.task == "multilabel" else "class probabilities"
                msg = f"{what} must have shape (N, {classes}) for {type(self).__name__}, got {got}."
                raise ValueError(msg)
            self._check_range(target)
            return target.to(dtype)
        if soft:
            msg = f"targets must be class indices for {type(self).__name__}, {self._needs_one_class}, got {got}."
            raise TypeError(msg)
        if target.ndim != 1:
            hint = " Use `target.squeeze(1)`." if target.shape[1:] == (1,) else ""
            msg = f"class indices must have shape (N,) for {type(self).__name__}, one a sample, got {got}.{hint}"
            raise ValueError(msg)
        self._check_range(target)
        return is_true_class(target, classes).to(dtype)

    def _check_range(self, target: Tensor) -> None:
        # Here and not by the loss: of an index outside the classes, no class would have a share in the mixture.
        always = self.validate or target.device.type == "cpu"
        if not torch.compiler.is_compiling() and (always or not self._checked):
            check_target_range(target, self.task, len(self.class_counts))
            self._checked = True
