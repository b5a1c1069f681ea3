"""From what a user says about a sampler to the sampler."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from torch.utils.data import Dataset

from lightning_imbalance.functional.ramp import epoch_at
from lightning_imbalance.samplers.arguments import checked_flag, checked_seed
from lightning_imbalance.samplers.base import ClassSampler, Options
from lightning_imbalance.samplers.class_balanced import ClassBalancedSampler
from lightning_imbalance.samplers.oversampling import OversamplingSampler
from lightning_imbalance.samplers.progressively_balanced import ProgressivelyBalancedSampler
from lightning_imbalance.samplers.repeat_factor import RepeatFactorSampler
from lightning_imbalance.samplers.undersampling import UndersamplingSampler

SamplerLike = str | Callable[[Dataset[Any]], ClassSampler]

DEFERRED_START = 0.8
"""Share of the epochs that ``"deferred"`` draws as the data are."""

_Build = Callable[[Any, int, Options], ClassSampler]


def _progressive(dataset: Any, epochs: int, options: Options) -> ClassSampler:
    return ProgressivelyBalancedSampler(dataset, end=epochs - 1, **options)


def _deferred(dataset: Any, epochs: int, options: Options) -> ClassSampler:
    start = epoch_at(DEFERRED_START, epochs)
    return ProgressivelyBalancedSampler(dataset, end=start, start=start, **options)


NAMED: Mapping[str, _Build] = {
    "balanced": lambda dataset, _, options: ClassBalancedSampler(dataset, **options),
    "square_root": lambda dataset, _, options: ClassBalancedSampler(dataset, power=0.5, **options),
    "progressive": _progressive,
    "deferred": _deferred,
    "undersampling": lambda dataset, _, options: UndersamplingSampler(dataset, **options),
    "oversampling": lambda dataset, _, options: OversamplingSampler(dataset, **options),
    "repeat_factor": lambda dataset, _, options: RepeatFactorSampler(dataset, "auto", **options),
}

_OVER_EPOCHS = {"progressive", "deferred"}


def check_sampler(sampler: SamplerLike, options: Options) -> None:
    """Refuse what names no sampler, before any data are there.

    Args:
        sampler: A name, or a function from the training data set to a sampler.
        options: Arguments of the sampler, which only a named one can be given.

    Raises:
        TypeError: It is neither, or options come with a function, or one of them has no such name.
        ValueError: The name is unknown.

    Example:
        >>> check_sampler("balanced", {"seed": 1})
    """
    if isinstance(sampler, str):
        if sampler not in NAMED:
            nearest = difflib.get_close_matches(sampler, NAMED, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            msg = f"`sampler` must be one of {', '.join(map(repr, NAMED))}, or a function, got {sampler!r}.{hint}"
            raise ValueError(msg)
        unknown = next((name for name in options if name not in Options.__annotations__), None)
        if unknown is not None:
            msg = (
                f"`{unknown}` must be given to the sampler itself, `sampler=partial(ClassBalancedSampler, ...)`, got "
                f"it with `sampler={sampler!r}`, which takes {', '.join(Options.__annotations__)}."
            )
            raise TypeError(msg)
        checked_seed(options.get("seed", 0))
        checked_flag("drop_last", options.get("drop_last", False))
        return
    if not callable(sampler):
        msg = (
            "`sampler` must be a name or a function from the training data set to a sampler, for example "
            f"`partial(ClassBalancedSampler, power=0.5)`, got {type(sampler).__name__}."
        )
        raise TypeError(msg)
    if options:
        name = next(iter(options))
        msg = f"`{name}` must be given to the sampler itself where `sampler` is a function, got {options[name]!r}."  # type: ignore[literal-required]
        raise TypeError(msg)


def resolve(sampler: SamplerLike, dataset: Dataset[Any], options: Options, max_epochs: int | None) -> ClassSampler:
    """Return the sampler for a data set.

    Args:
        sampler: What :func:`check_sampler` let pass.
        dataset: The training data.
        options: Arguments of a named sampler.
        max_epochs: Epochs of the fit, -1 or ``None`` where there is no end.

    Returns:
        The sampler.

    Raises:
        TypeError: The function gives something else.
        ValueError: The sampler changes over the epochs, and their number is not known.

    Example:
        >>> resolve("undersampling", [0] * 9 + [1], {}, None)
        UndersamplingSampler(10 samples ('0' 9, '1' 1), epoch_size=2)
    """
    if isinstance(sampler, str):
        if sampler in _OVER_EPOCHS and (max_epochs is None or max_epochs < 1):
            msg = (
                f"`sampler={sampler!r}` must have a last epoch to go to, got max_epochs={max_epochs}. Pass "
                "`Trainer(max_epochs=...)`, or `sampler=partial(ProgressivelyBalancedSampler, end=...)`."
            )
            raise ValueError(msg)
        return NAMED[sampler](dataset, max_epochs or 0, options)
    made = sampler(dataset)
    if not isinstance(made, ClassSampler):
        msg = f"`sampler` must return a sampler of lightning_imbalance.samplers, got {type(made).__name__}."
        raise TypeError(msg)
    return made
