from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import Terms, reduce, weighted_mean
from lightning_imbalance.functional.reduction import SummableTerms, check_reduction, index_weight, soft_weight

WEIGHT = torch.tensor([0.1, 3.0, 1.2345678])


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6)), min_size=1, max_size=30))
def test_the_mean_is_the_sum_of_values_by_the_sum_of_weights(pairs):
    values = [value * weight for value, weight in pairs]
    weights = [weight for _, weight in pairs]
    terms = Terms(torch.tensor(values, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64))

    expected = sum(values) / sum(weights) if sum(weights) else 0.0
    assert reduce(terms, "mean").item() == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert reduce(terms, "sum").item() == pytest.approx(sum(values), rel=1e-9, abs=1e-3)
    assert reduce(terms, "none") is terms.loss


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**16))
def test_sums_over_a_split_are_the_sums_of_the_whole(first, second, seed):
    generator = torch.Generator().manual_seed(seed)
    loss, weight = torch.rand(2, first + second, generator=generator, dtype=torch.float64)
    whole = Terms(loss, weight)
    parts = [Terms(loss[:first], weight[:first]), Terms(loss[first:], weight[first:])]

    sums = [sum(pair) for pair in zip(*(part.sums() for part in parts), strict=True)]

    assert torch.allclose(torch.stack(sums), torch.stack(whole.sums()), rtol=1e-14)
    assert torch.allclose(weighted_mean(*sums), reduce(whole, "mean"), rtol=1e-14)


def test_terms_with_sums_of_their_own_are_computed_only_as_they_are_asked_for():
    made: list[str] = []

    def make(name: str, value: object) -> object:
        return lambda: made.append(name) or value

    loss, weight = torch.tensor([1.0, 6.0]), torch.tensor([1.0, 3.0])
    terms = SummableTerms(make("loss", loss), make("weight", weight), make("sums", (loss.sum(), weight.sum())))

    assert reduce(terms, "mean").item() == 1.75
    assert made == ["sums"]
    assert reduce(terms, "none") is loss
    assert made == ["sums", "loss"]
    assert torch.stack(terms.sums(torch.float64)).tolist() == [7, 4]
    assert made == ["sums", "loss", "loss", "weight"]
    assert repr(terms) == "Terms(loss=tensor([1., 6.]), weight=tensor([1., 3.]))"
    assert list(map(torch.equal, terms, (loss, weight))) == [True, True]


@pytest.mark.parametrize("numerator", [0.0, 5.0, float("inf")])
def test_a_mean_over_no_weight_is_zero_with_a_gradient_of_zero(numerator):
    total = torch.tensor(numerator, requires_grad=True)

    mean = weighted_mean(total, torch.tensor(0.0))
    mean.backward()

    assert mean.item() == 0
    assert total.grad is not None
    assert total.grad.item() == 0


def test_a_tiny_sum_of_weights_still_divides():
    assert weighted_mean(torch.tensor(6e-30), torch.tensor(2e-30)).item() == pytest.approx(3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mean_keeps_the_type(dtype):
    assert weighted_mean(torch.tensor(1.0, dtype=dtype), torch.tensor(0.0, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_torchs_reductions_are_known(reduction):
    assert check_reduction(reduction) == reduction


@pytest.mark.parametrize("reduction", ["average", None, "batchmean"])
def test_another_reduction_is_refused(reduction):
    with pytest.raises(ValueError, match="reduction") as error:
        check_reduction(reduction)

    assert str(error.value) == f"`reduction` must be 'mean', 'sum' or 'none', got {reduction!r}."


@pytest.mark.parametrize("ignore_index", [-100, 255, 1])
def test_an_ignored_index_weighs_nothing(ignore_index):
    target = torch.tensor([[0, ignore_index], [2, 0]])

    assert torch.equal(
        index_weight(target, WEIGHT, ignore_index, torch.float32), torch.tensor([[0.1, 0.0], [1.2345678, 0.1]])
    )
    assert index_weight(target, None, ignore_index, torch.float64).tolist() == [[1, 0], [1, 1]]


def test_without_an_ignored_index_every_target_weighs():
    target = torch.tensor([2, 1])

    assert torch.equal(index_weight(target, WEIGHT, None, torch.float32), WEIGHT[[2, 1]])
    assert index_weight(target, None, None, torch.float64).dtype == torch.float64


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_a_one_hot_row_weighs_what_its_index_weighs(indices):
    target = torch.tensor(indices)
    one_hot = torch.nn.functional.one_hot(target, 3).float()

    assert torch.equal(soft_weight(one_hot, WEIGHT), index_weight(target, WEIGHT, None, torch.float32))
    assert soft_weight(one_hot, None).tolist() == [1] * len(indices)


def test_dense_probabilities_are_weighed_place_by_place():
    target = torch.rand(2, 3, 4, 5)

    expected = torch.einsum("ncij,c->nij", target, WEIGHT)
    assert torch.allclose(soft_weight(target, WEIGHT), expected)


def test_mixed_precision_does_not_round_the_weights():
    target = torch.rand(8, 3)

    with torch.autocast("cpu", torch.bfloat16):
        weights = soft_weight(target, WEIGHT)

    assert weights.dtype == torch.float32
    assert torch.equal(weights, soft_weight(target, WEIGHT))
