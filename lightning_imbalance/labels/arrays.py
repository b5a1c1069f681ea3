"""Labels that are in memory already: tensors, arrays, lists, columns of a table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# torch can hold these, but neither compare nor count them: the next wider signed type does both.
_WIDER_ARRAY = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}
_WIDER_TENSOR = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.int64}


def is_array(values: object) -> bool:
    """Say whether these are labels themselves rather than a dataset that has some.

    Args:
        values: Any object.

    Returns:
        True for tensors, numpy arrays, lists, tuples, ranges and columns that turn into an array.

    Example:
        >>> is_array([0, 1]), is_array("01")
        (True, False)
    """
    return isinstance(values, (Tensor, np.ndarray, list, tuple, range)) or callable(getattr(values, "to_numpy", None))


def as_labels(values: object) -> Tensor | list[str]:
    """Turn labels in memory into a tensor, or into a list where they are strings.

    Nothing is copied where a tensor can share the memory, so the result must not be written to.

    Args:
        values: A tensor, a numpy array, a list, tuple or range, or a pandas column; one entry a sample, each a
            number, a string, or an array of the same shape for all samples.

    Returns:
        A tensor ``(N, ...)`` with the stored number type (uint16, uint32 and uint64 become int32 and int64, because
        torch cannot count them), or a list of N strings.

    Raises:
        TypeError: The entries are mixed, differ in shape, or are no numbers and no strings.
        ValueError: There is one value instead of one a sample, or a number beyond 64 bits.

    Example:
        >>> as_labels([2, 0, 1])
        tensor([2, 0, 1])
        >>> as_labels(("cat", "dog"))
        ['cat', 'dog']
    """
    if isinstance(values, Tensor):
        labels: Tensor | list[str] = _from_tensor(values)
    elif isinstance(values, (list, tuple, range)):
        labels = _from_sequence(values)
    elif isinstance(values, np.ndarray):
        labels = _from_numpy(values)
    elif callable(to_numpy := getattr(values, "to_numpy", None)):
        labels = _from_numpy(np.asarray(to_numpy()))
    elif _is_picture(values):
        labels = _from_numpy(np.asarray(values))
    elif isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        labels = _from_sequence(list(values))  # a column of a Hugging Face dataset, for one
    else:
        msg = f"`labels` must be a tensor, an array, a list or a column, got {type(values).__name__}."
        raise TypeError(msg)
    if isinstance(labels, Tensor) and labels.ndim == 0:
        msg = f"`labels` must hold one label a sample, got the single value {labels.item()}."
        raise ValueError(msg)
    return labels


def select(values: Any, indices: Tensor) -> Any:
    """Pick entries by position, in the order and as often as the indices say.

    Args:
        values: A tensor, numpy array, list, tuple or range of N entries.
        indices: Positions from -N to N - 1, shape ``(M,)``, int64.

    Returns:
        The M entries, in a container of the same kind.

    Raises:
        ValueError: A position is outside the entries.

    Example:
        >>> select(["a", "b", "c"], torch.tensor([2, 0, 2]))
        ['c', 'a', 'c']
    """
    size = len(values)
    for bound in torch.aminmax(indices) if len(indices) else ():
        if not -size <= bound < size:
            msg = f"`indices` must be within the {size} samples of the dataset, got {int(bound)}."
            raise ValueError(msg)
    if isinstance(values, Tensor):
        return values[indices.to(values.device)]
    if isinstance(values, np.ndarray):
        return values[indices.numpy()]
    return [values[i] for i in indices.tolist()]


def _from_tensor(tensor: Tensor) -> Tensor:
    wider = _WIDER_TENSOR.get(tensor.dtype)
    return tensor if wider is None else tensor.to(wider)


def _from_numpy(array: np.ndarray[Any, Any]) -> Tensor | list[str]:
    if array.dtype.kind in "OSTU":  # objects and the three kinds of strings
        return _from_sequence(array.tolist())
    if array.dtype.kind not in "biuf":
        msg = f"`labels` must be numbers or strings, got an array of {array.dtype}."
        raise TypeError(msg)
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        msg = f"`labels` must fit into 64 bits, got {array.max()}. Map identifiers to class indices first."
        raise ValueError(msg)
    wider = _WIDER_ARRAY.get(array.dtype.name, np.float64 if array.dtype == np.longdouble else array.dtype)
    array = array.astype(np.dtype(wider).newbyteorder("="), copy=False)
    if any(stride < 0 for stride in array.strides):
        array = array.copy()
    with warnings.catch_warnings():
        # Hugging Face and pandas hand out read-only arrays; nothing here writes to a label.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _from_sequence(values: Sequence[Any]) -> Tensor | list[str]:
    if len(values) == 0:
        return torch.empty(0, dtype=torch.int64)
    first = values[0]
    if isinstance(first, (str, bytes)) and all(isinstance(value, type(first)) for value in values):
        return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    try:
        if isinstance(first, Tensor):
            return _from_tensor(torch.stack(list(values)))
        if isinstance(first, (np.generic, np.ndarray)) or _is_picture(first):
            return _from_numpy(np.stack([np.asarray(value) for value in values]))
        if not isinstance(first, str):
            return torch.tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        if "Overflow" in str(error):
            msg = "`labels` must fit into 64 bits, got a larger number. Map identifiers to class indices first."
            raise ValueError(msg) from None
    msg = f"`labels` must be one number, one string or one array of equal shape a sample, got {_described(values)}."
    raise TypeError(msg)


def _is_picture(value: object) -> bool:
    """Say whether this is a segmentation mask as PIL opens it, or any other array that numpy can look at."""
    return hasattr(value, "__array_interface__") or hasattr(value, "__array__")


def _described(values: Sequence[Any]) -> str:
    """Say in a few words what differs: the types, or else the shapes."""
    found = sorted({type(value).__name__ for value in values})
    if found in (["list"], ["tuple"]):
        found = [f"rows of length {length}" for length in sorted({len(value) for value in values})]
    elif len(found) == 1 and hasattr(values[0], "shape"):
        found = [f"shape {shape}" for shape in sorted({tuple(value.shape) for value in values})]
    listed = found[:3]
    return " and ".join(listed) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
