from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import remix_label_share

SHARES = st.floats(0, 1)
COUNTS = st.integers(1, 1000)
KAPPAS = st.floats(1, 50)
TAUS = st.floats(0, 1)


def slowly(share: float, n_i: int, n_j: int, kappa: float, tau: float) -> float:
    """The paper's rule, word for word."""
    if n_i / n_j >= kappa and share < tau:
        return 0.0
    if n_i / n_j <= 1 / kappa and 1 - share < tau:
        return 1.0
    return share


@given(SHARES, st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=8), st.integers(1, 9), TAUS)
def test_it_is_the_papers_rule_for_each_pair(share, pairs, kappa, tau):
    first, second = (torch.tensor(counts) for counts in zip(*pairs, strict=True))

    shares = remix_label_share(share, first, second, kappa=kappa, tau=tau)

    # 1 / κ is rounded in the paper's form: pairs that meet it exactly are judged in whole numbers.
    expected = [
        1.0 if n_j == kappa * n_i and 1 - share < tau and not (n_i >= kappa * n_j and share < tau)
        else slowly(share, n_i, n_j, kappa, tau)
        for n_i, n_j in pairs
    ]  # fmt: skip
    assert shares.tolist() == expected


@given(SHARES, COUNTS, COUNTS, st.floats(1.01, 50), TAUS)
def test_exchanging_the_two_exchanges_their_shares(share, n_i, n_j, kappa, tau):
    first, second = torch.tensor([n_i]), torch.tensor([n_j])

    one = remix_label_share(share, first, second, kappa=kappa, tau=tau)
    other = remix_label_share(1 - share, second, first, kappa=kappa, tau=tau)

    if 1 - (1 - share) == share:  # where floating point can take one from one and back
        torch.testing.assert_close(one, 1 - other, rtol=0, atol=1e-15)


@given(SHARES, COUNTS, COUNTS, KAPPAS)
def test_a_tau_of_0_is_mixup(share, n_i, n_j, kappa):
    shares = remix_label_share(share, torch.tensor([n_i]), torch.tensor([n_j]), kappa=kappa, tau=0)

    assert shares.tolist() == [share]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.2, [0.0, 0.2, 0.2, 0.0]), (0.5, [0.5, 0.5, 0.5, 0.5]), (0.8, [0.8, 1.0, 0.8, 0.8])],
)
def test_the_papers_defaults(share, expected):
    # 100 to 10, 10 to 100, equal, and exactly three times as many.
    first, second = torch.tensor([100, 10, 50, 30]), torch.tensor([10, 100, 50, 10])

    assert remix_label_share(share, first, second).tolist() == expected


def test_shares_stay_on_the_device_and_are_never_read():
    counts = torch.zeros(4, dtype=torch.int64, device="meta")

    assert remix_label_share(0.3, counts, counts).device.type == "meta"
