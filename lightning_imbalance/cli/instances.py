"""Objects from what a ``config.yaml`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def instance_of(kind: type, said: Mapping[str, Any], argument: str) -> Any:
    """Make an object of a ``class_path`` and its ``init_args``.

    Args:
        kind: What it must be an instance of.
        said: The two.
        argument: What they are called in messages.

    Returns:
        The object.

    Raises:
        ModuleNotFoundError: jsonargparse is not installed.
        ValueError: There is no such class, or it takes other arguments.

    Example:
        >>> import torch
        >>> said = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 3, "out_features": 2}}
        >>> instance_of(torch.nn.Module, said, "`model`")
        Linear(in_features=3, out_features=2, bias=True)
    """
    try:
        from jsonargparse import ArgumentError, ArgumentParser
    except ModuleNotFoundError:
        msg = (
            f"{argument} needs jsonargparse to be read, which is not installed. "
            'Run `pip install "lightning-imbalance[cli]"`.'
        )
        raise ModuleNotFoundError(msg) from None
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(kind, "it")
    # Its later releases have another name for it, and warn of this one.
    instantiate = getattr(parser, "instantiate", parser.instantiate_classes)
    try:
        return instantiate(parser.parse_object({"it": dict(said)})).it
    except ArgumentError as error:
        msg = f"{argument} must say how to make a {kind.__name__}, got {dict(said)!r}: {error}"
        raise ValueError(msg) from error
