from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional.ramp import check_ramp, ramped

RAMPS = ("linear", "cosine")


@pytest.mark.parametrize("ramp", RAMPS)
def test_a_ramp_goes_from_0_to_1(ramp):
    assert [ramped(passed, ramp) for passed in (0.0, 0.5, 1.0)] == pytest.approx([0, 0.5, 1], abs=1e-15)


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(RAMPS))
def test_a_ramp_never_falls_and_is_its_own_mirror(first, second, ramp):
    low, high = sorted((first, second))

    assert ramped(low, ramp) <= ramped(high, ramp)
    assert ramped(1 - low, ramp) == pytest.approx(1 - ramped(low, ramp), abs=1e-12)


def test_a_cosine_is_half_a_wave():
    assert ramped(1 / 3, "cosine") == pytest.approx((1 - math.cos(math.pi / 3)) / 2)
    assert ramped(1 / 3, "linear") == 1 / 3


def test_another_ramp_is_refused():
    with pytest.raises(ValueError) as error:
        check_ramp("quadratic")

    assert str(error.value) == "`ramp` must be 'linear' or 'cosine', got 'quadratic'."
