"""Temperature scaling: one number that makes a model as sure as it is right."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import LBFGS

from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import align, check_target_range, full_precision
from lightning_imbalance.functional.true_class import along_classes

# No model is wrong by more: beyond it the search ran away from a minimum that is not there.
_FURTHEST = 1000.0


class Temperature(NamedTuple):
    """What was fitted, and what it was worth.

    Attributes:
        temperature: T, above 0.
        bias: Added after the division: shape ``(C,)``, for ``binary`` ``(1,)``, float64; ``None`` without.
        nll_before: Mean negative log-likelihood of a target under the logits as they were, in nats.
        nll_after: The same under the scaled logits.

    Example:
        >>> Temperature(2.0, None, 0.9, 0.5).temperature
        2.0
    """

    temperature: float
    bias: Tensor | None
    nll_before: float
    nll_after: float


def temperature_scaled(logits: Tensor, temperature: float | Tensor, bias: Tensor | None = None) -> Tensor:
    """Return z / T + b.

    Args:
        logits: ``(N, C, ...)``; ``binary``: ``(N, ...)``. Half precision is computed in float32.
        temperature: T. Above 1 the predictions become less sure; which class is the largest stays.
        bias: b, shape ``(C,)``, or ``(1,)`` for ``binary``.

    Returns:
        Shape of the logits.

    Example:
        >>> temperature_scaled(torch.tensor([[4.0, 2.0]]), 2.0, torch.tensor([0.0, 0.5]))
        tensor([[2.0000, 1.5000]])
    """
    scaled = full_precision(logits) / temperature
    if bias is None:
        return scaled
    bias = bias.to(scaled.dtype).to(scaled.device)
    return scaled + (bias if bias.numel() == 1 else along_classes(bias, scaled.ndim))


def fit_temperature(
    logits: Tensor,
    target: Tensor,
    task: Task = "multiclass",
    *,
    per_class_bias: bool = False,
    ignore_index: int | None = None,
    max_iter: int = 200,
) -> Temperature:
    r"""Return the T that minimises the negative log-likelihood of held-out targets (Guo et al. 2017, section 4.2).

    "On Calibration of Modern Neural Networks": :math:`q = \mathrm{softmax}(z / T)`. With ``per_class_bias`` it is bias-
    corrected temperature scaling, :math:`\mathrm{softmax}(z / T + b)` (Alexandari et al. 2020, "Maximum Likelihood with
    Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation"). ``binary`` and ``multilabel`` have the
    sigmoid in its place, and all labels one T. The targets must be held out: a network is sure of those it trained on.

    L-BFGS with a line search runs on log T in float64, so that T stays above 0; in the authors' code it runs on T,
    which can become negative.

    Without a bias the likelihood is concave in 1/T, and it is known beforehand whether it has a maximum: it has none
    where every prediction is right (T would be 0), nor where the logits say no more than chance (T would be infinite).

    Args:
        logits: ``multiclass`` and ``multilabel``: ``(N, C, ...)``. ``binary``: ``(N, ...)`` or ``(N, 1, ...)``.
        target: Class indices ``(N, ...)``; else 0 and 1 of the logits' shape.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        per_class_bias: Fit b too. It needs a sample of each class; for ``binary`` and ``multilabel`` positives and
            negatives of each label.
        ignore_index: Targets of this value are left out.
        max_iter: Most iterations of L-BFGS.

    Returns:
        The temperature, and the likelihood with and without it.

    Raises:
        TypeError: Class indices are not integers.
        ValueError: Shapes do not fit, logits are not finite, there is nothing to fit on, or the likelihood has no
            maximum; the message says which.

    Example:
        >>> logits = torch.tensor([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
        >>> fitted = fit_temperature(logits, torch.tensor([0, 0, 1, 1]))
        >>> print(f"{fitted.temperature:.4f}")  # three of four are right: softmax(4 / T) = 3/4
        3.6410
        >>> print(f"{fitted.nll_before:.3f} {fitted.nll_after:.3f}")
        1.018 0.562
    """
    logits, target = align(logits, target, task)
    rows, target = _rows(logits, target, task, ignore_index)
    # The Trainer validates in inference mode, where nothing has a gradient.
    with torch.inference_mode(mode=False), torch.enable_grad():
        rows, target = rows.detach().double().clone(), target.clone()
        _refuse(rows, target, task, ignore_index, per_class_bias=per_class_bias)
        log_t = torch.zeros((), dtype=torch.float64, device=rows.device, requires_grad=True)
        bias = torch.zeros(rows.shape[1], dtype=torch.float64, device=rows.device, requires_grad=per_class_bias)
        variables = [log_t, bias] if per_class_bias else [log_t]
        search = LBFGS(
            variables, max_iter=max_iter, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
        )

        def nll() -> Tensor:
            return _nll(temperature_scaled(rows, log_t.exp(), bias), target, task, ignore_index)

        def closure() -> Tensor:
            search.zero_grad()
            loss = nll()
            loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
            return loss

        before = nll().item()
        search.step(closure)  # type: ignore[no-untyped-call]  # likewise
        after = closure().item()
        steepest = max(float(v.grad.abs().max()) for v in variables if v.grad is not None)
    temperature = log_t.exp().item()
    if not (1 / _FURTHEST < temperature < _FURTHEST and steepest < 1e-4):  # in this form for NaN
        msg = (
            f"the likelihood must have a maximum for a temperature to be fitted, got T = {temperature:.4g} with a "
            f"slope of {steepest:.2g} after at most {max_iter} iterations. Fit on more held-out samples"
            f"{', or without `per_class_bias`' if per_class_bias else ''}."
        )
        raise ValueError(msg)
    return Temperature(temperature, bias.detach() if per_class_bias else None, before, after)


def _rows(logits: Tensor, target: Tensor, task: Task, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    if task == "binary":
        rows, target = logits.reshape(-1, 1), target.reshape(-1, 1)
        counted = slice(None) if ignore_index is None else target[:, 0] != ignore_index
        return rows[counted], target[counted]
    rows = logits.movedim(1, -1).flatten(end_dim=-2)
    if task == "multilabel":
        return rows, target.movedim(1, -1).flatten(end_dim=-2)
    if target.is_floating_point():
        msg = "`target` must be class indices for a temperature to be fitted, got class probabilities."
        raise ValueError(msg)
    target = target.flatten()
    counted = slice(None) if ignore_index is None else target != ignore_index
    return rows[counted], target[counted]


def _refuse(rows: Tensor, target: Tensor, task: Task, ignore_index: int | None, *, per_class_bias: bool) -> None:
    check_target_range(target, task, rows.shape[1], ignore_index)
    counted = _counted(target, ignore_index)
    if not bool(counted.any()):
        msg = "there must be held-out targets to fit a temperature on, got none."
        raise ValueError(msg)
    infinite = int((~rows.isfinite()).any(1).sum())
    if infinite:
        msg = f"the logits must be finite for a temperature to be fitted, got NaN or inf in {infinite} of {len(rows)}."
        raise ValueError(msg)
    if task == "multiclass":
        of_class = rows.gather(1, target[:, None]).squeeze(1)
        others = rows.scatter(1, target[:, None], -torch.inf).amax(1)
        right, slope = bool((of_class >= others).all()), (of_class - rows.mean(1)).mean()
        missing = torch.bincount(target, minlength=rows.shape[1]) == 0
    else:
        side = torch.where(counted, 2 * target.double() - 1, 0)
        right, slope = bool((side * rows >= 0).all()), (side * rows).sum()
        missing = ((target == 1) & counted).sum(0).eq(0) | ((target == 0) & counted).sum(0).eq(0)
    if per_class_bias and bool(missing.any()):
        each = "samples of each class" if task == "multiclass" else "positives and negatives of each label"
        which = ", ".join(str(index) for index in missing.nonzero().flatten().tolist())
        msg = f"`per_class_bias` needs held-out {each}, got none for {which}. Fit without it, or on more samples."
        raise ValueError(msg)
    chance = bool(slope <= 0) and not per_class_bias
    if right or chance:
        got = "logits that say no more than chance" if chance else "only right predictions, for which T would be 0"
        msg = (
            f"the likelihood must have a maximum for a temperature to be fitted, got {got}. Fit on other held-out data."
        )
        raise ValueError(msg)


def _counted(target: Tensor, ignore_index: int | None) -> Tensor:
    return torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index


def _nll(rows: Tensor, target: Tensor, task: Task, ignore_index: int | None) -> Tensor:
    if task == "multiclass":
        return F.cross_entropy(rows, target)
    counted = _counted(target, ignore_index)
    truth = torch.where(counted, target, 0).to(rows.dtype)
    each = F.binary_cross_entropy_with_logits(rows, truth, reduction="none")
    return torch.where(counted, each, 0).sum() / counted.sum()
