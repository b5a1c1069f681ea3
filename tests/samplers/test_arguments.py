from __future__ import annotations

import numpy as np
import pytest

from lightning_imbalance.samplers.arguments import checked_flag, checked_integer, checked_seed


def test_what_fits_comes_back_as_pythons_own():
    assert checked_flag("drop_last", value=False) is False
    assert checked_seed(-(2**63)) == -(2**63)
    assert type(checked_integer("end", np.uint8(3), 0)) is int


@pytest.mark.parametrize(
    ("check", "kind", "message"),
    [
        (lambda: checked_flag("drop_last", None), TypeError, "`drop_last` must be True or False, got None."),
        (lambda: checked_integer("m", "2"), TypeError, "`m` must be an integer from 1 on, got '2'."),
        (lambda: checked_integer("m", 0), ValueError, "`m` must be an integer from 1 on, got 0."),
        (lambda: checked_integer("end", False, 0), TypeError, "`end` must be an integer from 0 on, got False."),
        (lambda: checked_seed(None), TypeError, "`seed` must be an integer, got None."),
        (
            lambda: checked_seed(-(2**63) - 1),
            ValueError,
            f"`seed` must be an integer of at most 64 bits, got {-(2**63) - 1}.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(check, kind, message):
    with pytest.raises(kind) as error:
        check()

    assert str(error.value) == message
