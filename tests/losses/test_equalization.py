from __future__ import annotations

import torch

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional import weighted_cross_entropy
from lightning_imbalance.losses import EqualizationLoss

DISTRIBUTION = ClassDistribution([85, 10, 5])


def test_the_same_seed_leaves_out_the_same_classes():
    loss = EqualizationLoss(probability=0.5).adapt(DISTRIBUTION)
    logits, target = torch.randn(50, 3), torch.zeros(50, dtype=torch.int64)
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(loss(logits, target).item())

    assert values[0] == values[1] != values[2]


def test_in_evaluation_it_draws_nothing_and_is_the_cross_entropy():
    loss = EqualizationLoss(probability=1.0).adapt(DISTRIBUTION).eval()
    logits, target, weight = torch.randn(6, 3), torch.arange(6) % 3, torch.tensor([0.2, 1.0, 5.0])
    state = torch.get_rng_state()

    value = loss(logits, target, weight)

    assert torch.equal(value, weighted_cross_entropy(logits, target, weight))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_rare_class_is_left_out_as_often_as_asked():
    loss = EqualizationLoss(probability=0.7, reduction="none").adapt(DISTRIBUTION)

    values = loss(torch.zeros(20_000, 3), torch.zeros(20_000, dtype=torch.int64))

    # One or two of the three classes are rare: with 1/(2C) the second and the third.
    left_out = torch.stack([values.exp().round() == kept for kept in (1, 2, 3)]).float().mean(1)
    assert torch.allclose(left_out, torch.tensor([0.49, 0.42, 0.09]), atol=0.02)


def test_it_compiles_in_training_with_the_same_draws():
    loss = EqualizationLoss(probability=0.5).adapt(DISTRIBUTION)
    logits, target = torch.randn(20, 3), torch.zeros(20, dtype=torch.int64)
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    values = []
    for function in (compiled, loss):
        torch.manual_seed(1)
        values.append(function(logits, target))

    assert torch.equal(*values)
