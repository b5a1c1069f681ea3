"""The one definition of a weighted mean, and the weight that a target has in it.

A loss gives two numbers for each target: its weighted value and its weight. Every reduction follows from them, and
keeping both apart is what lets a mean be taken over several batches or processes: sum the values, sum the weights,
divide once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["mean", "sum", "none"]


class Terms:
    """What a loss gives for each target, before any reduction.

    Args:
        loss: The weighted loss, shape of the targets: ``(N,)``, ``(N, d1, ...)``, for ``multilabel`` ``(N, C, ...)``.
        weight: What each target counts for in a mean, same shape; 0 where it is ignored.

    Attributes:
        loss: As given.
        weight: As given.

    Example:
        >>> terms = Terms(torch.tensor([1.0, 6.0]), torch.tensor([1.0, 3.0]))
        >>> terms.sums()
        (tensor(7.), tensor(4.))
        >>> loss, weight = terms
    """

    def __init__(self, loss: Tensor, weight: Tensor) -> None:
        self._loss, self._weight = loss, weight

    @property
    def loss(self) -> Tensor:
        """Return the weighted loss of each target."""
        return self._loss

    @property
    def weight(self) -> Tensor:
        """Return what each target counts for."""
        return self._weight

    def __iter__(self) -> Iterator[Tensor]:
        yield self.loss
        yield self.weight

    def __repr__(self) -> str:
        return f"Terms(loss={self.loss!r}, weight={self.weight!r})"

    def sums(self, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
        """Return the numerator Σ w·ℓ and the denominator Σ w of the weighted mean, both of shape ``()``.

        Args:
            dtype: Type to sum in; by default that of the loss.
        """
        return self.loss.sum(dtype=dtype), self.weight.sum(dtype=dtype)


class SummableTerms(Terms):
    """Terms whose sums can be had without the value of each target, by fewer and shorter ways through memory.

    Nothing is computed before it is asked for: a mean needs the two sums alone, and never has the values.

    Args:
        loss: Makes the weighted loss of each target.
        weight: Makes the weight of each.
        sums: Makes the two sums, in the type of the loss.

    Example:
        >>> values = torch.tensor([1.0, 6.0])
        >>> terms = SummableTerms(lambda: values, lambda: values / 2, lambda: (values.sum(), values.sum() / 2))
        >>> terms.sums()
        (tensor(7.), tensor(3.5000))
        >>> terms.loss
        tensor([1., 6.])
    """

    def __init__(
        self, loss: Callable[[], Tensor], weight: Callable[[], Tensor], sums: Callable[[], tuple[Tensor, Tensor]]
    ) -> None:
        self._make_loss, self._make_weight, self._make_sums = loss, weight, sums

    @property
    def loss(self) -> Tensor:
        """Return the weighted loss of each target."""
        return self._make_loss()

    @property
    def weight(self) -> Tensor:
        """Return what each target counts for."""
        return self._make_weight()

    def sums(self, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
        """Return numerator and denominator; in a type other than the loss's, from the value of each target."""
        return self._make_sums() if dtype is None else super().sums(dtype)


def widest_float(device: torch.device) -> torch.dtype:
    """Return float64, or float32 on Apple's GPUs, which have no wider type.

    Example:
        >>> widest_float(torch.device("cpu"))
        torch.float64
    """
    return torch.float32 if device.type == "mps" else torch.float64


def weighted_mean(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return Σ w·ℓ / Σ w, and 0 with a gradient of zeros where nothing counts.

    Args:
        numerator: Σ w·ℓ, shape ``()``.
        denominator: Σ w, shape ``()``, not negative.

    Returns:
        The mean, shape ``()``.

    Example:
        >>> weighted_mean(torch.tensor(7.0), torch.tensor(4.0))
        tensor(1.7500)
        >>> weighted_mean(torch.tensor(0.0), torch.tensor(0.0))
        tensor(0.)
    """
    # Not clamp: a sum of weights may be small, and only 0 has no mean. The numerator of nothing need not be 0, since
    # label smoothing gives a target of weight 0 a part of the other classes' loss.
    empty = denominator.logical_not()
    return (numerator / (denominator + empty)).masked_fill(empty, 0)


def reduce(terms: Terms, reduction: Reduction) -> Tensor:
    """Reduce as torch's losses do; ``"mean"`` divides by the sum of the weights.

    Args:
        terms: The values and weights of a loss.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Returns:
        Shape ``()``, or the shape of the targets for ``"none"``.

    Example:
        >>> reduce(Terms(torch.tensor([1.0, 6.0]), torch.tensor([1.0, 3.0])), "mean")
        tensor(1.7500)
    """
    if reduction == "none":
        return terms.loss
    numerator, denominator = terms.sums()
    return numerator if reduction == "sum" else weighted_mean(numerator, denominator)


def check_reduction(reduction: Reduction) -> Reduction:
    """Return ``reduction`` if torch knows it.

    Args:
        reduction: What a user gave.

    Returns:
        The same.

    Raises:
        ValueError: It is not ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> check_reduction("mean")
        'mean'
    """
    if reduction not in ("mean", "sum", "none"):
        msg = f"`reduction` must be 'mean', 'sum' or 'none', got {reduction!r}."
        raise ValueError(msg)
    return reduction


def index_weight(target: Tensor, weight: Tensor | None, ignore_index: int | None, dtype: torch.dtype) -> Tensor:
    """Return the weight of each class index: ``weight[target]``, 0 where it is ignored.

    Args:
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        weight: Class weights, shape ``(C,)``; ``None`` counts every target as 1.
        ignore_index: Index of the targets that count nothing.
        dtype: Type of the result where ``weight`` is ``None``.

    Returns:
        The weights, shape of ``target``.

    Example:
        >>> index_weight(torch.tensor([0, 1, -100]), torch.tensor([1.0, 5.0]), -100, torch.float32)
        tensor([1., 5., 0.])
    """
    if ignore_index is None:
        return torch.ones_like(target, dtype=dtype) if weight is None else _of_class(weight, target)
    if weight is None:
        return (target != ignore_index).to(dtype)
    ignored = target == ignore_index
    return _of_class(weight, target.masked_fill(ignored, 0)).masked_fill(ignored, 0)


def soft_weight(target: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weight of each distribution over the classes: Σ_c w_c·p_c, which a one-hot row makes ``weight[y]``.

    Args:
        target: Class probabilities, shape ``(N, C)`` or ``(N, C, d1, ...)``.
        weight: Class weights, shape ``(C,)``; ``None`` counts every class as 1.

    Returns:
        The weights, shape ``(N,)`` or ``(N, d1, ...)``.

    Example:
        >>> soft_weight(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.tensor([1.0, 5.0]))
        tensor([3., 5.])
    """
    if weight is None:
        return target.sum(1)
    # Not a matrix product, which autocast would compute in half precision.
    return (target * weight.view(-1, *[1] * (target.ndim - 2))).sum(1)


def _of_class(values: Tensor, target: Tensor) -> Tensor:
    # Not values[target], which is several times as slow.
    found = values.index_select(0, target.flatten())
    return found if target.ndim == 1 else found.view(target.shape)
