"""Class weights as a function of the class distribution.

A scheme is any callable ``ClassDistribution -> Tensor``; ``SCHEMES`` names the usual ones. What every scheme needs
(classes without samples, labels that are not exclusive, scaling, the check of the result) is done once, in
:func:`class_weights`.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from lightning_imbalance.checks import check_num_classes, check_task, listed, values_in_order
from lightning_imbalance.configuration import from_config, is_config, to_config
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.schemes import SCHEMES, EffectiveNumber, Power, Scheme

_CONFIGURABLE = {f"{__name__}.{scheme.__name__}": scheme for scheme in (EffectiveNumber, Power)}

__all__ = [
    "SCHEMES",
    "EffectiveNumber",
    "Normalization",
    "Power",
    "Scheme",
    "Weighting",
    "as_hyperparameter",
    "as_scheme",
    "check_weighting",
    "class_weights",
    "described",
]

Normalization = Literal["mean", "samples"]


# In the order in which LightningCLI tries them: a string would take every `class_path`, a mapping the arguments of a
# scheme, and a callable would write a mapping as text. If the callable returned a `Tensor`, LightningCLI would want a
# class of tensors, and refuse one whose objects are called.
Weighting = (
    EffectiveNumber | Power | Sequence[float] | Mapping[str, float] | Callable[[ClassDistribution], Any] | Tensor | str
)


def class_weights(
    distribution: ClassDistribution, scheme: Weighting = "balanced", normalize: Normalization | None = None
) -> Tensor:
    """Return one weight a class.

    For ``multilabel`` each label is a yes-or-no problem of its own: the scheme is applied to its two counts,
    negatives and positives, and the result is the quotient of the two weights, which is ``pos_weight`` of
    :class:`torch.nn.BCEWithLogitsLoss`. Numbers given by hand are taken as they are.

    Args:
        distribution: The training data's classes.
        scheme: One of

            - a name: ``uniform``, ``balanced``, ``complement``, ``inverse``, ``inverse_sqrt``, ``effective_number``,
              ``median_frequency``, ``log``;
            - a callable ``ClassDistribution -> Tensor``, for example ``EffectiveNumber(beta=0.9999)``;
            - C numbers: a list, an array or a tensor;
            - a mapping from class name (or index) to number, one entry a class;
            - a parametrised scheme as a file writes it:
              ``{"class_path": "lightning_imbalance.weighting.Power", "init_args": {"exponent": 0.5}}``.
        normalize: ``"mean"`` scales the weights to average 1 over the classes, ``"samples"`` to average 1 over the
            training samples, ``None`` leaves them.

    Returns:
        The weights, shape ``(C,)``, float32, finite, on the CPU. Positive, except where a 0 was given by hand. A class
        without samples gets the weight of the rarest class that has some, and a warning names it.

    Raises:
        TypeError: ``scheme`` is none of the above.
        ValueError: The name is unknown; a number is missing, negative, NaN or infinite; only one class has samples.

    Example:
        >>> distribution = ClassDistribution([60, 30, 10], class_names=["nevus", "keratosis", "melanoma"])
        >>> class_weights(distribution)
        tensor([0.5556, 1.1111, 3.3333])
        >>> class_weights(distribution, {"nevus": 1, "keratosis": 2, "melanoma": 10})
        tensor([ 1.,  2., 10.])
        >>> class_weights(distribution, Power(exponent=0.5), normalize="mean")
        tensor([0.6168, 0.8723, 1.5109])
    """
    if normalize not in (None, "mean", "samples"):
        msg = f"`normalize` must be None, 'mean' or 'samples', got {normalize!r}."
        raise ValueError(msg)
    _check_learnable(distribution)
    scheme = as_scheme(scheme)
    if isinstance(scheme, str):
        scheme = _named(scheme)
    _refuse_class(scheme)
    if callable(scheme):
        weights = _from_scheme(distribution, scheme)
    elif isinstance(scheme, Mapping):
        by_class = values_in_order(scheme, distribution.class_names, "weighting", "weight")
        weights = _as_numbers(by_class, distribution)
    else:
        weights = _as_numbers(scheme, distribution)
    # Before they are scaled, so that the message has the number that was given.
    _check(weights, distribution)
    exact = _normalized(weights, distribution, normalize)
    weights = exact.float()
    _check(weights, distribution)
    _refuse_underflow(exact, weights, distribution)
    return weights


def check_weighting(
    scheme: Weighting,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    task: Task = "multiclass",
) -> int | None:
    """Refuse what :func:`class_weights` would refuse, before there is a distribution, and say how many classes follow.

    Args:
        scheme: As in :func:`class_weights`. What a callable gives cannot be known yet.
        num_classes: Number of classes, where given.
        class_names: One name a class, where given.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        The number of classes, or ``None`` where neither it, nor names, nor numbers were given.

    Raises:
        TypeError: As :func:`class_weights`.
        ValueError: As :func:`class_weights`, or the arguments contradict each other.

    Example:
        >>> check_weighting([1.0, 2.0, 10.0])
        3
    """
    check_task(task)
    scheme = as_scheme(scheme)
    if num_classes is None and class_names is not None:
        num_classes = len(class_names)
    num_classes = check_num_classes(num_classes, task)
    _refuse_class(scheme)
    if isinstance(scheme, str):
        _named(scheme)
    elif not callable(scheme) and num_classes is None:
        num_classes = len(scheme) if isinstance(scheme, Mapping) else _length(scheme)
    if num_classes is None:
        return None
    check_num_classes(num_classes, task)
    names = class_names
    if isinstance(scheme, Mapping) and names is None and all(isinstance(name, str) for name in scheme):
        names = tuple(scheme)
    any_counts = ClassDistribution([1] * num_classes, names, task, num_samples=2 if task == "multilabel" else None)
    if not callable(scheme):
        class_weights(any_counts, scheme)
    return num_classes


def as_hyperparameter(scheme: Weighting) -> Weighting:
    """Return a weighting as what ``torch.load(weights_only=True)`` reads back: lists and mappings of plain values.

    Example:
        >>> as_hyperparameter(torch.tensor([1.0, 2.0]))
        [1.0, 2.0]
        >>> as_hyperparameter(Power(exponent=0.5))
        {'class_path': 'lightning_imbalance.weighting.Power', 'init_args': {'exponent': 0.5}}
    """
    config = to_config(scheme, _CONFIGURABLE)
    if config is not None:
        return config
    if isinstance(scheme, str) or callable(scheme) or is_config(scheme):
        return scheme
    if isinstance(scheme, Mapping):
        return {key: float(value) for key, value in scheme.items()}
    return [float(value) for value in scheme]


def as_scheme(scheme: Weighting) -> Weighting:
    """Return what :func:`as_hyperparameter` was given; anything but a ``class_path`` stays as it is.

    Raises:
        ValueError: The path names no scheme of this package.

    Example:
        >>> as_scheme({"class_path": "lightning_imbalance.weighting.Power", "init_args": {"exponent": 0.5}})
        Power(exponent=0.5)
    """
    if isinstance(scheme, Mapping) and is_config(scheme):
        built: Weighting = from_config(scheme, _CONFIGURABLE)
        return built
    return scheme


def described(scheme: Weighting) -> str:
    """Return a name for a weighting that is the same in every process: no address of a function is in it.

    Example:
        >>> described(EffectiveNumber(beta=0.99))
        'EffectiveNumber(beta=0.99)'
    """
    if callable(scheme) and not is_dataclass(scheme):
        return getattr(scheme, "__qualname__", type(scheme).__name__)
    return repr(scheme)


def _named(name: str) -> Scheme:
    if name not in SCHEMES:
        nearest = difflib.get_close_matches(name, SCHEMES, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"the weighting must be one of {', '.join(map(repr, SCHEMES))}, got {name!r}.{hint}"
        raise ValueError(msg)
    return SCHEMES[name]


def _refuse_class(scheme: object) -> None:
    if isinstance(scheme, type):
        msg = f"the weighting must be an instance, `{scheme.__name__}()`, got the class {scheme.__name__}."
        raise TypeError(msg)


def _check_learnable(distribution: ClassDistribution) -> None:
    present = [i for i, count in enumerate(distribution.counts.tolist()) if count]
    if distribution.task != "multilabel" and len(present) < 2:
        name = distribution.class_names[present[0]]
        msg = (
            f"the training data must hold samples of at least 2 classes, got only {name!r} "
            f"({distribution.num_samples:,} samples). Check the labels, and the split if there is one."
        )
        raise ValueError(msg)
    if not present:
        rows = f"{distribution.num_samples:,} rows"
        msg = f"the training data must hold at least one positive label, got {rows} without any."
        raise ValueError(msg)


def _from_scheme(distribution: ClassDistribution, scheme: Callable[[ClassDistribution], Tensor]) -> Tensor:
    if distribution.task == "multilabel":
        positives, rows = distribution.counts.tolist(), distribution.num_samples
        weights = torch.stack([_pos_weight(count, rows - count, scheme) for count in positives])
    else:
        weights = _as_numbers(scheme(distribution), distribution)
    absent = list(distribution.absent)
    if absent:
        names, rarest = distribution.class_names, distribution.rarest
        warnings.warn(
            f"no training sample of class {listed([names[i] for i in absent])}: weighted like the rarest class that "
            f"has some, {names[rarest]!r} ({int(distribution.counts[rarest]):,} samples).",
            stacklevel=3,
        )
        weights = weights.clone()
        weights[absent] = weights[rarest].item()
    return weights


def _pos_weight(positives: int, negatives: int, scheme: Callable[[ClassDistribution], Tensor]) -> Tensor:
    if positives == 0 or negatives == 0:
        return torch.tensor(1.0, dtype=torch.float64)
    pair = ClassDistribution([negatives, positives], task="binary")
    weights = _as_numbers(scheme(pair), pair)
    return weights[1] / weights[0]


def _as_numbers(values: object, distribution: ClassDistribution | None) -> Tensor:
    try:
        weights = torch.as_tensor(values).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        msg = (
            "the weighting must be a name, a callable, a mapping from class to number, or one number a class, "
            f"got {type(values).__name__}: {values!r}."
        )
        raise TypeError(msg) from None
    if distribution is not None and weights.shape != (distribution.num_classes,):
        msg = (
            f"the weighting must give one weight for each of the {distribution.num_classes} classes, "
            f"got shape {tuple(weights.shape)}."
        )
        raise ValueError(msg)
    return weights


def _length(values: object) -> int:
    numbers = _as_numbers(values, None)
    if numbers.ndim != 1 or numbers.numel() == 0:
        msg = f"the weighting must be one number a class, shape (C,), got {values!r}."
        raise ValueError(msg)
    return numbers.numel()


def _normalized(weights: Tensor, distribution: ClassDistribution, normalize: Normalization | None) -> Tensor:
    if normalize is None:
        return weights
    share = torch.ones_like(weights) if normalize == "mean" else distribution.counts.double()
    return weights * (share.sum() / (share * weights).sum())


def _refuse_underflow(exact: Tensor, weights: Tensor, distribution: ClassDistribution) -> None:
    lost = (exact > 0) & (weights == 0)
    if lost.any():
        index = int(lost.int().argmax())
        got = f"{exact[index].item()} for class {distribution.class_names[index]!r}"
        msg = f'the weighting must give weights that float32 can hold, got {got}. Pass `normalize="mean"`.'
        raise ValueError(msg)


def _check(weights: Tensor, distribution: ClassDistribution) -> None:
    bad = ~(torch.isfinite(weights) & (weights >= 0))
    if bad.any():
        index = int(bad.int().argmax())
        got = f"{weights[index].item()} for class {distribution.class_names[index]!r}"
        msg = f"the weighting must give finite weights that are not negative, got {got}."
        raise ValueError(msg)
    if not weights.any():
        msg = f"the weighting must give at least one class a weight above 0, got {weights.tolist()}."
        raise ValueError(msg)
