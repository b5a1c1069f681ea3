from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score

from lightning_imbalance.functional import best_tau, tau_normalized
from lightning_imbalance.functional.tau_normalized import TAUS, tau_factors


@pytest.mark.parametrize("tau", [-0.5, 0.0, 0.3, 1.0, 2.0])
def test_it_is_the_definition_in_plain_python(tau):
    weight = torch.randn(4, 3, dtype=torch.float64)

    rows = [[v / sum(u * u for u in row) ** (tau / 2) for v in row] for row in weight.tolist()]

    assert torch.allclose(tau_normalized(weight, tau), torch.tensor(rows, dtype=torch.float64))


def test_it_is_the_authors_code():
    weight = torch.randn(4, 3)

    normalized = weight.clone()
    lengths = torch.norm(weight, 2, 1)
    for i in range(4):
        normalized[i] = normalized[i] / torch.pow(lengths[i], 0.7)

    assert torch.allclose(tau_normalized(weight, 0.7), normalized)


def test_0_changes_nothing_and_1_makes_every_length_1():
    weight = torch.randn(4, 3)

    assert torch.equal(tau_normalized(weight, 0.0), weight)
    assert torch.allclose(tau_normalized(weight, 1.0), F.normalize(weight))


def test_a_vector_of_length_0_stays():
    assert tau_normalized(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), 1.0).tolist() == [[0, 0], [0, 1]]


def test_factors_multiply_the_logits():
    weight, features = torch.randn(4, 3), torch.randn(5, 3)

    assert torch.allclose(
        features @ weight.T * tau_factors(weight, 0.7), features @ tau_normalized(weight, 0.7).T, atol=1e-6
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_best_is_the_smallest_of_the_best_over_the_grid(seed):
    generator = torch.Generator().manual_seed(seed)
    target = torch.arange(60) % 3
    weight = torch.randn(3, 8, generator=generator) * torch.tensor([[4.0], [2.0], [1.0]])
    features = F.normalize(weight)[target] + 0.7 * torch.randn(60, 8, generator=generator)

    tau = best_tau(features @ weight.T, weight, target)

    each = [balanced_accuracy_score(target, (features @ tau_normalized(weight, t).T).argmax(1)) for t in TAUS]
    assert tau == TAUS[[value > max(each) - 1e-9 for value in each].index(True)]


def test_the_grid_is_the_one_of_the_authors_code():
    assert list(TAUS) == pytest.approx(torch.linspace(0, 2, 21, dtype=torch.float64).tolist())


def test_the_order_of_the_grid_does_not_matter():
    weight, target = torch.eye(3), torch.arange(3)

    assert best_tau(torch.eye(3), weight, target, taus=[1.0, 0.5, 2.0]) == 0.5


def test_pixels_are_samples_and_ignored_ones_are_not():
    weight, scores, target = torch.randn(3, 8), torch.randn(2, 3, 5), torch.arange(10).view(2, 5) % 4 - 1

    tau = best_tau(scores, weight, target, ignore_index=-1)

    rows, truth = scores.movedim(1, -1).reshape(-1, 3), target.flatten()
    assert tau == best_tau(rows[truth >= 0], weight, truth[truth >= 0])


@pytest.mark.parametrize(
    ("scores", "target", "taus", "message"),
    [
        ([[1.0, 0.0]], [0], [], "`taus` must hold at least one number, got none."),
        ([[torch.nan, 0.0]], [0], [1.0], "the logits must be finite for τ to be chosen, got NaN or inf."),
        ([[1.0, 0.0]], [-1], [1.0], "there must be held-out targets to choose τ on, got none."),
    ],
)
def test_what_cannot_be_chosen_on_is_named(scores, target, taus, message):
    with pytest.raises(ValueError) as error:
        best_tau(torch.tensor(scores), torch.eye(2), torch.tensor(target), taus)

    assert str(error.value) == message
