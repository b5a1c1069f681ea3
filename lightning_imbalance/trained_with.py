"""What a checkpoint was trained with, and whether the model that loads it has the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn

_EFFECTS = {
    "loss": "Predictions are the same; the losses it logs are not.",
    "weighting": "Its weights are the checkpoint's; a new fit would use its own.",
    "batch_transform": "Predictions are the same, and for another class prior they are wrong if labels were mixed.",
}


def warn_of_changes(saved: Mapping[str, Any], mine: Mapping[str, str]) -> None:
    """Warn for each part that a checkpoint was trained with and that a model has otherwise.

    Args:
        saved: What a checkpoint says of itself; it may say nothing of a part.
        mine: What the model has, in words: ``loss``, ``weighting`` and ``batch_transform``.

    Example:
        >>> warn_of_changes({"loss": "FocalLoss()", "weighting": "'balanced'"}, {"loss": "FocalLoss()"})
    """
    for name, described in mine.items():
        trained_with = saved.get(name, described)
        if trained_with != described:
            rank_zero_warn(
                f"`{name}` must be given again where it is no hyper-parameter: the checkpoint was trained with "
                f"{trained_with}, and this model has {described}. {_EFFECTS[name]}"
            )
