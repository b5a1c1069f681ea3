from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import hinge_discriminator, hinge_generator

SCORES = st.lists(st.floats(-5, 5), min_size=1, max_size=8)


@given(SCORES, SCORES, st.data())
def test_the_loss_is_that_of_plain_python(real, fake, data):
    weight = data.draw(st.lists(st.floats(0.1, 10), min_size=len(real), max_size=len(real)))
    missed = sum(w * max(0, 1 - score) for w, score in zip(weight, real, strict=True)) / sum(weight)
    believed = sum(max(0, 1 + score) for score in fake) / len(fake)

    loss = hinge_discriminator(*(torch.tensor(values, dtype=torch.float64) for values in (real, fake, weight)))

    assert loss.item() == pytest.approx(missed + believed)


def test_equal_weights_are_none():
    real, fake = torch.randn(5), torch.randn(3)

    torch.testing.assert_close(hinge_discriminator(real, fake, torch.full((5,), 7.0)), hinge_discriminator(real, fake))


def test_it_is_that_of_torchs_margin_loss():
    real, fake = torch.randn(5), torch.randn(5)
    reference = sum(
        torch.nn.HingeEmbeddingLoss(margin=1.0)(sign * scores, -torch.ones(5))
        for sign, scores in ((1, real), (-1, fake))
    )

    torch.testing.assert_close(hinge_discriminator(real, fake), reference)


def test_weights_of_zero_give_no_number_that_is_none():
    real = torch.randn(2, requires_grad=True)

    hinge_discriminator(real, torch.zeros(1), torch.zeros(2)).backward()

    assert real.grad.tolist() == [0, 0]


def test_the_generator_wants_high_scores_however_high_they_are():
    fake = torch.tensor([-3.0, 9.0], requires_grad=True)

    hinge_generator(fake).backward()

    assert fake.grad.tolist() == [-0.5, -0.5]
