"""Where the samples of each class stand: what every draw and every split starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lightning_imbalance.functional.members import members_by_class


class Array(Protocol):
    """What turns into a numpy array: an array or a pandas column."""

    def __array__(self) -> Any:
        """Return the values as a numpy array."""


ClassIndices = Sequence[int] | Tensor | Array


def as_class_indices(labels: ClassIndices) -> Tensor:
    """Turn class indices in any container into one tensor.

    Args:
        labels: One class index a sample, shape ``(N,)``: a tensor, an array, a pandas column or a list.

    Returns:
        The same labels, shape ``(N,)``, int64, on the CPU.

    Raises:
        TypeError: The labels are not integers.
        ValueError: The labels are not one-dimensional, there are none, or one is negative.

    Example:
        >>> as_class_indices([0, 2, 0])
        tensor([0, 2, 0])
    """
    try:
        if isinstance(labels, Tensor):
            tensor = labels
        else:
            # A pandas column goes through its array: torch would look its entries up by index label. torch.tensor and
            # not as_tensor, which warns about the read-only arrays of pandas.
            tensor = torch.tensor(labels.__array__() if hasattr(labels, "__array__") else labels)
    except (TypeError, ValueError, RuntimeError) as error:
        msg = f"`labels` must be integers that torch can read, got a {type(labels).__name__}: {error}."
        raise TypeError(msg) from error
    if tensor.numel() == 0:
        msg = "`labels` must hold at least one sample, got none."
        raise ValueError(msg)
    if tensor.is_floating_point() or tensor.is_complex():
        msg = f"`labels` must be integers, got {tensor.dtype}."
        raise TypeError(msg)
    if tensor.ndim != 1:
        msg = f"`labels` must be one-dimensional, got shape {tuple(tensor.shape)}."
        raise ValueError(msg)
    tensor = tensor.to(device="cpu", dtype=torch.int64)
    lowest = int(tensor.min())
    if lowest < 0:
        msg = f"`labels` must be 0 or more, got {lowest}."
        raise ValueError(msg)
    return tensor


def indices_by_class(labels: Tensor) -> dict[int, Tensor]:
    """Find the samples of each class.

    Args:
        labels: Class indices, shape ``(N,)``, int64.

    Returns:
        For each class that occurs, in ascending order, the ascending indices of its samples.

    Example:
        >>> indices_by_class(torch.tensor([2, 0, 2]))
        {0: tensor([1]), 2: tensor([0, 2])}
    """
    classes, dense = torch.unique(labels, return_inverse=True)
    members = members_by_class(dense, len(classes))
    return {label: members.of(place).long() for place, label in enumerate(classes.tolist())}
