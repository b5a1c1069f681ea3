from __future__ import annotations

import math

import pytest
import torch

from lightning_imbalance.functional import equalization, weighted_cross_entropy
from lightning_imbalance.functional.equalization import tail_classes

COUNTS = torch.tensor([85, 10, 5])
WEIGHT = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)


def draws(n: int) -> torch.Tensor:
    return torch.rand(n, 3) < 0.6


def test_it_is_the_definition_in_plain_python():
    logits, target, drawn = torch.randn(24, 3, dtype=torch.float64), torch.arange(24) % 3, draws(24)
    target[5] = -1

    loss = equalization(logits, target, COUNTS, drawn, WEIGHT, threshold=0.2, ignore_index=-1)

    numerator = denominator = 0.0
    for z, y, beta in zip(logits.tolist(), target.tolist(), drawn.tolist(), strict=True):
        if y == -1:
            continue
        kept = [1 - (beta[k] and n / 100 < 0.2 and k != y) for k, n in enumerate(COUNTS.tolist())]
        p = math.exp(z[y]) / sum(w * math.exp(v) for w, v in zip(kept, z, strict=True))
        numerator -= WEIGHT[y].item() * math.log(p)
        denominator += WEIGHT[y].item()
    assert loss.item() == pytest.approx(numerator / denominator, rel=1e-9)


def test_a_class_that_is_left_out_is_not_pushed():
    logits = torch.zeros(1, 3, requires_grad=True)

    equalization(logits, torch.tensor([0]), COUNTS, torch.ones(1, 3, dtype=torch.bool)).backward()

    assert logits.grad.tolist() == [[0, 0, 0]]


def test_a_rare_class_is_never_left_out_of_its_own_samples():
    logits, target = torch.randn(4, 3), torch.full((4,), 2)

    loss = equalization(logits, target, COUNTS, torch.ones(4, 3, dtype=torch.bool), threshold=0.06)

    assert torch.allclose(loss, weighted_cross_entropy(logits, target))


@pytest.mark.parametrize("nothing", ["drawn", "rare"])
def test_where_nothing_is_left_out_it_is_the_cross_entropy(nothing):
    logits, target = torch.randn(6, 3), torch.arange(6) % 3
    drawn = torch.full((6, 3), fill_value=nothing == "rare")

    loss = equalization(logits, target, COUNTS, drawn, threshold=0.0 if nothing == "rare" else None)

    assert torch.allclose(loss, weighted_cross_entropy(logits, target))


@pytest.mark.parametrize(("threshold", "rare"), [(None, [5, 6, 7, 8, 9]), (0.005, [9]), (0.1, [3, 4, 5, 6, 7, 8, 9])])
def test_rare_classes_are_those_below_the_threshold(threshold, rare, long_tail):
    assert tail_classes(torch.tensor(long_tail), threshold).nonzero().flatten().tolist() == rare


def test_a_class_without_samples_is_rare_where_the_rarest_is():
    assert tail_classes(torch.tensor([85, 15, 0]), threshold=0.2).tolist() == [False, True, True]
    assert tail_classes(torch.tensor([85, 15, 0]), threshold=0.1).tolist() == [False, False, False]


def test_large_logits_do_not_overflow():
    logits = torch.tensor([[1e4, 1e4, -1e4]], requires_grad=True)

    loss = equalization(logits, torch.tensor([0]), COUNTS, torch.ones(1, 3, dtype=torch.bool), threshold=0.2)
    loss.backward()

    assert loss.item() == 0
    assert bool(logits.grad.isfinite().all())


def test_probabilities_are_refused():
    with pytest.raises(ValueError) as error:
        equalization(torch.zeros(2, 3), torch.full((2, 3), 1 / 3), COUNTS, draws(2))

    assert str(error.value) == (
        "the targets of `equalization` must be class indices, since what is left out belongs to one true class, got "
        "class probabilities. For a mixture of two samples, mix the losses of their two targets."
    )


def test_gradients_are_those_of_finite_differences():
    logits, target = torch.randn(5, 3, dtype=torch.float64, requires_grad=True), torch.arange(5) % 3
    drawn = draws(5)

    assert torch.autograd.gradcheck(lambda z: equalization(z, target, COUNTS, drawn, WEIGHT, threshold=0.2), logits)
