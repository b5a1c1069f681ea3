from __future__ import annotations

import pickle

import pytest
import torch

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional import Terms
from lightning_imbalance.losses import Loss, WeightedCrossEntropy


class Constant(Loss):
    """Says what it was given: every target has value 6 and weight 2."""

    def per_target(self, logits, target, weight):
        self.seen = (logits, target, weight)
        ones = torch.ones(target.shape)
        return Terms(6 * ones, 2 * ones)


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 3.0), ("sum", 24.0), ("none", [6.0] * 4)])
def test_terms_are_reduced_as_asked(reduction, expected):
    assert Constant(reduction=reduction)(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_targets_are_aligned_before_a_subclass_sees_them(dtype):
    loss = Constant()

    loss(torch.zeros(4, 3), torch.ones(4, dtype=dtype), weight=torch.ones(3))

    assert loss.seen[1].dtype == torch.int64
    assert loss.seen[2].tolist() == [1, 1, 1]


def test_binary_logits_lose_their_column_before_a_subclass_sees_them():
    loss = Constant(task="binary")

    loss(torch.zeros(4, 1), torch.zeros(4))

    assert loss.seen[0].shape == (4,)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape") as error:
        Constant()(torch.zeros(4, 3), torch.zeros(5, dtype=torch.int64))

    assert str(error.value) == "class indices must have shape (4,) for logits of shape (4, 3), got (5,)."


def test_a_loss_without_a_part_that_depends_on_counts_is_unchanged_by_them():
    loss = WeightedCrossEntropy()

    assert loss.adapt(ClassDistribution([5, 1])) is loss


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({}, "Constant()"),
        (
            {"task": "binary", "reduction": "sum", "ignore_index": 0},
            "Constant(task='binary', reduction='sum', ignore_index=0)",
        ),
    ],
)
def test_the_repr_has_what_is_no_default(arguments, shown):
    assert repr(Constant(**arguments)) == shown


def test_another_task_is_refused():
    with pytest.raises(ValueError, match="task") as error:
        Constant(task="regression")

    assert str(error.value) == "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'regression'."


def test_another_reduction_is_refused():
    with pytest.raises(ValueError, match="reduction") as error:
        Constant(reduction="batchmean")

    assert str(error.value) == "`reduction` must be 'mean', 'sum' or 'none', got 'batchmean'."


def test_a_loss_without_a_definition_cannot_be_made():
    with pytest.raises(TypeError, match="per_target"):
        Loss()


def test_a_loss_has_no_state_and_can_be_pickled():
    loss = WeightedCrossEntropy(label_smoothing=0.1, ignore_index=255)

    assert loss.state_dict() == {}
    assert repr(pickle.loads(pickle.dumps(loss))) == repr(loss)  # noqa: S301  # its own bytes
