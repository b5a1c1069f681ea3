from __future__ import annotations

import pytest
import torch

from lightning_imbalance.metrics import ClassCounts, ConfusionMatrix


def test_batches_add_up_and_a_reset_forgets():
    metric, predicted, target = ConfusionMatrix(3), *torch.randint(3, (2, 30))
    for part in range(0, 30, 7):
        metric.update(predicted[part : part + 7], target[part : part + 7])

    whole = ConfusionMatrix(3)(predicted, target)

    assert metric.compute().tolist() == whole.tolist()
    metric.reset()
    assert metric(predicted[:1], target[:1]).sum() == 1


def test_logits_pixels_and_nan_are_read_as_the_counts_read_them():
    logits, target = torch.randn(5, 3, 4), torch.randint(3, (5, 4))
    logits[0, 1, 2] = torch.nan
    target[1, 1] = 255

    matrix = ConfusionMatrix(3, ignore_index=255)(logits, target)

    counts = ClassCounts(3, ignore_index=255)(logits, target)
    assert matrix.diagonal().tolist() == counts.true_positives.tolist()
    assert (matrix.sum(1) + counts.undecided).tolist() == counts.samples.tolist()


def test_a_yes_or_no_question_has_two_rows():
    assert ConfusionMatrix(task="binary")(torch.tensor([0.9, 0.2, 0.6]), torch.tensor([1, 1, 0])).tolist() == [
        [0, 1],
        [1, 1],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`num_classes` must be given for a confusion matrix, got None."),
        (
            {"num_classes": 3, "task": "multilabel"},
            "`task` must be 'multiclass' or 'binary' for a confusion matrix, got 'multilabel', whose labels are no alternatives.",
        ),
    ],
)
def test_what_has_no_matrix_is_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        ConfusionMatrix(**arguments)

    assert str(error.value) == message
