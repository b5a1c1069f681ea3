"""From what a user writes as ``loss=`` to a :class:`Loss`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from lightning_imbalance.configuration import from_config, is_config, to_config
from lightning_imbalance.counting import Task
from lightning_imbalance.losses.asymmetric import AsymmetricLoss
from lightning_imbalance.losses.balanced_softmax import BalancedSoftmaxLoss
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.losses.distribution_balanced import DistributionBalancedLoss
from lightning_imbalance.losses.equalization import EqualizationLoss
from lightning_imbalance.losses.focal import FocalLoss
from lightning_imbalance.losses.label_aware_smoothing import LabelAwareSmoothingLoss
from lightning_imbalance.losses.ldam import LDAMLoss
from lightning_imbalance.losses.logit_adjusted import LogitAdjustedLoss
from lightning_imbalance.losses.seesaw import SeesawLoss
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.losses.vector_scaling import VectorScalingLoss
from lightning_imbalance.losses.weighted_bce import WeightedBCE
from lightning_imbalance.losses.weighted_cross_entropy import WeightedCrossEntropy

# In the order in which LightningCLI tries them: a string would take every `class_path`.
LossLike = Loss | nn.Module | Callable[[Tensor, Tensor], Tensor] | Mapping[str, Any] | str

# The first class that is defined for the task is taken.
NAMED: dict[str, tuple[type[Loss], ...]] = {
    "cross_entropy": (WeightedCrossEntropy, WeightedBCE),
    "bce": (WeightedBCE,),
    "focal": (FocalLoss,),
    "balanced_softmax": (BalancedSoftmaxLoss,),
    "logit_adjusted": (LogitAdjustedLoss,),
    "vector_scaling": (VectorScalingLoss,),
    "ldam": (LDAMLoss,),
    "seesaw": (SeesawLoss,),
    "asymmetric": (AsymmetricLoss,),
    "label_aware_smoothing": (LabelAwareSmoothingLoss,),
    "distribution_balanced": (DistributionBalancedLoss,),
    "equalization": (EqualizationLoss,),
}

_CONFIGURABLE: dict[str, type] = {
    f"lightning_imbalance.losses.{kind.__name__}": kind for kinds in NAMED.values() for kind in kinds
}

_WITH_WEIGHTS = (
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.CrossEntropyLoss,
    nn.MultiLabelSoftMarginLoss,
    nn.MultiMarginLoss,
    nn.NLLLoss,
)


def resolve(loss: LossLike, task: Task = "multiclass", ignore_index: int | None = None) -> Loss:
    """Return the loss that a name, a torch loss or a function stands for.

    ``"cross_entropy"`` is the cross-entropy of the task: softmax for ``multiclass``, sigmoid for ``binary`` and
    ``multilabel``. A name stands for the loss with its defaults; for other parameters make the loss yourself.
    :class:`torch.nn.CrossEntropyLoss` and :class:`torch.nn.BCEWithLogitsLoss` become the losses of this package with
    the same parameters; any other is called for each target, and weighted outside.

    Args:
        loss: A name, a loss of this package, a ``torch.nn`` loss, a function of logits and target, or a loss as a file
            writes it: ``{"class_path": "lightning_imbalance.losses.FocalLoss", "init_args": {"gamma": 1.0}}``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Targets of this value count nothing.

    Returns:
        A loss for the task. A loss of this package is returned itself.

    Raises:
        TypeError: ``loss`` is none of the above.
        ValueError: The name is unknown, the loss is for another task, brings weights of its own, or is a sum.

    Example:
        >>> resolve("cross_entropy", task="binary")
        WeightedBCE(task='binary')
    """
    if isinstance(loss, str):
        return _named(loss, task, ignore_index)
    if isinstance(loss, Mapping) and is_config(loss):
        loss = from_config(loss, _CONFIGURABLE)
    if isinstance(loss, nn.Module):
        _refuse_sum(loss)
    if isinstance(loss, Loss):
        return _checked(loss, task, ignore_index)
    if isinstance(loss, _WITH_WEIGHTS):
        _refuse_own_weights(loss, ("weight", "pos_weight"))
    # Not their subclasses, whose forward is the user's own.
    # -100 is torch's default and not the user's word; None keeps a stray -100 an error.
    own = getattr(loss, "ignore_index", None)
    ignored = _one_ignore_index(None if own == -100 else own, ignore_index)
    if type(loss) is nn.CrossEntropyLoss:
        _refuse_other_task(loss, task, "multiclass")
        return WeightedCrossEntropy(ignore_index=ignored, label_smoothing=loss.label_smoothing)
    if type(loss) is nn.BCEWithLogitsLoss:
        if task == "multiclass":
            _refuse_other_task(loss, task, "binary")
        return _named("bce", task, ignore_index)
    return UnreducedLoss(loss, task=task, ignore_index=ignored)  # type: ignore[arg-type]  # what is none, it refuses


def as_hyperparameter(loss: LossLike) -> LossLike:
    """Return a loss of this package as its class and arguments, which ``torch.load(weights_only=True)`` reads back.

    Args:
        loss: What :func:`resolve` takes.

    Returns:
        A mapping that :func:`resolve` takes too; anything else as it is.

    Example:
        >>> as_hyperparameter(FocalLoss(gamma=1.0))["class_path"]
        'lightning_imbalance.losses.FocalLoss'
    """
    config = to_config(loss, _CONFIGURABLE)
    return loss if config is None else config


def _named(name: str, task: Task, ignore_index: int | None) -> Loss:
    if name not in NAMED:
        nearest = difflib.get_close_matches(name, NAMED, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"`loss` must be one of {', '.join(map(repr, NAMED))}, a torch.nn loss or a function, got {name!r}.{hint}"
        raise ValueError(msg)
    for kind in NAMED[name]:
        if task in kind.tasks:
            # A loss of one task has no argument for it.
            make: Callable[..., Loss] = partial(kind, task=task) if len(kind.tasks) > 1 else kind
            return make(ignore_index=ignore_index)
    needed = " or ".join(f'`task="{fitting}"`' for kind in NAMED[name] for fitting in kind.tasks)
    msg = f'`loss="{name}"` must come with {needed}, got `task="{task}"`.'
    raise ValueError(msg)


def _checked(loss: Loss, task: Task, ignore_index: int | None) -> Loss:
    if loss.task != task:
        _refuse_other_task(loss, task, loss.task)
    if ignore_index is not None and loss.ignore_index != ignore_index:
        msg = (
            f"`ignore_index` must be the same in the loss and beside it, got {loss.ignore_index} in "
            f"{type(loss).__name__} and {ignore_index}. Give it to the loss."
        )
        raise ValueError(msg)
    return loss


def _one_ignore_index(own: int | None, given: int | None) -> int | None:
    if own is not None and given is not None and own != given:
        msg = f"`ignore_index` must be the same in the loss and beside it, got {own} and {given}."
        raise ValueError(msg)
    return given if own is None else own


def _refuse_other_task(loss: nn.Module, task: Task, needed: Task) -> None:
    if task != needed:
        msg = f'`loss` must fit the task {task!r}, got {type(loss).__name__}, which is for `task="{needed}"`.'
        raise ValueError(msg)


def _refuse_sum(loss: nn.Module) -> None:
    if getattr(loss, "reduction", "mean") == "sum":
        msg = (
            f"`loss` must be reduced by its mean, got {type(loss).__name__} with `reduction='sum'`. The weighted mean "
            "is taken here; scale the learning rate instead."
        )
        raise ValueError(msg)


def _refuse_own_weights(loss: nn.Module, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(loss, name, None) is not None:
            msg = (
                f"`loss` must come without weights of its own, got {type(loss).__name__} with `{name}`. Give them as "
                f"`weighting=[...]` instead, so that they reach the checkpoint and the mean."
            )
            raise ValueError(msg)
