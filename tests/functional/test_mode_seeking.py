from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import mode_seeking_ratio


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_the_ratio_is_that_of_plain_python(samples, noise_size, seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, samples, 2, 3, generator=generator, dtype=torch.float64)
    z1, z2 = torch.randn(2, samples, noise_size, generator=generator, dtype=torch.float64)
    by_hand = 0.0
    for i in range(samples):
        apart = [abs(a - b) for a, b in zip(first[i].flatten().tolist(), second[i].flatten().tolist(), strict=True)]
        noise = [abs(a - b) for a, b in zip(z1[i].tolist(), z2[i].tolist(), strict=True)]
        by_hand += (sum(apart) / len(apart)) / (sum(noise) / len(noise)) / samples

    assert mode_seeking_ratio(first, second, z1, z2).item() == pytest.approx(by_hand)


def test_a_generator_that_ignores_its_noise_has_none():
    same = torch.ones(3, 4)

    assert mode_seeking_ratio(same, same, *torch.randn(2, 3, 2)).item() == 0


def test_equal_noise_gives_no_infinite_gradient():
    first = torch.ones(1, 2, requires_grad=True)
    noise = torch.zeros(1, 2)

    mode_seeking_ratio(first, torch.zeros(1, 2), noise, noise).backward()

    assert first.grad.isfinite().all()
