"""Intervals of several differences that hold all at once, for samples and for seeds."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor

from lightning_imbalance.functional.paired import PairedDifference
from lightning_imbalance.functional.student import student_quantile

_DRAWS = 20_000


def simultaneous_intervals(
    per_run: Tensor,
    covariance: Tensor,
    *,
    centre: Tensor | None = None,
    retrained: Tensor | None = None,
    confidence: float = 0.95,
) -> tuple[PairedDifference, ...]:
    r"""Return K differences to one baseline with intervals that all hold together.

    The difference of model k is the mean of its R differences, paired by seed. Two things leave it open. The *samples*:
    their variance :math:`V_k` is what the runs of k have in common in their block of ``covariance``. The *seeds*, with
    what chance does in each run alone: with 3 runs a variance of these 3 differences is known so badly that its
    interval is 3 times as wide as need be, so that what the K + 1 models have in common is used, as in Dunnett's
    comparison with a control (Dunnett 1955). The residual variance s² of the table of models and seeds, with K(R - 1)
    degrees of freedom f, gives :math:`W_k = 2 s^2 / R`; where a model's own variance is larger, that one is taken. A
    model that was not trained again, but changes what the baseline's networks predict, shares their seeds, and may be
    surer than the others: it has its own variance with R - 1 degrees of freedom where that makes the narrower interval.

    The half-width is :math:`\sqrt{z^2 V_k + t_f^2 W_k}`: the two half-widths, each with its own quantile, added in
    squares (as Zou & Donner 2008 recover the interval of a sum). One Student quantile with Satterthwaite's degrees of
    freedom, for the sum of both variances, was wrong in 8 % in place of 5 % of simulated comparisons of two models with
    3 seeds.

    The quantiles are those of a level :math:`\alpha'` for which the smallest of the K p-values is below it with
    probability 1 - ``confidence`` (single-step min-p of Westfall & Young 1993, section 2.3, for the multivariate normal
    of Hothorn, Bretz & Westfall 2008): between Bonferroni's and the uncorrected one, the closer to that the more the
    models agree. Only the samples' correlation is used. That of seeds would be an estimate from R numbers; they are
    taken for independent, which makes the intervals wider.

    Args:
        per_run: Differences of the figure, shape ``(K, R)``, R from 2 on.
        covariance: Their covariance over other samples, shape ``(K, R, K, R)``.
        centre: Middle of each interval, shape ``(K,)``; by default the mean over the runs.
        retrained: Which models were trained again, shape ``(K,)``, bool; by default all.
        confidence: Probability that all K intervals hold, between 0 and 1.

    Returns:
        One difference a model; it lies inside its interval.

    Raises:
        ValueError: A shape does not fit, there is one run, or ``confidence`` is not between 0 and 1.

    Example:
        >>> per_run = torch.tensor([[0.10, 0.11, 0.12], [0.01, -0.02, 0.02]]).double()
        >>> covariance = 1e-4 * torch.ones(3, 3).kron(torch.eye(2)).view(3, 2, 3, 2).permute(1, 0, 3, 2)
        >>> better, same = simultaneous_intervals(per_run, covariance)
        >>> better.shown, same.shown
        (True, False)
    """
    models, runs = per_run.shape if per_run.ndim == 2 else (0, 0)
    if runs < 2 or covariance.shape != (models, runs, models, runs):
        msg = (
            "the differences must have shape (K, R) with R runs, 2 or more, and their covariance (K, R, K, R), got "
            f"{tuple(per_run.shape)} and {tuple(covariance.shape)}."
        )
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"`confidence` must be between 0 and 1, got {confidence}."
        raise ValueError(msg)
    per_run, covariance = per_run.double(), covariance.double()
    retrained = torch.ones(models, dtype=torch.bool) if retrained is None else retrained
    difference = per_run.mean(1)
    centre = difference if centre is None else centre
    of_means = covariance.mean((1, 3))
    own_blocks = covariance[range(models), :, range(models)]
    between = (own_blocks.diagonal(dim1=1, dim2=2).mean(1) - of_means.diagonal()) / (runs - 1)
    of_samples = (of_means.diagonal() - between).clamp_min(0)
    own, shared = per_run.var(1), _shared_variance(per_run[retrained])
    common = torch.maximum(own, shared)
    level = _common_level(of_means, common / runs, 1 - confidence)
    z = NormalDist().inv_cdf(1 - level / 2)
    alone, together = (
        variance * student_quantile(1 - level / 2, freedom) ** 2 / runs
        for variance, freedom in ((own, runs - 1), (common, max(int(retrained.sum()), 1) * (runs - 1)))
    )
    half = (z**2 * of_samples + torch.where(retrained, together, torch.minimum(alone, together))).sqrt()
    low, high = torch.minimum(centre - half, difference), torch.maximum(centre + half, difference)
    rows = zip(difference.tolist(), low.tolist(), high.tolist(), strict=True)
    return tuple(PairedDifference(*row) for row in rows)


def _shared_variance(per_run: Tensor) -> Tensor:
    """Return the variance of a difference in one run that the models which were trained again have in common."""
    models, runs = per_run.shape
    # The baseline differs from itself by 0. What all models of a seed have in common falls out with the column means.
    table = torch.cat([per_run.new_zeros(1, runs), per_run])
    residual = table - table.mean(0) - table.mean(1, keepdim=True) + table.mean()
    return 2 * residual.square().sum() / max(models * (runs - 1), 1)


def _common_level(of_means: Tensor, of_seeds: Tensor, error: float) -> float:
    """Return the level of each interval for which all hold with probability 1 - ``error``."""
    models = len(of_means)
    total = of_means.diagonal() + of_seeds
    moved = total > 0
    if models == 1 or not bool(moved.any()):
        return error
    scale = total[moved].rsqrt()
    correlation = (of_means + of_seeds.diag())[moved][:, moved] * scale[:, None] * scale
    # Eigenvalues, since models that predict the same make a matrix without a Cholesky factor.
    values, vectors = torch.linalg.eigh(correlation)
    root = vectors * values.clamp_min(0).sqrt()
    # A generator of its own: the same runs always get the same intervals, and torch's global one is left alone.
    normal = torch.randn(_DRAWS, len(root), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    largest = (normal @ root.T).abs().amax(1)
    smallest = torch.erfc(largest / 2**0.5).quantile(error).item()
    # The quantile of draws may fall outside of what no correlation can lead to.
    return min(max(smallest, error / models), error)
