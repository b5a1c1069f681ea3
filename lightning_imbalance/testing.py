"""What every loss must keep, as checks that anyone can run on a loss of one's own.

Each check is a small function with a name; :func:`check_loss` runs them all. They need no test framework: a broken
promise is an :class:`AssertionError` that says which one, what was expected and what was got.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.losses.resolve import LossLike, resolve

_IGNORED = -100


def check_loss(loss: LossLike, *, task: Task | None = None, num_classes: int = 4) -> None:
    """Check that a loss keeps what the losses of this package keep.

    The checks run on copies, adapted to a distribution in which the last class has no sample, and in ``eval()``, so
    that a loss that draws random numbers is compared without them. The generators of torch are left as they were.

    Args:
        loss: A loss of this package, of one's own, of ``torch.nn``, or a function, as
            :func:`lightning_imbalance.losses.resolve` takes it.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``; by default that of a loss of this package, and
            ``"multiclass"`` for any other.
        num_classes: Number of classes to try it with, from 3 on (``binary``: not used).

    Raises:
        AssertionError: The loss breaks one of them; the message names it.
        ValueError: ``num_classes`` is too small, or the loss is for another task.

    Example:
        >>> from lightning_imbalance.losses import FocalLoss
        >>> check_loss(FocalLoss(gamma=0.5))
        >>> shift = torch.tensor([0.0, 1.0, 2.0, 3.0])
        >>> check_loss(lambda logits, target: F.cross_entropy(logits + shift, target, reduction="none"))
        Traceback (most recent call last):
        AssertionError: UnreducedLoss(<lambda>) must keep what every loss keeps: it moves with the module, ...
    """
    if num_classes < 3:
        msg = f"`num_classes` must be at least 3, so that one class can be absent, got {num_classes}."
        raise ValueError(msg)
    if isinstance(loss, Loss):
        task = loss.task if task is None else task
        loss = copy.deepcopy(loss)
        loss.reduction = "mean"
    task = "multiclass" if task is None else task
    resolved = resolve(loss, task)
    for check in CHECKS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            check(_adapted(resolved, num_classes), _batch(task, num_classes))


class Batch(NamedTuple):
    """What a check calls a loss with.

    Attributes:
        logits: ``multiclass``, ``multilabel``: ``(12, C)``; ``binary``: ``(12,)``.
        target: Every class is among them, the absent one too.
        weight: Class weights, ``(C,)``; ``binary``: ``(2,)``.
    """

    logits: Tensor
    target: Tensor
    weight: Tensor


def moves_with_the_module(loss: Loss, batch: Batch) -> None:
    """Everything it computes with is a buffer, and no value is read back from the device.

    A device without memory stands for an accelerator: on it reading a value is an error.
    """
    with _promise(loss, "it moves with the module, and the host never waits for the device"):
        moved = loss.to("meta")(*(part.to("meta") for part in batch))
        _require(moved.device.type == "meta", f"expected a loss on the device of the logits, got {moved.device}")


def survives_its_state_dict(loss: Loss, batch: Batch) -> None:
    """A loss that loads the state of another gives the same values."""
    state = {key: value.clone() for key, value in loss.state_dict().items()}
    with _promise(loss, "its state dict brings it back"):
        other = copy.deepcopy(loss)
        for name, buffer in other.named_buffers():
            module, _, attribute = name.rpartition(".")
            setattr(other.get_submodule(module), attribute, torch.zeros_like(buffer))
        other.load_state_dict(state)
        _require_equal(other(*batch), loss(*batch))


def ignores_the_order_of_the_batch(loss: Loss, batch: Batch) -> None:
    """The mean is the same for the same samples in another order."""
    order = torch.randperm(len(batch.logits))
    with _promise(loss, "the order of the batch does not matter"):
        _require_equal(loss(batch.logits[order], batch.target[order], batch.weight), loss(*batch))


def takes_dense_targets(loss: Loss, batch: Batch) -> None:
    """Positions beside each other count as samples do."""
    if loss.task == "multiclass":
        rows = batch.logits.reshape(3, 4, -1).movedim(-1, 1), batch.target.reshape(3, 4)
    elif loss.task == "binary":
        rows = batch.logits.reshape(3, 4), batch.target.reshape(3, 4)
    else:
        rows = tuple(part.reshape(3, 4, -1).movedim(-1, 1) for part in batch[:2])  # type: ignore[assignment]  # two parts
    with _promise(loss, "dense targets count as samples do"):
        _require_equal(loss(*rows, batch.weight), loss(*batch))


def takes_an_index_for_its_one_hot_row(loss: Loss, batch: Batch) -> None:
    """An index and the probabilities that are 1 there give the same, unless probabilities are refused."""
    if loss.task != "multiclass":
        return
    one_hot = F.one_hot(batch.target, batch.logits.shape[1]).to(batch.logits.dtype)
    try:
        soft = loss(batch.logits, one_hot, batch.weight)
    except (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return
    with _promise(loss, "an index and its one-hot row are the same"):
        _require_equal(soft, loss(*batch))


def gives_zero_where_all_is_ignored(loss: Loss, batch: Batch) -> None:
    """A batch in which no target counts has loss 0 and a gradient of zeros, never NaN."""
    loss.ignore_index = _IGNORED if loss.ignore_index is None else loss.ignore_index
    logits = batch.logits.clone().requires_grad_()
    with _promise(loss, "a batch that is all ignored gives 0 with a gradient of zeros"):
        value = loss(logits, torch.full_like(batch.target, loss.ignore_index), batch.weight)
        value.backward()
        _require(value.item() == 0, f"expected 0, got {value.item()}")
        gradient = logits.grad
        _require(gradient is not None and not bool(gradient.any()), f"expected a gradient of zeros, got {gradient}")


def leaves_ignored_targets_out(loss: Loss, batch: Batch) -> None:
    """Ignored targets count as if they were not in the batch."""
    loss.ignore_index = _IGNORED if loss.ignore_index is None else loss.ignore_index
    target = batch.target.clone()
    target[::2] = loss.ignore_index
    with _promise(loss, "ignored targets are left out"):
        rest = loss(batch.logits[1::2], batch.target[1::2], batch.weight)
        _require_equal(loss(batch.logits, target, batch.weight), rest)


def stays_finite(loss: Loss, batch: Batch) -> None:
    """Value and gradient are finite at logits of ±10,000, in half precision and in training mode too."""
    loss.train()
    signs = torch.ones_like(batch.logits)
    signs[::2] = -1
    if signs.ndim > 1:
        signs[:, ::2] *= -1
    for dtype in (torch.float32, torch.float16):
        for size in (1e4, -1e4):
            logits = (size * signs).to(dtype).requires_grad_()
            with _promise(loss, f"it is finite at logits of ±10,000 in {str(dtype).removeprefix('torch.')}"):
                value = loss(logits, batch.target, batch.weight)
                value.backward()
                _require(bool(value.isfinite()), f"expected a finite loss, got {value.item()}")
                finite = logits.grad is not None and bool(logits.grad.isfinite().all())
                _require(finite, f"expected a finite gradient, got {logits.grad}")


def computes_half_precision_in_full(loss: Loss, batch: Batch) -> None:
    """Half precision and mixed precision give the float32 value of the same logits."""
    half = batch.logits.bfloat16()
    with _promise(loss, "half precision is computed in float32"):
        expected = loss(half.float(), batch.target, batch.weight)
        _require_equal(loss(half, batch.target, batch.weight), expected)
        with torch.autocast("cpu", torch.bfloat16):
            _require_equal(loss(half.float(), batch.target, batch.weight), expected)


def is_changed_by_weights(loss: Loss, batch: Batch) -> None:
    """Class weights reach the value."""
    with _promise(loss, "class weights change it"):
        weighted, plain = loss(*batch), loss(*batch[:2])
        _require(not torch.isclose(weighted, plain), f"expected another loss than without them, got {plain.item()}")


def compiles(loss: Loss, batch: Batch) -> None:
    """``torch.compile`` takes it without a break, and the value stays."""
    torch.compiler.reset()
    with _promise(loss, "it compiles in one graph"):
        compiled = torch.compile(loss, fullgraph=True, backend="eager")
        _require_equal(compiled(*batch), loss(*batch))


def changes_nothing(loss: Loss, batch: Batch) -> None:
    """A call changes neither the loss, nor what it was given, nor whether gradients are on."""
    loss.train()
    before = [value.clone() for value in (*loss.state_dict().values(), *batch)]
    with _promise(loss, "a call changes nothing"):
        with torch.no_grad():
            loss(*batch)
            _require(not torch.is_grad_enabled(), "expected gradients to stay off, got them switched on")
        after = (*loss.state_dict().values(), *batch)
        same = len(before) == len(after) and all(map(torch.equal, before, after))
        _require(same, "expected buffers, logits, targets and weights as they were, got other ones")


CHECKS: tuple[Callable[[Loss, Batch], None], ...] = (
    moves_with_the_module,
    survives_its_state_dict,
    ignores_the_order_of_the_batch,
    takes_dense_targets,
    takes_an_index_for_its_one_hot_row,
    gives_zero_where_all_is_ignored,
    leaves_ignored_targets_out,
    computes_half_precision_in_full,
    stays_finite,
    is_changed_by_weights,
    compiles,
    changes_nothing,
)


def _adapted(loss: Loss, num_classes: int) -> Loss:
    counts = [100, 5] if loss.task == "binary" else [*(1 + 900 // i**2 for i in range(1, num_classes)), 0]
    num_samples = 2 * sum(counts) if loss.task == "multilabel" else None
    return copy.deepcopy(loss).adapt(ClassDistribution(counts, task=loss.task, num_samples=num_samples)).eval()


def _batch(task: Task, num_classes: int) -> Batch:
    classes = torch.arange(12)
    if task == "binary":
        return Batch(torch.randn(12), classes % 2, torch.tensor([0.5, 4.0]))
    logits, weight = torch.randn(12, num_classes), torch.linspace(0.5, 4.0, num_classes)
    if task == "multiclass":
        return Batch(logits, classes % num_classes, weight)
    return Batch(logits, (classes[:, None] + torch.arange(num_classes)) % 3 % 2, weight)


@contextmanager
def _promise(loss: Loss, name: str) -> Iterator[None]:
    try:
        yield
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        shown = " ".join(repr(loss).split())  # a module within a module has lines
        msg = f"{shown} must keep what every loss keeps: {name}. {error}"
        raise AssertionError(msg) from error


def _require(kept: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as a sentence
    if not kept:
        raise AssertionError(otherwise)


def _require_equal(value: Tensor, expected: Tensor) -> None:
    close = torch.allclose(value, expected, rtol=1e-5, atol=1e-6)
    _require(close, f"expected {expected.item():.6g}, got {value.item():.6g}")
