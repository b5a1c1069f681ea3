"""How often each class occurs where a model is used, from its predictions alone: nothing there is labelled."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor

from lightning_imbalance.functional.logits import squeeze_binary
from lightning_imbalance.prior.resolve import TOLERANCE, checked_prior

# Rows times resamples that are computed at once: a few temporaries of 16 MiB, whatever the number of resamples.
_CELLS = 2**21

_TINY = torch.finfo(torch.float64).tiny


@dataclass(frozen=True, eq=False)
class PriorEstimate:
    """The estimated share of each class, with its interval.

    Attributes:
        prior: The estimate, shape ``(C,)``, float64; ``binary``: negative, positive. Sums to 1.
        low: Lower ends of the intervals, shape ``(C,)``, float64; NaN where no interval was computed.
        high: Upper ends.
        iterations: Steps of the EM algorithm that the estimate took.

    Example:
        >>> share = torch.tensor([0.7, 0.3], dtype=torch.float64)
        >>> PriorEstimate(share, low=share - 0.1, high=share + 0.1, iterations=7)
        PriorEstimate(prior=[0.7, 0.3], low=[0.6, 0.2], high=[0.8, 0.4], iterations=7)
    """

    prior: Tensor
    low: Tensor
    high: Tensor
    iterations: int

    def __repr__(self) -> str:
        """Return the shares of the first ten classes with four digits."""
        fields = (("prior", self.prior), ("low", self.low), ("high", self.high))
        shown = ", ".join(f"{name}={_shortened(values)}" for name, values in fields)
        return f"PriorEstimate({shown}, iterations={self.iterations})"


def estimate(
    probabilities: Tensor,
    source_prior: Sequence[float] | Tensor,
    *,
    resamples: int = 199,
    confidence: float = 0.95,
    seed: int = 0,
    tolerance: float = 1e-10,
    max_iterations: int = 100_000,
) -> PriorEstimate:
    """Return the class prior that makes a model's predictions on unlabelled data most likely.

    The EM algorithm of Saerens, Latinne & Decaestecker 2002, section 2: adjust every prediction to the prior so far,
    average, repeat. It climbs the mean log likelihood, mean_n log Σ_c p_c·p_s(c | x_n) / p_s(c), which is concave, from
    the source prior to its maximum. Every third step is extrapolated (Varadhan & Roland 2008, scheme S3) and kept where
    the likelihood does not fall, since EM alone takes thousands of steps where classes overlap.

    It has converged once the mean log likelihood is proven to be at most ``tolerance`` below its maximum, by the bound
    log max_c Σ_n p_t(c | x_n) / (N·p_c) of Cover 1984. A rule on the change of the prior, as usual, stops early where
    the steps are short.

    The probabilities must be right for ``source_prior``, and p(x | class) the same as in training: a model that is
    overconfident gives a wrong prior. The interval is a percentile bootstrap over the samples (Efron & Tibshirani 1993,
    chapter 13): it knows how few there are, not how wrong the model is.

    Args:
        probabilities: The model's predictions, one row a sample: ``(N, C)``, or the positive class's alone, ``(N,)``
            or ``(N, 1)``, N at least the number of classes. Rows sum to 1 within 0.005. Moved to the CPU, float64.
        source_prior: The class prior for which they are right, ``(C,)``, or two entries, negative then positive, each
            above 0; sums to 1 within 0.005. That of the training data, or :func:`effective_prior` after weighting.
        resamples: Bootstrap samples, 0 for no interval. 199 of 10,000 samples of ten classes take seconds.
        confidence: Coverage of each class's interval, between 0 and 1.
        seed: Seed of the bootstrap, which has a random generator of its own.
        tolerance: How far the mean log likelihood may be below its maximum, from 1e-12 on.
        max_iterations: EM steps after which a warning says that it has not converged.

    Returns:
        The estimate; its interval is widened to hold it where the percentiles do not.

    Raises:
        TypeError: ``source_prior`` are no numbers.
        ValueError: A row is no probability distribution, there are fewer rows than classes, ``source_prior`` does not
            fit or has a 0, or an option is out of its range.

    Warns:
        UserWarning: The estimate, or a bootstrap sample's, did not converge in ``max_iterations`` steps.

    Example:
        A model that learned from as many ill as healthy patients is asked about 1,000 others:

        >>> probabilities = torch.tensor([0.05] * 800 + [0.5] * 60 + [0.95] * 140)
        >>> estimate(probabilities, source_prior=[0.5, 0.5])
        PriorEstimate(prior=[0.8901, 0.1099], low=[0.8648, 0.08393], high=[0.9161, 0.1352], iterations=10)
    """
    rows = _checked_rows(probabilities)
    num_rows, num_classes = rows.shape
    source = checked_prior(source_prior, "`source_prior`", range(num_classes))
    if not source.all():
        msg = (
            "`source_prior` must be above 0 for each class, "
            f"got 0 for class {int((source == 0).int().argmax())}. Leave out the column of a class that the model "
            "cannot know."
        )
        raise ValueError(msg)
    rank = _rank(resamples, confidence)
    _check_stopping(tolerance, max_iterations)
    likelihood = rows / source
    even = torch.full((num_rows, 1), 1 / num_rows, dtype=torch.float64)
    prior, gap, iterations = _climb(likelihood, even, source, tolerance, max_iterations)
    resampled, gaps = _bootstrap(likelihood, source, resamples, seed, tolerance, max_iterations)
    _warn_of_gaps(gap, gaps, max_iterations)
    prior = prior[:, 0]
    if rank:
        ordered = resampled.sort(1).values
        low, high = ordered[:, rank - 1].minimum(prior), ordered[:, -rank].maximum(prior)
    else:
        low, high = torch.full((2, num_classes), torch.nan, dtype=torch.float64)
    return PriorEstimate(prior, low, high, iterations)


def _checked_rows(probabilities: Tensor) -> Tensor:
    rows = squeeze_binary(probabilities).detach().cpu().double()
    if rows.ndim == 1:
        rows = torch.stack([1 - rows, rows], 1)
    if rows.ndim != 2:
        msg = (
            "`probabilities` must have shape (N, C), or (N,) for the positive class alone, "
            f"got {tuple(probabilities.shape)}."
        )
        raise ValueError(msg)
    if len(rows) < rows.shape[1]:
        msg = f"`probabilities` must have at least as many rows as classes, {rows.shape[1]}, got {len(rows)}."
        raise ValueError(msg)
    bad = ~((rows >= 0).all(1) & ((rows.sum(1) - 1).abs() <= TOLERANCE))  # in this form for NaN
    if bad.any():
        index = int(bad.int().argmax())
        msg = (
            "`probabilities` must be from 0 to 1, and sum to 1 over the classes, "
            f"got {_shortened(probabilities[index])} in row {index}. Take the softmax (sigmoid) of logits first."
        )
        raise ValueError(msg)
    return rows


def _rank(resamples: int, confidence: float) -> int:
    """The place of the bounds among the sorted resamples, from either end; 0 where there is to be no interval."""
    if not isinstance(resamples, Integral) or resamples < 0:
        msg = f"`resamples` must be an integer from 0 on, got {resamples!r}."
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"`confidence` must be between 0 and 1, got {confidence}."
        raise ValueError(msg)
    # Rounded, since 200 * (1 - 0.9) / 2 is not quite 10.
    rank = math.floor(round((resamples + 1) * (1 - confidence) / 2, 9))
    if resamples and not rank:
        least = math.ceil(round(2 / (1 - confidence), 9)) - 1
        msg = (
            f"`resamples` must be at least {least:,} for a confidence of {confidence}, or 0 for no interval, "
            f"got {resamples}."
        )
        raise ValueError(msg)
    return rank if resamples else 0


def _check_stopping(tolerance: float, max_iterations: int) -> None:
    # Below, rounding alone decides when it stops.
    if not 1e-12 <= tolerance < math.inf:
        msg = f"`tolerance` must be a finite number from 1e-12 on, got {tolerance}."
        raise ValueError(msg)
    if not isinstance(max_iterations, Integral) or max_iterations < 1:
        msg = f"`max_iterations` must be an integer from 1 on, got {max_iterations!r}."
        raise ValueError(msg)


def _bootstrap(
    likelihood: Tensor, source: Tensor, resamples: int, seed: int, tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor]:
    """The estimates of resampled rows, ``(C, resamples)``, and how far each may be from its maximum."""
    generator = torch.Generator().manual_seed(seed)
    num_rows = len(likelihood)
    at_once = max(1, _CELLS // num_rows)
    priors, gaps = [torch.empty(len(source), 0, dtype=torch.float64)], [torch.empty(0, dtype=torch.float64)]
    for start in range(0, resamples, at_once):
        drawn = torch.randint(num_rows, (min(at_once, resamples - start), num_rows), generator=generator)
        # How often a row was drawn says as much as the drawn rows, and takes no copy of them.
        share = torch.full(drawn.shape, 1 / num_rows, dtype=torch.float64)
        weights = torch.zeros_like(share).scatter_add_(1, drawn, share).T.contiguous()
        prior, gap, _ = _climb(likelihood, weights, source, tolerance, max_iterations)
        priors.append(prior)
        gaps.append(gap)
    return torch.cat(priors, 1), torch.cat(gaps)


def _climb(
    likelihood: Tensor, weights: Tensor, start: Tensor, tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor, int]:
    """Maximise Σ_n w_nb·log Σ_c L_nc·p_cb for every column b of the weights by itself.

    Returns:
        The priors ``(C, B)``; where one has not converged the bound on what its likelihood lacks, else 0, ``(B,)``;
        the EM steps.
    """
    prior = start[:, None].expand(-1, weights.shape[1])
    found = prior.clone()
    gap = torch.zeros(weights.shape[1], dtype=torch.float64)
    going = torch.arange(weights.shape[1])
    steps = 0
    while True:
        factor, _ = _look(likelihood, weights, prior)
        lacking = factor.amax(0).log()
        found[:, going] = prior
        left = lacking > tolerance
        if not left.all():
            going, prior, factor, lacking, weights = (
                going[left],
                prior[:, left],
                factor[:, left],
                lacking[left],
                weights[:, left],
            )
        if not len(going) or steps >= max_iterations:
            gap[going] = lacking
            return found, gap, steps
        prior = _step(likelihood, weights, prior, factor)
        steps += 2


def _look(likelihood: Tensor, weights: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    """The factor by which EM multiplies each share, which is the gradient of the log likelihood, and the latter."""
    # A row that was not drawn may be impossible: its weight of 0 must not become 0/0.
    mixture = (likelihood @ prior).clamp_min(_TINY)
    return likelihood.T @ (weights / mixture), (weights * mixture.log()).sum(0)


def _step(likelihood: Tensor, weights: Tensor, prior: Tensor, factor: Tensor) -> Tensor:
    """Two steps of EM, and the extrapolation from them where it is a prior and at least as likely as the first step."""
    once = prior * factor
    factor, reached = _look(likelihood, weights, once)
    twice = once * factor
    change = once - prior
    bend = twice - once - change
    stride = (change.norm(dim=0) / bend.norm(dim=0).clamp_min(_TINY)).clamp(1, 1e8)
    ahead = prior + 2 * stride * change + stride**2 * bend
    # A share that falls towards 0 is often overtaken: half as far, and half of that, still saves most of the steps.
    for _ in range(3):
        stride = torch.where(((ahead <= 0) & (twice > 0)).any(0), (1 + stride) / 2, stride)
        ahead = prior + 2 * stride * change + stride**2 * bend
    # EM never leaves a share of 0, and comes to one only where there is nothing of the class.
    ahead = torch.where(twice == 0, 0, ahead)
    inside = ((ahead > 0) | (twice == 0)).all(0)
    ahead = torch.where(inside, ahead / ahead.sum(0), twice)
    _, there = _look(likelihood, weights, ahead)
    return torch.where(there >= reached, ahead, twice)


def _warn_of_gaps(gap: Tensor, gaps: Tensor, max_iterations: int) -> None:
    missed = int(gaps.count_nonzero())
    if gap.any():
        what = "the estimate"
    elif missed:
        what = f"the estimate of {missed:,} of {len(gaps):,} bootstrap samples"
    else:
        return
    worst = torch.cat([gap, gaps]).max().item()
    warnings.warn(
        f"{what} did not converge in {max_iterations:,} iterations: its mean log likelihood may be {worst:.1e} below "
        "the maximum. Pass a larger `max_iterations`, or a larger `tolerance` if that is near enough.",
        stacklevel=3,
    )


def _shortened(values: Tensor) -> str:
    flat = values.flatten()
    shown = [f"{value:.4g}" for value in flat[:10].tolist()]
    return f"[{', '.join(shown + ['...'] * (len(flat) > 10))}]"
