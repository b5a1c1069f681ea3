from __future__ import annotations

import math

import pytest

from lightning_imbalance.losses.parameters import not_negative, positive, share


@pytest.mark.parametrize(
    ("check", "kept", "refused", "wanted"),
    [
        (not_negative, [0, 0.0, 1e-9, 7], [-1e-9, math.inf, math.nan, "1", None, True], "a finite number from 0 on"),
        (positive, [1e-9, 7], [0, -1, math.inf, math.nan, "1", None, True], "a finite number above 0"),
        (share, [0, 0.5, 1], [-0.1, 1.1, math.nan, "0.5", None, False], "between 0 and 1"),
    ],
)
def test_numbers_in_range_are_kept_and_others_refused(check, kept, refused, wanted):
    assert [check("x", value) for value in kept] == kept
    for value in refused:
        with pytest.raises(ValueError) as error:
            check("x", value)
        assert str(error.value) == f"`x` must be {wanted}, got {value!r}."
