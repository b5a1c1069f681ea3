"""What belongs to the true class of each target, read from a value for every class."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.functional.reduction import Terms, index_weight


def require_indices(target: Tensor, loss: str, reason: str) -> None:
    """Refuse class probabilities where a loss is defined for one true class.

    Args:
        target: Class indices or class probabilities.
        loss: Name of the loss, for the message.
        reason: What of it belongs to one class, for the message.

    Raises:
        ValueError: The targets are probabilities.

    Example:
        >>> require_indices(torch.tensor([0, 2]), "ldam", "its margin")
    """
    if target.is_floating_point():
        msg = (
            f"the targets of `{loss}` must be class indices, since {reason} belongs to one true class, got class "
            "probabilities. For a mixture of two samples, mix the losses of their two targets."
        )
        raise ValueError(msg)


def at_true_class(values: Tensor, target: Tensor, ignore_index: int | None = None) -> Tensor:
    """Return the value of the true class, 0 where the target is ignored.

    Args:
        values: A value for every class, shape ``(N, C)`` or ``(N, C, d1, ...)``.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        ignore_index: Index of the targets that are ignored.

    Returns:
        Shape of ``target``.

    Example:
        >>> at_true_class(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1, -1]), ignore_index=-1)
        tensor([2., 0.])
    """
    if ignore_index is None:
        return values.gather(1, target.unsqueeze(1)).squeeze(1)
    ignored = target == ignore_index
    return values.gather(1, target.masked_fill(ignored, 0).unsqueeze(1)).squeeze(1).masked_fill(ignored, 0)


def only_at_true_class(values: Tensor, target: Tensor, logits: Tensor, ignore_index: int | None = None) -> Tensor:
    """Return one value a class at the true class of each target, and 0 at every other.

    What has no gradient itself and is added to logits costs nothing on the way back, unlike what takes their place.

    Args:
        values: Shape ``(C,)``, without a gradient.
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``, int64.
        logits: Shape ``(N, C)`` or ``(N, C, d1, ...)``, that of the result.
        ignore_index: Index of the targets that are ignored: all 0.

    Returns:
        Shape of ``logits``, type of ``values``.

    Example:
        >>> only_at_true_class(torch.tensor([5.0, 7.0]), torch.tensor([1, -1]), torch.zeros(2, 2), ignore_index=-1)
        tensor([[0., 7.],
                [0., 0.]])
    """
    there = index_weight(target, values, ignore_index, values.dtype)
    indices = target if ignore_index is None else target.masked_fill(target == ignore_index, 0)
    # Not scatter_add, which has no deterministic form on every device.
    return values.new_zeros(()).expand(logits.shape).scatter(1, indices.unsqueeze(1), there.unsqueeze(1))


def is_true_class(target: Tensor, num_classes: int) -> Tensor:
    """Return whether each class is the true one; an ignored index outside the classes makes none true.

    Args:
        target: Class indices, shape ``(N,)`` or ``(N, d1, ...)``.
        num_classes: Number of classes C.

    Returns:
        Shape ``(N, C)`` or ``(N, C, d1, ...)``, bool.

    Example:
        >>> is_true_class(torch.tensor([1, -1]), 2)
        tensor([[False,  True],
                [False, False]])
    """
    # Not one_hot, which reads the targets to check them, and so waits for the device.
    return along_classes(torch.arange(num_classes, device=target.device), target.ndim + 1) == target.unsqueeze(1)


def along_classes(values: Tensor, ndim: int) -> Tensor:
    """Return one value a class in a shape that fits logits: ``(C,)`` becomes ``(C, 1, ...)``.

    Args:
        values: Shape ``(C,)``.
        ndim: Number of dimensions of the logits.

    Returns:
        A view, as many dimensions as come after the first of the logits.

    Example:
        >>> along_classes(torch.ones(3), ndim=4).shape
        torch.Size([3, 1, 1])
    """
    return values.view(-1, *[1] * (ndim - 2))


def class_terms(values: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Terms:
    r"""Return value and weight of each target from what it would cost if each class were the true one.

    A target p over the classes costs :math:`\sum_c w_c p_c ℓ_c`, which an index makes :math:`w_y ℓ_y`.

    Args:
        values: :math:`ℓ`, shape ``(N, C)`` or ``(N, C, d1, ...)``.
        target: Class indices ``(N, ...)``, or class probabilities of the shape of ``values``.
        weight: Class weights, shape ``(C,)``; ``None`` counts every class as 1.
        ignore_index: Indices of this value count nothing.

    Returns:
        Both of shape ``(N,)`` or ``(N, d1, ...)``.

    Example:
        >>> values, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([1.0, 3.0])
        >>> class_terms(values, torch.tensor([1]), weight, None)
        Terms(loss=tensor([6.]), weight=tensor([3.]))
        >>> class_terms(values, torch.tensor([[0.5, 0.5]]), weight, None)
        Terms(loss=tensor([3.5000]), weight=tensor([2.]))
    """
    if weight is not None:
        weight = weight.to(values.dtype)
    if target.is_floating_point():
        mass = target.to(values.dtype)
        mass = mass if weight is None else mass * along_classes(weight, mass.ndim)
        return Terms((mass * values).sum(1), mass.sum(1))
    counted = index_weight(target, weight, ignore_index, values.dtype)
    return Terms(counted * at_true_class(values, target, ignore_index), counted)
