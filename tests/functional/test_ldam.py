from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import ldam
from lightning_imbalance.functional.ldam import ldam_margins

COUNTS = torch.tensor([90, 9, 1])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


def cosines(n: int) -> torch.Tensor:
    return 2 * torch.rand(n, 3, dtype=torch.float64) - 1


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_it_is_the_definition_in_plain_python(scale, plain_log_softmax, plain_mean):
    logits, target = scale * cosines(12), torch.arange(12) % 3
    target[5] = -1

    def value(z, y):
        margin = 0.4 * (1 / COUNTS[y].item()) ** 0.25
        return -plain_log_softmax([v - scale * margin * (c == y) for c, v in enumerate(z)])[y]

    loss = ldam(logits, target, COUNTS, WEIGHT, max_margin=0.4, scale=scale, ignore_index=-1)

    assert loss.item() == pytest.approx(plain_mean(value, logits, target, WEIGHT.tolist(), -1), rel=1e-9)


def test_on_scaled_cosines_it_is_the_authors_formula_on_cosines():
    cosine, target = cosines(6), torch.arange(6) % 3

    loss = ldam(30 * cosine, target, COUNTS, WEIGHT, scale=30.0)

    margins = 1 / COUNTS.double() ** 0.25
    margins = margins * (0.5 / margins.max())
    moved = cosine - F.one_hot(target, 3) * margins
    assert torch.allclose(loss, F.cross_entropy(30 * moved, target, WEIGHT), rtol=1e-5)


def test_the_margins_are_the_known_ones(long_tail):
    known = [0.1581, 0.1797, 0.2042, 0.2321, 0.2638, 0.2998, 0.3407, 0.3872, 0.4405, 0.5000]

    assert ldam_margins(torch.tensor(long_tail)).tolist() == pytest.approx(known, abs=1e-4)


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=20).filter(any))
def test_margins_lie_between_0_and_the_largest_and_fall_with_the_count(counts):
    margins = ldam_margins(torch.tensor(counts), 0.3, torch.float64)

    assert margins.max().item() == pytest.approx(0.3)
    assert bool((margins > 0).all())
    present = [(n, m) for n, m in zip(counts, margins.tolist(), strict=True) if n]
    # Two classes of one size may differ in the last bit, by where they stand in the vector.
    assert [m for _, m in sorted(present)] == pytest.approx(sorted((m for _, m in present), reverse=True))


def test_a_class_without_samples_has_the_margin_of_the_rarest():
    assert ldam_margins(torch.tensor([160, 10, 0])).tolist() == pytest.approx([0.25, 0.5, 0.5])


def test_an_ignored_index_that_is_a_class_is_ignored():
    logits, target = cosines(6), torch.arange(6) % 3

    loss = ldam(logits, target, COUNTS, ignore_index=2)

    assert torch.allclose(loss, ldam(logits[target < 2], target[target < 2], COUNTS))


def test_probabilities_are_refused():
    with pytest.raises(ValueError) as error:
        ldam(torch.zeros(2, 3), torch.full((2, 3), 1 / 3), COUNTS)

    assert str(error.value) == (
        "the targets of `ldam` must be class indices, since the margin belongs to one true class, got class "
        "probabilities. For a mixture of two samples, mix the losses of their two targets."
    )


def test_gradients_are_those_of_finite_differences():
    logits, target = torch.randn(5, 3, dtype=torch.float64, requires_grad=True), torch.arange(5) % 3

    assert torch.autograd.gradcheck(lambda z: ldam(z, target, COUNTS, WEIGHT, scale=3.0), logits)
