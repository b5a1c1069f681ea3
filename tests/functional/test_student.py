from __future__ import annotations

from statistics import NormalDist

import pytest
from scipy.stats import t

from lightning_imbalance.functional import student_quantile


@pytest.mark.parametrize("probability", [0.025, 0.4, 0.5, 0.6, 0.9, 0.975, 0.9999])
@pytest.mark.parametrize("freedom", [*range(1, 12), 100, 1001])
def test_it_equals_scipy(probability, freedom):
    assert student_quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom), rel=1e-9, abs=1e-9)


def test_with_much_freedom_it_is_the_normal_quantile():
    assert student_quantile(0.975, 100_000) == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 3), "`probability` must be between 0 and 1, got 1.0."),
        ((0.5, 0), "`freedom` must be at least 1, got 0."),
    ],
)
def test_a_mistake_is_named(arguments, message):
    with pytest.raises(ValueError) as error:
        student_quantile(*arguments)

    assert str(error.value) == message
