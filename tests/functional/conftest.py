"""The definitions that a loss is compared with, in plain Python and one sample after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest


@pytest.fixture(scope="session")
def plain_log_softmax() -> Callable[[Sequence[float]], list[float]]:
    def log_softmax(z):
        top = max(z)
        log_sum = top + math.log(sum(math.exp(v - top) for v in z))
        return [v - log_sum for v in z]

    return log_softmax


@pytest.fixture(scope="session")
def plain_mean() -> Callable[..., float]:
    """Σ w·ℓ / Σ w over the targets that are not ignored; ``value(z, y)`` is ℓ."""

    def mean(value, logits, target, weight, ignore_index=None):
        rows = [(z, y) for z, y in zip(logits.tolist(), target.tolist(), strict=True) if y != ignore_index]
        return sum(weight[y] * value(z, y) for z, y in rows) / sum(weight[y] for _, y in rows)

    return mean


@pytest.fixture(scope="session")
def plain_binary_mean() -> Callable[..., float]:
    """The same for 0 and 1: ``value(p, y)`` of a probability, ``weight(label)`` the pair of its negatives and positives."""

    def mean(value, logits, target, weight):
        pairs = [
            (1 / (1 + math.exp(-z)), y, weight(label)[y])
            for row, truths in zip(logits.tolist(), target.tolist(), strict=True)
            for label, (z, y) in enumerate(zip(row, truths, strict=True))
        ]
        return sum(w * value(p, y) for p, y, w in pairs) / sum(w for *_, w in pairs)

    return mean


@pytest.fixture(scope="session")
def long_tail() -> list[int]:
    """CIFAR-10-LT's counts at imbalance 100."""
    return [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
