"""Distances between samples: whether generated ones are copies of training samples, and whether they differ."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 1024


def nearest_distances(samples: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest reference sample of each sample, by Euclidean distance.

    Args:
        samples: Shape ``(N, ...)``.
        reference: Shape ``(M, ...)`` with M above 0, the same behind it.

    Returns:
        The distances, shape ``(N,)``, float32 or float64 as the samples, and the indices into ``reference``, int64.
        Memory grows with M, not with N·M.

    Raises:
        ValueError: There is no reference sample, or the shapes differ.

    Example:
        >>> nearest_distances(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [4.5]]))
        (tensor([1.0000, 0.5000]), tensor([0, 1]))
    """
    if samples.shape[1:] != reference.shape[1:] or len(reference) == 0:
        msg = (
            "`reference` must hold at least one sample of the shape of the others, "
            f"got shapes {tuple(samples.shape)} and {tuple(reference.shape)}."
        )
        raise ValueError(msg)
    reference = reference.flatten(1)
    found = [_exact(chunk, reference).min(1) for chunk in torch.split(samples.flatten(1), _CHUNK)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def mean_distance(samples: Tensor) -> Tensor:
    """Return the mean Euclidean distance of two different samples: how much a class varies.

    Args:
        samples: Shape ``(N, ...)``.

    Returns:
        Shape ``()``; NaN for fewer than two samples.

    Example:
        >>> mean_distance(torch.tensor([[0.0], [1.0], [3.0]]))
        tensor(2.)
    """
    flat = samples.flatten(1)
    total = torch.stack([_exact(chunk, flat).sum() for chunk in torch.split(flat, _CHUNK)]).sum()
    return total / (len(flat) * (len(flat) - 1))


def share_closer(first: Tensor, second: Tensor) -> Tensor:
    """Return how often one of the first distances is smaller than one of the second, over all pairs; ties count half.

    This is the statistic U of Mann & Whitney over the number of pairs. With distances of generated samples to their
    nearest training sample as the first, and those of held-out real samples as the second, it tells copies from new
    samples (Meehan, Chaudhuri & Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models",
    section 3.1): 0.5 where both lie equally far from the training data, 1 where every generated sample lies closer.

    Args:
        first: Distances, shape ``(N,)``.
        second: Distances, shape ``(M,)``.

    Returns:
        Shape ``()``, float64, from 0 to 1; NaN where one of both is empty.

    Example:
        >>> share_closer(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 2.0]))
        tensor(0.6250, dtype=torch.float64)
    """
    ordered = second.sort().values
    below, upto = (torch.searchsorted(ordered, first, right=right) for right in (False, True))
    larger = (len(ordered) - (below + upto).double() / 2).sum()
    return larger / (len(first) * len(second))


def _exact(samples: Tensor, reference: Tensor) -> Tensor:
    # The faster way through a matrix product gives a copy a distance of 1e-3.
    return torch.cdist(samples, reference, compute_mode="donot_use_mm_for_euclid_dist")
