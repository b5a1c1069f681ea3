from __future__ import annotations

import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import weighted_cross_entropy
from lightning_imbalance.functional.weighted_cross_entropy import weighted_cross_entropy_terms
from lightning_imbalance.metrics import WeightedMean

PAIRS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1e3)), min_size=1, max_size=20)


@given(PAIRS)
def test_it_is_the_sum_of_numerators_by_the_sum_of_denominators(pairs):
    metric = WeightedMean()
    for numerator, denominator in pairs:
        metric.update(torch.tensor(numerator), torch.tensor(denominator))

    # As float32, as they were given.
    numerators, denominators = (torch.tensor(values).double().tolist() for values in zip(*pairs, strict=True))
    total = math.fsum(denominators)
    expected = math.fsum(numerators) / total if total else 0.0
    assert metric.compute().item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.integers(1, 11), st.integers(0, 2**16))
def test_the_mean_of_uneven_batches_is_that_of_the_whole(size, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    target = torch.randint(3, (12,), generator=generator)
    weight = torch.tensor([0.1, 1.0, 50.0], dtype=torch.float64)
    metric = WeightedMean()

    for part in (slice(a, a + size) for a in range(0, 12, size)):
        metric.update(*weighted_cross_entropy_terms(logits[part], target[part], weight).sums())

    assert metric.compute().item() == pytest.approx(weighted_cross_entropy(logits, target, weight).item(), rel=1e-12)


def test_a_million_small_batches_lose_nothing():
    metric = WeightedMean()
    metric.update(torch.tensor(2.0**25), torch.tensor(2.0**25))

    for _ in range(100):
        metric.update(torch.tensor(1.0), torch.tensor(0.0))

    assert metric.compute().item() == (2**25 + 100) / 2**25


def test_a_mean_over_nothing_is_zero():
    metric = WeightedMean()
    metric.update(torch.tensor(0.0), torch.tensor(0.0))

    assert metric.compute().item() == 0


def test_two_processes_share_one_mean():
    def gather(state: torch.Tensor, group: object) -> list[torch.Tensor]:
        assert group is None
        return [state, torch.full_like(state, 3.0)]

    metric = WeightedMean(dist_sync_fn=gather, distributed_available_fn=lambda: True)
    metric.update(torch.tensor(9.0), torch.tensor(1.0))

    assert metric.compute().item() == 3  # (9 + 3) / (1 + 3)


@pytest.mark.parametrize("convert", ["half", "bfloat16"])
def test_a_module_of_half_precision_does_not_round_it(convert):
    metric = WeightedMean()
    getattr(torch.nn.ModuleList([metric]), convert)()

    metric.update(torch.tensor(100_001.0), torch.tensor(100_000.0))

    assert metric.compute().item() == 1.00001


def test_reset_clone_and_pickle():
    metric = WeightedMean()
    metric.update(torch.tensor(6.0), torch.tensor(2.0))
    copies = [metric.clone(), pickle.loads(pickle.dumps(metric))]  # noqa: S301  # its own bytes

    metric.reset()
    metric.update(torch.tensor(1.0), torch.tensor(1.0))

    assert [copy.compute().item() for copy in copies] == [3, 3]
    assert metric.compute().item() == 1


def test_it_keeps_no_graph():
    metric = WeightedMean()
    total = torch.tensor(2.0, requires_grad=True)

    metric.update(total * 3, torch.tensor(2.0))

    assert not metric.numerator.requires_grad
