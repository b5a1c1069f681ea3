"""Which class was taken for which."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Count how many samples of each class were predicted as each, without waiting for a device.

    A sample without a prediction (outside the classes, as the -1 for NaN logits is) stands nowhere.

    Args:
        predicted: Class indices, or for ``binary`` 0 and 1, any shape.
        target: Class indices, same shape.
        num_classes: Number of classes C; 2 for ``binary``.
        ignore_index: Targets of this value are left out, like those outside the classes.

    Returns:
        Shape ``(C, C)``, int64: row i, column j counts the samples of class i that were predicted as class j.

    Raises:
        ValueError: ``predicted`` and ``target`` differ in shape.

    Example:
        >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
        tensor([[1, 1],
                [0, 1]])
    """
    if predicted.shape != target.shape:
        msg = f"`predicted` must have the shape of the target, {tuple(target.shape)}, got {tuple(predicted.shape)}."
        raise ValueError(msg)
    predicted, target = predicted.long().flatten(), target.long().flatten()
    outside = (target < 0) | (target >= num_classes) | (predicted < 0) | (predicted >= num_classes)
    if ignore_index is not None:
        outside |= target == ignore_index
    # A last place collects what does not count: fixed shapes, where a boolean mask would make the host wait.
    nowhere = num_classes * num_classes
    index = (target * num_classes + predicted).masked_fill(outside, nowhere)
    cells = torch.zeros(nowhere + 1, dtype=torch.int64, device=target.device)
    cells.scatter_add_(0, index, torch.ones_like(index))
    return cells[:nowhere].view(num_classes, num_classes)
