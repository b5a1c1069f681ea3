"""How a network is called with the inputs of a batch, and where the logits are in what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

TOKENS = "input_ids"
"""The key by which inputs are recognised that a language model takes as keyword arguments."""


def logits_of(output: Any) -> Any:
    """Find the logits in what a network returns.

    Args:
        output: A tensor; an object with the attribute ``logits``, as the models of Hugging Face's ``transformers``
            return; a mapping with ``logits``, or with ``out``, as torchvision's segmentation models return. What else
            is in it (``aux``, hidden states) is left out.

    Returns:
        The logits; anything else as it is, for whoever needs a tensor to refuse it. A tuple is anything else: which of
        its parts are the logits is not said.

    Example:
        >>> from types import SimpleNamespace
        >>> logits_of(SimpleNamespace(logits="scores", hidden_states=None)), logits_of({"out": "scores"})
        ('scores', 'scores')
    """
    if isinstance(output, (Tensor, tuple)):
        return output
    if isinstance(output, Mapping):
        key = next((key for key in ("logits", "out") if key in output), None)
        return output if key is None else output[key]
    return getattr(output, "logits", output)


def call(network: Callable[..., Any], inputs: Any) -> Any:
    """Give a network its inputs.

    Args:
        network: Maps inputs to logits, or to something in which :func:`logits_of` finds them.
        inputs: One argument; a mapping with ``input_ids`` as keyword arguments, as language models take them.

    Returns:
        The logits.

    Example:
        >>> call(lambda input_ids, attention_mask: attention_mask, {"input_ids": [7, 2], "attention_mask": [1, 1]})
        [1, 1]
    """
    tokens = isinstance(inputs, Mapping) and TOKENS in inputs
    return logits_of(network(**inputs) if tokens else network(inputs))
