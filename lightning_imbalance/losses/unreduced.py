"""Class weights for a loss that knows nothing of them: any of ``torch.nn``, any function."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.reduction import Reduction, Terms, index_weight, soft_weight
from lightning_imbalance.functional.weighted_bce import weighted_bce_terms
from lightning_imbalance.losses.base import Loss


class UnreducedLoss(Loss):
    """Weights the values that another loss gives for each target.

    Half precision is computed in float32. A ``reduction`` of the other loss, attribute or argument, is set to
    ``"none"``; the weighted mean is taken here.

    Args:
        loss: Called as ``loss(logits, target)``; returns one value a target.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Targets of this value count nothing; the other loss sees class 0 in their place.

    Raises:
        TypeError: ``loss`` cannot be called.
        ValueError: When called: ``loss`` gave another shape than one value a target.

    Example:
        >>> import torch
        >>> loss = UnreducedLoss(torch.nn.MultiMarginLoss())
        >>> loss(torch.eye(2), torch.tensor([0, 0]), weight=torch.tensor([1.0, 5.0]))
        tensor(0.5000)
    """

    def __init__(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        *,
        task: Task = "multiclass",
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(task=task, reduction=reduction, ignore_index=ignore_index)
        if isinstance(loss, type) or not callable(loss):
            msg = f"`loss` must be a name, a torch.nn loss or a function of logits and target, got {loss!r}."
            raise TypeError(msg)
        if isinstance(loss, nn.Module) and hasattr(loss, "reduction"):
            # A copy: the user's own object keeps its reduction.
            loss = copy.deepcopy(loss)
            setattr(loss, "reduction", "none")  # noqa: B010  # a torch attribute that nn.Module's type does not have
        self.loss = loss
        # Of a function it is not known before it is called.
        self.soft_targets = not isinstance(loss, (nn.NLLLoss, nn.MultiMarginLoss))
        self._arguments: dict[str, Any] = {"reduction": "none"} if _takes_reduction(loss) else {}

    def extra_repr(self) -> str:
        """Return the other loss's name where it is a function; a module shows itself."""
        # Not its repr, which holds an address, and so is another one in the next process.
        function = self.loss.func if isinstance(self.loss, partial) else self.loss
        name = "" if isinstance(function, nn.Module) else getattr(function, "__qualname__", type(function).__name__)
        return ", ".join(filter(None, (name, super().extra_repr())))

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted value and weight of each target."""
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        counted = self._weight_of(target, weight, logits)
        ignored = None
        if self.ignore_index is not None and not _is_soft(target, logits, self.task):
            ignored = target == self.ignore_index
            target = target.masked_fill(ignored, 0)
        if self.task != "multiclass":
            target = target.to(logits.dtype)
        value = self.loss(logits, target, **self._arguments)
        if value.shape != counted.shape:
            if value.ndim == 0 and weight is None and self.ignore_index is None:
                # A mean that is taken already: every target counts 1, and there is nothing to weight.
                return Terms(value * counted, counted)
            got = "a single number" if value.ndim == 0 else f"shape {tuple(value.shape)}"
            msg = (
                f"`loss` must return one value a target, shape {tuple(counted.shape)}, so that class weights and "
                f"`ignore_index` can be applied, got {got}. Return the unreduced values, or train with neither: "
                '`weighting="uniform"` and no `ignore_index`.'
            )
            raise ValueError(msg)
        if ignored is not None:
            value = value.masked_fill(ignored, 0)
        return Terms(value * counted, counted)

    def _weight_of(self, target: Tensor, weight: Tensor | None, logits: Tensor) -> Tensor:
        if self.task != "multiclass":
            zeros = torch.zeros_like(logits).detach()
            return weighted_bce_terms(zeros, target, weight, task=self.task, ignore_index=self.ignore_index).weight
        if _is_soft(target, logits, self.task):
            return soft_weight(target, None if weight is None else weight.to(target.dtype))
        dtype = logits.dtype if weight is None else weight.dtype
        return index_weight(target, weight, self.ignore_index, dtype)


def _is_soft(target: Tensor, logits: Tensor, task: Task) -> bool:
    return task == "multiclass" and target.is_floating_point() and target.shape == logits.shape


def _takes_reduction(loss: object) -> bool:
    if isinstance(loss, nn.Module):
        return False
    try:
        return "reduction" in inspect.signature(loss).parameters  # type: ignore[arg-type]  # callable: checked above
    except ValueError:  # a builtin without a signature
        return False
