from __future__ import annotations

import copy
import math
import pickle
from decimal import Decimal, localcontext
from fractions import Fraction
from statistics import median

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.schemes import SCHEMES, EffectiveNumber, Power, Scheme

# CIFAR-10 made long-tailed 100 : 1; four decimals of each scheme's weights, computed apart from this package.
COUNTS = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
WEIGHTS = {
    "uniform": [1.0] * 10,
    "balanced": [0.2481, 0.4139, 0.6908, 1.1519, 1.9234, 3.2057, 5.3474, 8.9252, 14.9470, 24.8120],
    "complement": [0.5970, 0.7584, 0.8552, 0.9132, 0.9480, 0.9688, 0.9813, 0.9888, 0.9933, 0.9960],
    "log": [2.8346, 4.3036, 6.5564, 9.8537, 14.3848, 20.0292, 26.3362, 32.5443, 37.9646, 42.1121],
    "median_frequency": [0.1032, 0.1722, 0.2873, 0.4791, 0.8000, 1.3333, 2.2241, 3.7122, 6.2169, 10.3200],
    "effective_number": [0.1812, 0.1894, 0.2157, 0.2729, 0.3785, 0.5606, 0.8688, 1.3862, 2.2584, 3.6883],
}
EFFECTIVE = {
    0.9: [0.9995] * 8 + [0.9996, 1.0046],
    0.99: [0.7838, 0.7838, 0.7838, 0.7838, 0.7850, 0.8002, 0.8682, 1.0414, 1.3854, 1.9844],
    0.999: WEIGHTS["effective_number"],
    0.9999: [0.0506, 0.0769, 0.1211, 0.1950, 0.3188, 0.5246, 0.8683, 1.4426, 2.4092, 3.9927],
}
# Mean of the weights over the data, and largest by smallest weight.
OVER_DATA = {0.9: 0.9995, 0.99: 0.7977, 0.999: 0.2726, 0.9999: 0.1710}
SPREAD = {0.9: 1.01, 0.99: 2.53, 0.999: 20.36, 0.9999: 78.89}

SOME_COUNTS = st.lists(st.integers(1, 10**9), min_size=2, max_size=8)


def exact_effective_number(beta: float, count: int) -> Decimal:
    """(1 - β) / (1 - β^n) with forty more digits than a float has."""
    with localcontext() as context:
        context.prec = 60
        return (1 - Decimal(beta)) / (1 - Decimal(beta) ** count)


def plain_median_frequency(counts: list[int]) -> list[float]:
    return [float(Fraction(median(map(Fraction, counts))) / count) for count in counts]


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_a_long_tail_are_the_known_ones(name):
    weights = SCHEMES[name](ClassDistribution(COUNTS))

    assert weights.tolist() == pytest.approx(WEIGHTS[name], abs=5e-5)


@pytest.mark.parametrize("beta", EFFECTIVE)
def test_effective_numbers_of_a_long_tail_are_the_known_ones(beta):
    weights = EffectiveNumber(beta)(ClassDistribution(COUNTS))
    counts = torch.tensor(COUNTS)

    assert weights.tolist() == pytest.approx(EFFECTIVE[beta], abs=5e-5)
    assert float(weights.sum()) == pytest.approx(10, rel=1e-14)
    assert float(weights.max() / weights.min()) == pytest.approx(SPREAD[beta], abs=5e-3)
    assert float((counts * weights).sum() / counts.sum()) == pytest.approx(OVER_DATA[beta], abs=5e-5)


def test_inverse_square_roots_scaled_to_mean_one_are_the_known_ones():
    weights = SCHEMES["inverse_sqrt"](ClassDistribution(COUNTS))

    expected = [0.2445, 0.3158, 0.4080, 0.5269, 0.6808, 0.8789, 1.1352, 1.4666, 1.8979, 2.4453]
    assert (weights / weights.mean()).tolist() == pytest.approx(expected, abs=5e-5)


def test_balanced_weights_give_every_class_the_same_part_of_the_data():
    weights = SCHEMES["balanced"](ClassDistribution(COUNTS))

    assert (weights * torch.tensor(COUNTS)).tolist() == pytest.approx([1240.6] * 10, rel=1e-14)


def test_complement_weights_of_six_kinds_of_flowers_are_the_known_ones():
    # Whole numbers that give these six weights: found by search, the smallest such data set.
    weights = SCHEMES["complement"](ClassDistribution([781, 263, 63, 226, 252, 70]))

    assert [round(weight, 4) for weight in weights.tolist()] == [0.5281, 0.8411, 0.9619, 0.8634, 0.8477, 0.9577]
    assert float(weights.sum()) == pytest.approx(6 - 1, rel=1e-15)


@given(SOME_COUNTS)
def test_complement_weights_sum_to_one_less_than_the_classes(counts):
    assert float(SCHEMES["complement"](ClassDistribution(counts)).sum()) == pytest.approx(len(counts) - 1, rel=1e-12)


@given(SOME_COUNTS)
def test_the_median_is_the_mean_of_the_middle_two(counts):
    weights = SCHEMES["median_frequency"](ClassDistribution(counts))

    assert weights.tolist() == pytest.approx(plain_median_frequency(counts), rel=1e-14)


def test_the_median_leaves_absent_classes_out():
    weights = SCHEMES["median_frequency"](ClassDistribution([0, 10, 20, 0, 0]))

    assert weights[1:3].tolist() == [1.5, 0.75]


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.999, 0.9999, 0.9999999, 1 - 2**-52])
@pytest.mark.parametrize("count", [1, 2, 7, 5000, 10**9])
def test_effective_numbers_are_exact_for_one_sample_and_for_a_billion(beta, count):
    weights = EffectiveNumber(beta)(ClassDistribution([count, 1, 10**9]))

    exact = [exact_effective_number(beta, n) for n in (count, 1, 10**9)]
    expected = [float(3 * weight / sum(exact)) for weight in exact]
    assert weights.tolist() == pytest.approx(expected, rel=1e-13)


def test_effective_number_tends_to_inverse_and_to_uniform():
    distribution = ClassDistribution([60, 30, 10])
    inverse = SCHEMES["inverse"](distribution)

    assert torch.allclose(EffectiveNumber(1 - 1e-12)(distribution), 3 * inverse / inverse.sum(), rtol=1e-9)
    assert EffectiveNumber(0.0)(distribution).tolist() == [1, 1, 1]


@given(SOME_COUNTS, st.floats(0, 3))
def test_a_power_is_the_count_to_minus_the_exponent(counts, exponent):
    weights = Power(exponent)(ClassDistribution(counts))

    assert weights.tolist() == pytest.approx([count**-exponent for count in counts], rel=1e-12)


@given(SOME_COUNTS)
def test_logarithms_stay_between_their_bounds(counts):
    weights = SCHEMES["log"](ClassDistribution(counts))

    assert all(1.42 < weight < 50.6 for weight in weights.tolist())
    expected = [1 / math.log(1.02 + count / sum(counts)) for count in counts]
    assert weights.tolist() == pytest.approx(expected, rel=1e-13)


@given(st.sampled_from(sorted(SCHEMES)), SOME_COUNTS)
def test_every_scheme_gives_rarer_classes_at_least_as_much(name, counts):
    counts = sorted(counts)
    weights = SCHEMES[name](ClassDistribution(counts))

    assert weights.dtype == torch.float64
    assert bool((weights.diff() <= 1e-12 * weights[1:]).all())
    assert bool((weights > 0).all())


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_schemes_are_values_that_can_be_copied_and_pickled(scheme):
    for other in (pickle.loads(pickle.dumps(scheme)), copy.deepcopy(scheme)):  # noqa: S301  # its own bytes
        assert other == scheme
    assert isinstance(scheme, Scheme)


def test_parameters_are_in_the_repr():
    assert repr(EffectiveNumber(beta=0.9)) == "EffectiveNumber(beta=0.9)"
    assert repr(Power(exponent=0.5)) == "Power(exponent=0.5)"
    assert SCHEMES["inverse_sqrt"] == Power(0.5)


@pytest.mark.parametrize(("exponent", "shown"), [(-0.5, "-0.5"), (math.inf, "inf"), (math.nan, "nan")])
def test_an_exponent_that_favours_the_frequent_is_refused(exponent, shown):
    with pytest.raises(ValueError, match="exponent") as error:
        Power(exponent)

    assert str(error.value) == f"`exponent` must be a finite number from 0 on, got {shown}."


@pytest.mark.parametrize(("beta", "shown"), [(1, "1"), (1.5, "1.5"), (-0.1, "-0.1"), (math.nan, "nan")])
def test_a_beta_outside_its_range_is_refused(beta, shown):
    with pytest.raises(ValueError, match="beta") as error:
        EffectiveNumber(beta)

    assert str(error.value) == (
        f"`beta` must be at least 0 and below 1, got {shown}. Its limit at 1 is the scheme 'inverse'."
    )
