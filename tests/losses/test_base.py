from __future__ import annotations

import pickle

import pytest
import torch
import torch.nn.functional as F

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional import Terms
from lightning_imbalance.losses import (
    AsymmetricLoss,
    DistributionBalancedLoss,
    EqualizationLoss,
    FocalLoss,
    LabelAwareSmoothingLoss,
    LDAMLoss,
    LogitAdjustedLoss,
    Loss,
    SeesawLoss,
    UnreducedLoss,
    VectorScalingLoss,
    WeightedBCE,
    WeightedCrossEntropy,
)


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


@pytest.mark.parametrize(
    "loss",
    [
        Constant(),
        UnreducedLoss(F.cross_entropy),
        WeightedCrossEntropy(label_smoothing=0.1),
        FocalLoss(),
        FocalLoss(task="binary"),
        LDAMLoss(),
        SeesawLoss(),
        AsymmetricLoss(task="multiclass"),
        LabelAwareSmoothingLoss(),
        VectorScalingLoss(),
        EqualizationLoss(),
        DistributionBalancedLoss(),
    ],
    ids=repr,
)
def test_where_logits_are_no_posteriors_a_log_prior_is_refused(loss):
    with pytest.raises(ValueError) as error:
        loss.log_prior(ClassDistribution([5, 1]))

    assert str(error.value) == (
        f"the logits of a model must be class posteriors for a prior to be known, and training with {loss!r} does not "
        "make them so. Calibrate its probabilities on held-out data instead: temperature scaling."
    )


def test_a_focal_loss_without_focus_has_the_prior_of_the_cross_entropy():
    distribution = ClassDistribution([5, 1])

    assert torch.equal(FocalLoss(0.0).log_prior(distribution), WeightedCrossEntropy().log_prior(distribution))


def test_several_labels_have_no_prior_over_classes():
    distribution = ClassDistribution([5, 1], task="multilabel", num_samples=6)

    with pytest.raises(ValueError, match="each label has a prior of its own"):
        WeightedBCE(task="multilabel").log_prior(distribution)


def test_the_state_of_a_loss_with_counts_loads_into_one_without():
    """A checkpoint of the same network, trained with another loss."""
    state = LDAMLoss().adapt(ClassDistribution([5, 1])).state_dict()

    WeightedCrossEntropy().load_state_dict(state)

    distribution = ClassDistribution([5, 1], task="multilabel", num_samples=6)
    LDAMLoss().load_state_dict(DistributionBalancedLoss().adapt(distribution).state_dict())


def test_a_state_without_counts_leaves_those_that_were_adapted_to():
    loss = LDAMLoss().adapt(ClassDistribution([5, 1]))

    loss.load_state_dict({})

    assert loss.class_counts.tolist() == [5, 1]


def test_a_state_from_before_the_counts_were_known_brings_none():
    loss = LDAMLoss().adapt(ClassDistribution([5, 1]))

    loss.load_state_dict(LDAMLoss().state_dict())

    assert loss.class_counts.tolist() == []


def test_a_state_of_other_classes_is_refused():
    loss = LDAMLoss().adapt(ClassDistribution([5, 1]))

    with pytest.raises(RuntimeError, match="size mismatch for class_counts"):
        loss.load_state_dict(LDAMLoss().adapt(ClassDistribution([5, 1, 7])).state_dict())


def test_a_mistake_in_another_key_is_still_found():
    with pytest.raises(RuntimeError, match="Unexpected key"):
        LogitAdjustedLoss().load_state_dict({"class_count": torch.ones(2)})


def test_counts_are_taken_to_the_device_that_the_loss_is_on():
    loss = LDAMLoss().to("meta").adapt(ClassDistribution([5, 1]))

    assert loss.class_counts.device.type == "meta"
