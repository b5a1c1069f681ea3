from __future__ import annotations

import pytest
import torch

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional.class_counts import log_priors, without_zeros


@pytest.mark.parametrize(
    ("values", "expected"),
    [([5.0, 0.0, 2.0], [5, 2, 2]), ([1.0, 2.0], [1, 2]), ([0.0, 0.0], [1, 1]), ([0.0, 0.25], [0.25, 0.25])],
)
def test_a_zero_becomes_the_smallest_positive_value(values, expected):
    assert without_zeros(torch.tensor(values)).tolist() == expected


def test_log_priors_are_the_distributions(long_tail):
    ours = log_priors(torch.tensor(long_tail), torch.float64)

    assert torch.allclose(ours, ClassDistribution(long_tail).log_priors)


def test_an_absent_class_has_the_prior_of_the_rarest():
    assert log_priors(torch.tensor([90, 10, 0])).exp().tolist() == pytest.approx([0.9, 0.1, 0.1])
