"""From what a user writes as ``loss=`` to a :class:`Loss`."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from torch import Tensor, nn

from lightning_imbalance.counting import Task
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.losses.weighted_bce import WeightedBCE
from lightning_imbalance.losses.weighted_cross_entropy import WeightedCrossEntropy

LossLike = str | Loss | nn.Module | Callable[[Tensor, Tensor], Tensor]

NAMES = ("cross_entropy", "bce")

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
    ``multilabel``. :class:`torch.nn.CrossEntropyLoss` and :class:`torch.nn.BCEWithLogitsLoss` become the losses of
    this package with the same parameters; any other is called for each target, and weighted outside.

    Args:
        loss: A name, a loss of this package, a ``torch.nn`` loss or a function of logits and target.
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
    return UnreducedLoss(loss, task=task, ignore_index=ignored)


def _named(name: str, task: Task, ignore_index: int | None) -> Loss:
    if name not in NAMES:
        nearest = difflib.get_close_matches(name, NAMES, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"`loss` must be one of {', '.join(map(repr, NAMES))}, a torch.nn loss or a function, got {name!r}.{hint}"
        raise ValueError(msg)
    if task != "multiclass":
        return WeightedBCE(task=task, ignore_index=ignore_index)
    if name == "bce":
        msg = '`loss="bce"` must come with `task="binary"` or `task="multilabel"`, got `task="multiclass"`.'
        raise ValueError(msg)
    return WeightedCrossEntropy(ignore_index=ignore_index)


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
