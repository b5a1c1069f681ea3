"""From what a user writes as ``batch_transform=`` to a :class:`BatchTransform`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from lightning_imbalance.configuration import from_config, is_config, to_config
from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.cutmix import CutMix
from lightning_imbalance.synthesis.cutmix_minority import CutMixMinority
from lightning_imbalance.synthesis.mixup import Mixup
from lightning_imbalance.synthesis.remix import Remix

BatchTransformLike = str | BatchTransform | Mapping[str, Any]

NAMED: dict[str, type[BatchTransform]] = {
    "mixup": Mixup,
    "cutmix": CutMix,
    "remix": Remix,
    "cutmix_minority": CutMixMinority,
}

_CONFIGURABLE: dict[str, type] = {f"lightning_imbalance.synthesis.{kind.__name__}": kind for kind in NAMED.values()}


def resolve(transform: BatchTransformLike) -> BatchTransform:
    """Return the transform that a name or a mapping stands for.

    Args:
        transform: A name, a transform (returned itself), or one as a file writes it:
            ``{"class_path": "lightning_imbalance.synthesis.Remix", "init_args": {"kappa": 2.0}}``.

    Returns:
        The transform.

    Raises:
        TypeError: It is none of these.
        ValueError: The name is unknown.

    Example:
        >>> resolve("remix")
        Remix()
    """
    if isinstance(transform, str):
        if transform not in NAMED:
            nearest = difflib.get_close_matches(transform, NAMED, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            names = ", ".join(map(repr, NAMED))
            msg = f"`batch_transform` must be one of {names}, or a BatchTransform, got {transform!r}.{hint}"
            raise ValueError(msg)
        return NAMED[transform]()
    if isinstance(transform, Mapping) and is_config(transform):
        transform = from_config(transform, _CONFIGURABLE)
    if not isinstance(transform, BatchTransform):
        msg = (
            "`batch_transform` must be a transform of `lightning_imbalance.synthesis`, or a BatchTransform of your "
            f"own, got {transform!r}."
        )
        raise TypeError(msg)
    return transform


def as_hyperparameter(transform: BatchTransformLike) -> BatchTransformLike:
    """Return a transform as its class and arguments, which ``torch.load(weights_only=True)`` reads back.

    Args:
        transform: What :func:`resolve` takes.

    Returns:
        A mapping that :func:`resolve` takes too; a transform of one's own, or one that holds a data set, as it is.

    Example:
        >>> as_hyperparameter(Remix())["class_path"]
        'lightning_imbalance.synthesis.Remix'
    """
    if getattr(transform, "foregrounds", None) is not None:
        return transform
    config = to_config(transform, _CONFIGURABLE)
    return transform if config is None else config
