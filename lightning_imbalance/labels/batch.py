"""Where the inputs and the target are in a batch, or in a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from lightning_imbalance.network_call import TOKENS

INPUT_KEYS = ("input", "inputs", "image", "images", "img", "pixel_values", "x", "data", "features")
TARGET_KEYS = ("target", "targets", "label", "labels", "y", "mask", "masks")


def unpack_batch(batch: object) -> tuple[Any, Any]:
    """Split a batch into inputs and target.

    Args:
        batch: A pair ``(inputs, target)`` (a tuple or list of two), or a mapping with exactly one of the input keys
            ``input``, ``inputs``, ``image``, ``images``, ``img``, ``pixel_values``, ``x``, ``data``, ``features`` and
            exactly one of the target keys ``target``, ``targets``, ``label``, ``labels``, ``y``, ``mask``, ``masks``.
            Of a mapping with ``input_ids`` everything but the target is input, as language models take it.

    Returns:
        The inputs and the target, as they stand in the batch.

    Raises:
        TypeError: The batch is neither, or has no or several such keys.

    Example:
        >>> unpack_batch({"image": "picture", "label": 3, "path": "a.png"})
        ('picture', 3)
    """
    if isinstance(batch, Mapping):
        inputs, targets = keys_among(batch, INPUT_KEYS), keys_among(batch, TARGET_KEYS)
        if TOKENS in batch and len(targets) == 1:
            return {key: value for key, value in batch.items() if key != targets[0]}, batch[targets[0]]
        if len(inputs) == len(targets) == 1:
            return batch[inputs[0]], batch[targets[0]]
    elif isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    msg = (
        "`batch` must be an (inputs, target) pair, or a mapping with one usual input key (image, inputs, x, ...) and "
        f"one usual target key (label, target, y, ...), got {described(batch)}. "
        "Override `unpack_batch(batch)` to return the pair."
    )
    raise TypeError(msg)


def target_of(sample: object) -> Any:
    """Give the target of a sample or batch; unlike :func:`unpack_batch`, whatever the inputs look like.

    Args:
        sample: A pair ``(inputs, target)``, or a mapping with exactly one target key.

    Returns:
        The target.

    Raises:
        TypeError: The sample is neither.

    Example:
        >>> target_of({"input_ids": [5, 2], "attention_mask": [1, 1], "labels": 0})
        0
    """
    if isinstance(sample, Mapping):
        targets = keys_among(sample, TARGET_KEYS)
        if len(targets) == 1:
            return sample[targets[0]]
    elif isinstance(sample, (tuple, list)) and len(sample) == 2:
        return sample[1]
    msg = (
        "samples must be (inputs, target) pairs, or mappings with one usual target key (label, target, y, ...), "
        f"got {described(sample)}."
    )
    raise TypeError(msg)


def inputs_without_target(batch: object) -> Any:
    """Give the inputs of a batch that has no target, as one predicts on.

    Args:
        batch: A tensor, a tuple or list of one, or a mapping with no target key, and with ``input_ids`` or exactly one
            usual input key.

    Returns:
        The inputs, all of a mapping with ``input_ids``; ``None`` for a batch of any other form.

    Example:
        >>> inputs_without_target({"image": "picture", "path": "a.png"})
        'picture'
    """
    if isinstance(batch, Tensor):
        return batch
    if isinstance(batch, (tuple, list)) and len(batch) == 1:
        return batch[0]
    if isinstance(batch, Mapping) and not keys_among(batch, TARGET_KEYS):
        inputs = keys_among(batch, INPUT_KEYS)
        return batch if TOKENS in batch else batch[inputs[0]] if len(inputs) == 1 else None
    return None


def keys_among(keys: Iterable[Any], usual: tuple[str, ...]) -> list[str]:
    """Give the usual names that occur among these keys.

    Args:
        keys: A mapping, or its keys.
        usual: The names to look for.

    Returns:
        Those found, in the order of ``usual``.

    Example:
        >>> keys_among({"label": 1, "image": 2}, TARGET_KEYS)
        ['label']
    """
    present = set(keys)
    return [key for key in usual if key in present]


def described(value: object) -> str:
    """Say what a batch is, without printing what is in it.

    Args:
        value: A batch or a sample.

    Returns:
        Its type, with the length of a tuple or list and the keys of a mapping.

    Example:
        >>> described((1, 2, 3))
        'a tuple of 3'
    """
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} with keys {', '.join(map(repr, value)) or 'none'}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
