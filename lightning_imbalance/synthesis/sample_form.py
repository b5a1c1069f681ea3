"""The form of a sample: where its inputs and its class are, and how to make another one like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_imbalance.labels.batch import INPUT_KEYS, TARGET_KEYS, described, keys_among


def parts(sample: Any) -> tuple[Any, Any]:
    """Say where the inputs and the target of a sample are.

    Args:
        sample: A pair, or a mapping of two usual keys.

    Returns:
        The keys or positions of both.

    Raises:
        TypeError: There is something else in the sample, or not both.

    Example:
        >>> parts({"label": 3, "image": "picture"})
        ('image', 'label')
    """
    if isinstance(sample, Mapping):
        inputs, targets = keys_among(sample, INPUT_KEYS), keys_among(sample, TARGET_KEYS)
        if len(inputs) == len(targets) == 1 and len(sample) == 2:
            return inputs[0], targets[0]
    elif isinstance(sample, (tuple, list)) and len(sample) == 2:
        return 0, 1
    msg = (
        "samples must be (inputs, target) pairs, or mappings of one usual input key and one usual target key and "
        f"nothing else, got {described(sample)}. What else is in a sample cannot be generated."
    )
    raise TypeError(msg)


def inputs_like(sample: Any, inputs: Tensor) -> Tensor:
    """Return generated inputs in the dtype of a real sample's, rounded where that is one of integers.

    Args:
        sample: A real sample.
        inputs: Generated inputs, shape ``(N, ...)``.

    Returns:
        The same shape.

    Raises:
        TypeError: The real inputs are no tensor.
        ValueError: They have another shape.

    Example:
        >>> inputs_like((torch.zeros(2, dtype=torch.uint8), 0), torch.tensor([[0.6, 254.8]]))
        tensor([[  1, 255]], dtype=torch.uint8)
    """
    real = sample[parts(sample)[0]]
    if not isinstance(real, (Tensor, np.ndarray)):
        msg = f"inputs must be tensors to be added to, got {type(real).__name__}. Add a transform that makes tensors."
        raise TypeError(msg)
    if inputs.shape[1:] != real.shape:
        msg = f"`source` must make samples of the dataset's shape, {tuple(real.shape)}, got {tuple(inputs.shape[1:])}."
        raise ValueError(msg)
    dtype = torch.as_tensor(real).dtype
    return (inputs if dtype.is_floating_point else inputs.round()).to(dtype)


def sample_like(sample: Any, inputs: Tensor, label: int) -> Any:
    """Return inputs and class as a sample of the same form, a class of the same type.

    Args:
        sample: A real sample.
        inputs: What :func:`inputs_like` returned, one of them.
        label: Class index.

    Returns:
        A sample.

    Example:
        >>> sample_like({"x": torch.zeros(1), "y": torch.tensor(2)}, torch.ones(1), 0)
        {'x': tensor([1.]), 'y': tensor(0)}
    """
    input_key, target_key = parts(sample)
    real_inputs, real_target = sample[input_key], sample[target_key]
    made: Any = inputs if isinstance(real_inputs, Tensor) else inputs.numpy()
    # A number of Python or of numpy is made by its type; a tensor or an array of one entry takes shape and dtype.
    if isinstance(real_target, Tensor):
        target: Any = torch.full_like(real_target, label, device="cpu")
    elif isinstance(real_target, np.ndarray):
        target = np.full_like(real_target, label)
    else:
        target = type(real_target)(label)
    if isinstance(sample, Mapping):
        return {key: made if key == input_key else target for key in sample}
    if hasattr(sample, "_fields"):  # a named tuple takes its entries one by one
        return type(sample)(made, target)
    return type(sample)((made, target))


def in_memory(dataset: Any) -> tuple[Tensor, Tensor]:
    """Read a whole dataset.

    Args:
        dataset: Map-style dataset of samples whose inputs have one shape.

    Returns:
        Inputs, shape ``(N, ...)``, and class indices, shape ``(N,)``, int64.

    Raises:
        TypeError: A sample has another form.
        ValueError: There is none.

    Example:
        >>> in_memory([(torch.zeros(2), 1), (torch.ones(2), 0)])
        (tensor([[0., 0.],
                [1., 1.]]), tensor([1, 0]))
    """
    if len(dataset) == 0:
        msg = "the dataset must hold at least one sample, got none."
        raise ValueError(msg)
    inputs, target = [], []
    for index in range(len(dataset)):
        sample = dataset[index]
        input_key, target_key = parts(sample)
        inputs.append(torch.as_tensor(sample[input_key]))
        target.append(int(sample[target_key]))
    return torch.stack(inputs), torch.tensor(target)
