from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import Remix

COUNTS = [100, 30, 5]


def slowly(inputs, target, own, partner, counts, kappa, tau):
    """The paper's algorithm, one pair after another."""
    mixed, labels = [], []
    for i, j in enumerate(partner.tolist()):
        n_i, n_j = counts[target[i]], counts[target[j]]
        label = own
        if n_i >= kappa * n_j and own < tau:
            label = 0.0
        elif n_j >= kappa * n_i and 1 - own < tau:
            label = 1.0
        mixed.append(own * inputs[i] + (1 - own) * inputs[j])
        labels.append([label * (target[i] == c) + (1 - label) * (target[j] == c) for c in range(len(counts))])
    return torch.stack(mixed), torch.tensor(labels)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=10),
    st.integers(0, 2**31),
    st.sampled_from([1.0, 3.0, 3.4]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_it_is_the_papers_algorithm(target, seed, kappa, tau):
    target, inputs = torch.tensor(target), torch.randn(len(target), 4)

    torch.manual_seed(seed)
    mixed, shares = Remix(alpha=1.0, kappa=kappa, tau=tau).adapt(ClassDistribution(COUNTS))(inputs, target)
    torch.manual_seed(seed)
    own = torch.distributions.Beta(1.0, 1.0).sample().item()
    partner = torch.randperm(len(target))

    expected = slowly(inputs, target, own, partner, COUNTS, kappa, tau)
    torch.testing.assert_close(mixed, expected[0])
    torch.testing.assert_close(shares, expected[1].float())


def test_pairs_of_one_batch_have_labels_of_their_own():
    remix = Remix().adapt(ClassDistribution(COUNTS))
    target = torch.tensor([0] * 8 + [2] * 8)

    # One λ for all of them, and yet some pairs are mixed and some are called by the rare class alone.
    found = {
        tuple(shares[:, 2].unique().tolist()) for shares in (remix(torch.randn(16, 2), target)[1] for _ in range(9))
    }

    assert any({0.0, 1.0} < set(values) for values in found)


def test_the_rare_class_gains_and_the_frequent_one_loses():
    remix = Remix().adapt(ClassDistribution(COUNTS))
    target = torch.tensor([0] * 12 + [1] * 3 + [2])

    mean = torch.stack([remix(torch.zeros(16, 1), target)[1].mean(0) for _ in range(400)]).mean(0)

    # A pair of a rare and a frequent sample is rare by 5/8 on average, half of the time wholly and else by a quarter.
    assert mean[2].item() == pytest.approx((2 * 5 / 8 * 15 / 16 + 1 / 16) / 16, rel=0.1)
    assert mean[0] < 0.97 * (12 / 16)


def test_a_class_that_training_has_not_seen_is_as_rare_as_the_rarest():
    inputs, target = torch.randn(8, 2), torch.tensor([0, 3, 0, 3, 0, 3, 0, 3])

    torch.manual_seed(1)
    unseen = Remix().adapt(ClassDistribution([100, 30, 5, 0]))(inputs, target)
    torch.manual_seed(1)
    as_rare = Remix().adapt(ClassDistribution([100, 30, 5, 5]))(inputs, target)

    assert torch.equal(unseen[1], as_rare[1])


@pytest.mark.parametrize("counts", [[50, 50, 50], [100, 60, 40]])
def test_where_no_class_is_much_rarer_it_is_mixup(counts):
    inputs, target = torch.eye(3)[torch.arange(9) % 3], torch.arange(9) % 3

    mixed, shares = Remix().adapt(ClassDistribution(counts))(inputs, target)

    torch.testing.assert_close(mixed, shares)
