from __future__ import annotations

import pytest
import torch

from lightning_imbalance.functional.true_class import (
    along_classes,
    at_true_class,
    class_terms,
    is_true_class,
    only_at_true_class,
    require_indices,
)

WEIGHT = torch.tensor([0.2, 1.0, 5.0])


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4)])
def test_the_value_of_the_true_class_is_picked_one_by_one(shape):
    values, target = torch.randn(shape[0], 3, *shape[1:]), torch.randint(3, shape)
    target.view(-1)[0] = 255

    picked, true = at_true_class(values, target, ignore_index=255), is_true_class(target, 3)

    for place in torch.cartesian_prod(*map(torch.arange, shape)).reshape(-1, len(shape)).tolist():
        n, *rest = place
        y = target[tuple(place)].item()
        assert picked[tuple(place)] == (0 if y == 255 else values[(n, y, *rest)])
        assert [bool(true[(n, c, *rest)]) for c in range(3)] == [c == y for c in range(3)]


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4)])
def test_one_value_a_class_stands_at_the_true_class_alone(shape):
    target = torch.randint(3, shape)
    target.view(-1)[0] = 255

    spread = only_at_true_class(WEIGHT, target, torch.zeros(shape[0], 3, *shape[1:]), ignore_index=255)

    expected = is_true_class(target, 3) * along_classes(WEIGHT, len(shape) + 1)
    assert torch.equal(spread, expected)


def test_an_ignored_value_may_be_anything():
    assert at_true_class(torch.tensor([[torch.nan, torch.inf]]), torch.tensor([-1]), ignore_index=-1).tolist() == [0]


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_a_value_a_class_fits_the_logits(ndim):
    logits = torch.zeros(2, 3, *[5] * (ndim - 2))

    assert torch.equal((logits + along_classes(WEIGHT, ndim)).movedim(1, -1)[0].reshape(-1, 3)[-1], WEIGHT)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_an_index_and_its_one_hot_row_have_the_same_terms(weight):
    values, target = torch.randn(6, 3), torch.arange(6) % 3

    index, soft = (class_terms(values, form, weight, None) for form in (target, torch.eye(3)[target]))

    assert torch.allclose(index.loss, soft.loss)
    assert torch.allclose(index.weight, soft.weight)


def test_weights_of_another_precision_follow_the_values():
    terms = class_terms(torch.randn(2, 3, dtype=torch.float64), torch.tensor([0, 2]), WEIGHT, None)

    assert (terms.loss.dtype, terms.weight.dtype) == (torch.float64, torch.float64)


def test_probabilities_are_refused_where_there_must_be_one_class():
    with pytest.raises(ValueError) as error:
        require_indices(torch.ones(2, 3), "ldam", "the margin")

    assert str(error.value) == (
        "the targets of `ldam` must be class indices, since the margin belongs to one true class, got class "
        "probabilities. For a mixture of two samples, mix the losses of their two targets."
    )
