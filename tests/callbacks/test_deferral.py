from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.callbacks.deferral import Deferral, mixed

FROM_THE_BEGINNING = "Pass `start_epoch` for an epoch; for weights from the beginning pass `weighting`."


def test_the_epochs_are_those_of_the_authors_code():
    deferral = Deferral(start=0.8)

    assert [deferral.mixture(epoch, 200) for epoch in range(200)] == [min(epoch // 160, 1) for epoch in range(200)]
    assert Deferral(start_epoch=160) != deferral == Deferral(start=0.8)


def test_the_start_is_four_fifths_unless_told_otherwise():
    assert Deferral().first_epoch(200) == 160


@pytest.mark.parametrize(
    ("start", "epochs", "first"), [(0.57, 100, 57), (0.8, 7, 5), (0.8, 1, 0), (0.999, 3, 2), (1 / 3, 3, 1)]
)
def test_a_share_is_reached_within_an_epoch_and_rounding_does_not_move_it(start, epochs, first):
    assert Deferral(start=start).first_epoch(epochs) == first


@pytest.mark.parametrize(
    ("ramp", "shares"),
    [("linear", [0.25, 0.5, 0.75]), ("cosine", [(1 - math.sqrt(0.5)) / 2, 0.5, (1 + math.sqrt(0.5)) / 2])],
)
def test_a_ramp_has_epochs_between_both(ramp, shares):
    deferral = Deferral(start_epoch=2, ramp=ramp, ramp_epochs=3)

    assert [deferral.mixture(epoch) for epoch in range(7)] == pytest.approx([0, 0, *shares, 1, 1])


@given(st.integers(1, 300), st.floats(0.001, 0.999), st.sampled_from(["linear", "cosine"]), st.integers(1, 50))
def test_shares_never_fall_and_stay_between_0_and_1(epochs, start, ramp, ramp_epochs):
    for deferral in (Deferral(start=start), Deferral(start=start, ramp=ramp, ramp_epochs=ramp_epochs)):
        shares = [deferral.mixture(epoch, epochs) for epoch in range(epochs + ramp_epochs + 1)]

        assert shares == sorted(shares)
        assert shares[0] >= 0
        assert shares[-1] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"start": 0.8, "start_epoch": 160},
            "`start` must be left out with `start_epoch`, got start=0.8 and start_epoch=160.",
        ),
        *[
            (
                {"start": start},
                f"`start` must be a share of the epochs, above 0 and below 1, got {start!r}. {FROM_THE_BEGINNING}",
            )
            for start in (0, 1.0, 160, -0.1, math.nan, "0.8")
        ],
        (
            {"start_epoch": 0},
            "`start_epoch` must be an integer from 1 on, got 0. For weights from the beginning pass `weighting`.",
        ),
        ({"start_epoch": 1.5}, "`start_epoch` must be an integer from 1 on, got 1.5."),
        (
            {"start_epoch": -1, "ramp": "linear", "ramp_epochs": 3},
            "`start_epoch` must be an integer from 0 on, got -1.",
        ),
        ({"ramp": "square"}, "`ramp` must be None, 'linear' or 'cosine', got 'square'."),
        ({"ramp_epochs": 3}, "`ramp_epochs` must come with `ramp`, 'linear' or 'cosine', got 3 without it."),
        ({"ramp": "linear"}, "`ramp_epochs` must be an integer from 1 on for ramp='linear', got None."),
        (
            {"ramp": "cosine", "ramp_epochs": 0},
            "`ramp_epochs` must be an integer from 1 on for ramp='cosine', got 0.",
        ),
    ],
)
def test_what_cannot_work_is_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        Deferral(**arguments)

    assert str(error.value) == message


def test_a_share_needs_a_number_of_epochs():
    with pytest.raises(ValueError) as error:
        Deferral().mixture(3)

    assert str(error.value) == (
        "`start` must be a share of the Trainer's `max_epochs`, got start=0.8 and max_epochs=-1. Pass "
        "`start_epoch=...`, or `Trainer(max_epochs=...)`."
    )


@pytest.mark.parametrize(
    ("deferral", "got"),
    [
        (Deferral(start_epoch=10), "start_epoch=10"),
        (Deferral(start=0.8, ramp="linear", ramp_epochs=2), "a ramp of 2 epochs from epoch 8 on"),
    ],
)
def test_a_fit_that_ends_before_is_refused(deferral, got):
    deferral.check_reached(11)
    with pytest.raises(ValueError) as error:
        deferral.check_reached(10)

    assert str(error.value) == (f"the scheme's weights must be in force before the fit ends, at epoch 10, got {got}.")


def test_an_epoch_needs_no_end():
    Deferral(start_epoch=160).check_reached(-1)


COUNTS = st.lists(st.integers(1, 1000), min_size=2, max_size=6)


@given(COUNTS, st.floats(0, 1), st.floats(0.01, 100))
def test_in_between_each_share_of_the_loss_goes_straight_from_one_to_the_other(counts, mixture, scale):
    distribution = ClassDistribution(counts)
    before = torch.ones(len(counts))
    after = scale / torch.tensor(counts).float()

    def shares(weights):
        part = weights.double() * distribution.counts
        return part / part.sum()

    expected = (1 - mixture) * shares(before) + mixture * shares(after)
    torch.testing.assert_close(shares(mixed(before, after, mixture, distribution)), expected, rtol=1e-5, atol=1e-7)


def test_at_both_ends_the_bits_are_those_given():
    before, after, distribution = torch.rand(3), torch.rand(3), ClassDistribution([5, 2, 1])

    assert mixed(before, after, 0.0, distribution) is before
    assert mixed(before, after, 1.0, distribution) is after


def test_a_pos_weight_is_mixed_as_it_is():
    distribution = ClassDistribution([5, 2], task="multilabel", num_samples=10)

    assert mixed(torch.ones(2), torch.tensor([3.0, 5.0]), 0.5, distribution).tolist() == [2.0, 3.0]
