"""From logits that are right for one class prior to logits that are right for another."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_imbalance.checks import check_task
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.reduction import widest_float


def adjust_logits(
    logits: Tensor, log_source_prior: Tensor, log_target_prior: Tensor, task: Task = "multiclass"
) -> Tensor:
    """Return the logits of the same model for another class prior: z_c - log p_s(c) + log p_t(c).

    Bayes' rule for a prior that changes while p(x | c) stays (Saerens, Latinne & Decaestecker 2002, section 2). To the
    uniform prior it is the post-hoc logit adjustment of Menon et al. 2021 with τ = 1; to any other the
    post-compensated softmax of Hong et al. 2021. For ``binary`` the one logit, the log odds, moves by what the log
    odds of the prior move.

    A prior may lie on another device than the logits. The host waits for no accelerator: the priors' values are
    checked where they lie on the CPU, and only their shapes elsewhere.

    Args:
        logits: Logits whose softmax (sigmoid) is right for the source prior: ``(N, C)`` or ``(N, C, d1, ...)``, for
            ``binary`` one logit, any shape. Half precision is computed in float32.
        log_source_prior: Natural logarithm of the source prior, up to a constant (so that log counts do too), shape
            ``(C,)``; for ``binary`` two entries, negative then positive. ``-inf`` only where the target is ``-inf``.
        log_target_prior: That of the target prior, same shape; ``-inf`` for a class that cannot occur.
        task: ``"multiclass"`` or ``"binary"``. A label of ``multilabel`` is a ``binary`` question of its own.

    Returns:
        The logits for the target prior, shape, dtype and device of ``logits``. A class that cannot occur has ``-inf``
        (``binary``: the logit is ``-inf`` or ``inf``), also where the source has ``-inf``.

    Raises:
        TypeError: The logits or a prior are no floats.
        ValueError: A shape does not fit; a logarithm is NaN or ``inf``; the target leaves no class, or has a class
            that the source does not have.

    Example:
        >>> logits = torch.tensor([[2.0, 1.0]])  # a model that believes in 9 : 1
        >>> adjust_logits(logits, torch.tensor([0.9, 0.1]).log(), torch.tensor([0.5, 0.5]).log())
        tensor([[1.4122, 2.6094]])
        >>> train, clinic = torch.tensor([0.5, 0.5]), torch.tensor([0.995, 0.005])
        >>> adjust_logits(torch.tensor([0.0]), train.log(), clinic.log(), "binary")
        tensor([-5.2933])
    """
    check_task(task)
    if task == "multilabel":
        msg = (
            '`task` must be "multiclass" or "binary", got "multilabel". '
            'Adjust each label by itself: `adjust_logits(logits[:, c], ..., task="binary")`.'
        )
        raise ValueError(msg)
    _check_shapes(logits, log_source_prior, log_target_prior, task)
    if log_source_prior.device.type == log_target_prior.device.type == "cpu":
        _check_values(log_source_prior, log_target_prior)
    shift = _shift(_beside(log_source_prior, logits), _beside(log_target_prior, logits))
    shift = shift[1] - shift[0] if task == "binary" else shift.view(-1, *[1] * (logits.ndim - 2))
    dtype = torch.float32 if logits.dtype in (torch.float16, torch.bfloat16) else logits.dtype
    return (logits.to(dtype) + shift.to(dtype)).to(logits.dtype)


def _beside(prior: Tensor, logits: Tensor) -> Tensor:
    # A copy to a GPU that blocks would wait for all that is queued there; elsewhere only the blocking one is safe.
    return prior.to(widest_float(logits.device)).to(logits.device, non_blocking=logits.is_cuda)


def _shift(log_source: Tensor, log_target: Tensor) -> Tensor:
    # Without the constants, which a half-precision result would have to hold. -inf - -inf would be NaN.
    shift = log_target.log_softmax(0) - log_source.log_softmax(0)
    return torch.where(log_target == -torch.inf, -torch.inf, shift)


def _check_shapes(logits: Tensor, log_source_prior: Tensor, log_target_prior: Tensor, task: Task) -> None:
    _check_floats("logits", logits)
    if task == "multiclass" and logits.ndim < 2:
        msg = f"logits must have shape (N, C, ...), one column a class, got {tuple(logits.shape)}."
        raise ValueError(msg)
    num_classes = 2 if task == "binary" else logits.shape[1]
    for name, prior in (("log_source_prior", log_source_prior), ("log_target_prior", log_target_prior)):
        _check_floats(f"`{name}`", prior)
        if prior.shape != (num_classes,):
            which = (
                'two entries for `task="binary"`, negative then positive'
                if task == "binary"
                else f"one entry for each of the {num_classes} logits"
            )
            msg = f"`{name}` must have {which}, got shape {tuple(prior.shape)}."
            raise ValueError(msg)


def _check_floats(name: str, value: object) -> None:
    if not (isinstance(value, Tensor) and value.is_floating_point()):
        got = f"{value.dtype} values".removeprefix("torch.") if isinstance(value, Tensor) else type(value).__name__
        msg = f"{name} must be a tensor of floats, got {got}."
        raise TypeError(msg)


def _check_values(log_source_prior: Tensor, log_target_prior: Tensor) -> None:
    for name, prior in (("log_source_prior", log_source_prior), ("log_target_prior", log_target_prior)):
        bad = prior.isnan() | (prior == torch.inf)
        if bad.any():
            index = int(bad.int().argmax())
            msg = (
                f"`{name}` must be finite, or -inf for a class that cannot occur, got {prior[index]} for class {index}."
            )
            raise ValueError(msg)
    possible = log_target_prior > -torch.inf
    if not possible.any():
        msg = "`log_target_prior` must leave at least one class that can occur, got -inf for all."
        raise ValueError(msg)
    unknown = possible & (log_source_prior == -torch.inf)
    if unknown.any():
        index = int(unknown.int().argmax())
        msg = (
            "`log_source_prior` must be finite for each class that the target prior has, got -inf for class "
            f"{index}. Give that class -inf in `log_target_prior` too."
        )
        raise ValueError(msg)
