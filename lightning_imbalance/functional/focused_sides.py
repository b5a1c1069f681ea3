r"""What yes-or-no targets cost, each side focused by an exponent of its own: cross-entropy, focal and asymmetric loss.

With σ the sigmoid of a logit, a negative costs :math:`-σ_m^{γ_-} \log (1 - σ_m)`, where :math:`σ_m = \max(σ - m, 0)`,
and a positive :math:`-(1 - σ)^{γ_+} \log σ`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.functional.binary_sides import Sides, times
from lightning_imbalance.functional.reduction import SummableTerms, Terms

_BLOCK = 2**15
"""Logits at a time on a processor: what is made on the way stays in its cache, and in memory there is the result."""


class Focus(NamedTuple):
    """How the two sides are focused.

    Attributes:
        negative: :math:`γ_-`, from 0 (none) on.
        positive: :math:`γ_+`, from 0 (none) on.
        clip: m: a negative of a lower probability costs nothing.
        neg_scale: λ: a negative costs what it would cost at λ times its logit, divided by λ.
    """

    negative: float = 0.0
    positive: float = 0.0
    clip: float = 0.0
    neg_scale: float = 1.0


def focused_sides(sides: Sides, focus: Focus, *, shift: Tensor | None = None, factor: Tensor | None = None) -> Terms:
    """Return value and weight of each target.

    Args:
        sides: Logits, targets and weights.
        focus: How each side is focused.
        shift: What is taken off the logits first, as it broadcasts to them, without a gradient.
        factor: What each value is multiplied by, and no weight; shape of the logits, without a gradient.

    Returns:
        Both in the shape of the targets.

    Example:
        >>> from lightning_imbalance.functional.binary_sides import binary_sides
        >>> sides = binary_sides(torch.tensor([0.0, 2.0]), torch.tensor([0, 1]))
        >>> focused_sides(sides, Focus(negative=1.0)).loss
        tensor([0.3466, 0.1269])
    """
    if sides.kept is not None:
        factor = times(sides.kept, factor)

    def value() -> Tensor:
        found: Tensor = _FocusedSides.apply(
            sides.logits, sides.target, sides.negative_weight, sides.positive_weight, shift, factor, focus
        )[0]
        return found

    def sums() -> tuple[Tensor, Tensor]:
        return value().sum(), sides.total()

    return SummableTerms(value, sides.counted, sums)


class _FocusedSides(torch.autograd.Function):
    """The values, and beside them their slopes, which cost little where the values are computed and much elsewhere."""

    generate_vmap_rule = True

    @staticmethod
    def forward(  # torch.compile counts these arguments: *args would be none
        logits: Tensor,
        target: Tensor,
        negative_weight: Tensor | None,
        positive_weight: Tensor | None,
        shift: Tensor | None,
        factor: Tensor | None,
        focus: Focus,
    ) -> tuple[Tensor, Tensor]:
        rest = (negative_weight, positive_weight, shift, factor)
        if torch.compiler.is_compiling() or logits.device.type != "cpu" or logits.numel() <= _BLOCK:
            return _value_and_slope(focus, logits, target, *rest)
        value = slope = logits
        rows = max(1, _BLOCK * len(logits) // logits.numel())
        for start in range(0, len(logits), rows):
            block = slice(start, start + rows)
            # What has no rows is one number a class, or one for all.
            parts = (part if part is None or part.ndim != logits.ndim else part[block] for part in rest)
            found = _value_and_slope(focus, logits[block], target[block], *parts)
            if start == 0:
                value, slope = (part.new_empty(logits.shape) for part in found)
            value[block], slope[block] = found
        return value, slope

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        *tensors, ctx.focus = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*tensors, output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        *given, slope = ctx.saved_tensors
        if torch.is_grad_enabled():  # a gradient of the gradient, which the slope that was kept does not have
            slope = _value_and_slope(ctx.focus, *given)[1]
        return gradient * slope, *[None] * len(given)


def _value_and_slope(
    focus: Focus,
    logits: Tensor,
    target: Tensor,
    negative_weight: Tensor | None,
    positive_weight: Tensor | None,
    shift: Tensor | None,
    factor: Tensor | None,
) -> tuple[Tensor, Tensor]:
    if shift is not None:
        logits = logits - shift
    yes = _Side.of(logits)
    no = yes if focus.neg_scale == 1 else _Side.of(logits * focus.neg_scale)
    negative = _clipped(no, focus.negative, focus.clip) if focus.clip else _focused(no, focus.negative)
    if focus.neg_scale != 1:
        negative = negative[0] / focus.neg_scale, negative[1]
    positive = _focused(yes.opposite(), focus.positive)
    positive = positive[0], -positive[1]  # by the logit, not by its opposite
    value, slope = (
        torch.lerp(times(of_negative, negative_weight), times(of_positive, positive_weight), target)
        for of_negative, of_positive in zip(negative, positive, strict=True)
    )
    return times(value, factor), times(slope, factor)


class _Side(NamedTuple):
    """σ, 1 - σ, log(1 - σ) and log σ, each exact to its last digits however near to 0 it is."""

    yes: Tensor
    no: Tensor
    log_no: Tensor
    log_yes: Tensor

    @classmethod
    def of(cls, logits: Tensor) -> _Side:
        size = logits.abs()
        # log(1 + e^-|z|) by the fastest way: torch's softplus and logsigmoid take several times as long.
        rest = torch.log1p(-torch.sigmoid(-size))
        # Not clamp, whose derivative at 0 is not the 1/2 that it is here.
        log_no, log_yes = torch.add(rest, size + logits, alpha=-0.5), torch.add(rest, size - logits, alpha=-0.5)
        return cls(logits.sigmoid(), (-logits).sigmoid(), log_no, log_yes)

    def opposite(self) -> _Side:
        return _Side(self.no, self.yes, self.log_yes, self.log_no)


def _focused(side: _Side, gamma: float) -> tuple[Tensor, Tensor]:
    """Return what a negative costs, and its derivative by the logit."""
    if gamma == 0:
        return -side.log_no, side.yes
    missed = _power(side.yes, gamma)
    return missed * -side.log_no, missed * torch.addcmul(side.yes, side.no, side.log_no, value=-gamma)


def _clipped(side: _Side, gamma: float, clip: float) -> tuple[Tensor, Tensor]:
    """Return the same where probabilities up to ``clip`` are taken for 0."""
    above = (side.yes - clip).clamp_min(0)
    cost = -torch.log1p(-above)
    missed = _power(above, gamma) if gamma else above.sign()
    by_probability = gamma * cost / above.clamp_min(torch.finfo(above.dtype).tiny) + 1 / (1 - above)
    return missed * cost, missed * by_probability * side.yes * side.no


def _power(base: Tensor, exponent: float) -> Tensor:
    # torch squares as fast as it multiplies, and takes any other power by logarithms.
    if exponent > 2 and exponent % 2 == 0:
        return _power(base, exponent / 2).square()
    return base.pow(exponent)
