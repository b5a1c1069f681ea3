from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics import MetricCollection

from lightning_imbalance.metrics import AUROC, AveragePrecision, ScoreHistogram


def scored(count=3000, classes=4):
    target = torch.randint(classes - 1, (count,))  # the last class has no sample
    logits = torch.randn(count, classes) + 1.5 * torch.nn.functional.one_hot(target, classes)
    return logits, target


def test_each_class_against_the_others_is_close_to_scikit_learn():
    logits, target = scored()
    scores = logits.softmax(1)

    precision, area = AveragePrecision(4)(scores, target), AUROC(4)(scores, target)

    for index in range(3):
        is_class = target == index
        assert precision[index].item() == pytest.approx(average_precision_score(is_class, scores[:, index]), abs=0.01)
        assert area[index].item() == pytest.approx(roc_auc_score(is_class, scores[:, index]), abs=0.001)
    assert math.isnan(precision[3])
    assert math.isnan(area[3])


def test_logits_are_understood_as_torchmetrics_understands_them():
    logits, target = scored(50)

    assert ScoreHistogram(4)(logits, target).tolist() == ScoreHistogram(4)(logits.softmax(1), target).tolist()


def test_negatives_of_a_yes_or_no_question_are_a_class_too():
    target = (torch.rand(2000) < 0.2).long()
    scores = (torch.randn(2000) - 2 + 2 * target).sigmoid()

    precision = AveragePrecision(task="binary")(scores[:, None], target)

    assert precision.tolist() == pytest.approx(
        [average_precision_score(1 - target, 1 - scores), average_precision_score(target, scores)], abs=0.01
    )


def test_each_label_is_a_question_and_what_is_ignored_counts_nowhere():
    target = (torch.rand(500, 3) < 0.3).long()
    scores = (torch.randn(500, 3) + target).sigmoid()
    masked = target.clone()
    masked[::3, 1] = -1

    area = AUROC(3, "multilabel", ignore_index=-1)(scores, masked)

    kept = masked[:, 1] >= 0
    assert area[1].item() == pytest.approx(roc_auc_score(target[kept, 1], scores[kept, 1]), abs=0.003)
    assert area[0].item() == pytest.approx(roc_auc_score(target[:, 0], scores[:, 0]), abs=0.003)


def test_pixels_are_samples():
    logits, target = scored(60)
    dense = logits.view(6, 10, 4).movedim(2, 1)
    ignored = target.clone()
    ignored[:7] = 255

    one = ScoreHistogram(4, ignore_index=255)(dense, ignored.view(6, 10))

    assert one.tolist() == ScoreHistogram(4)(logits[7:], target[7:]).tolist()


def test_batches_add_up_in_memory_that_does_not_grow():
    logits, target = scored(100)
    metric = AUROC(4, bins=50)
    for part in range(0, 100, 9):
        metric.update(logits[part : part + 9].softmax(1), target[part : part + 9])

    assert metric.histogram.numel() == 2 * 4 * 50
    assert metric.compute()[:3].tolist() == AUROC(4, bins=50)(logits.softmax(1), target)[:3].tolist()


def test_both_figures_of_a_collection_are_taken_of_one_state():
    collection = MetricCollection({"average_precision": AveragePrecision(4), "auroc": AUROC(4)})
    collection.update(*scored(40))

    assert len(collection.compute_groups) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, '`num_classes` must be given for `task="multiclass"`, got None.'),
        ({"num_classes": 2, "bins": 2}, "`bins` must be an integer from 3 on, got 2."),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        AveragePrecision(**arguments)

    assert str(error.value) == message


def test_class_indices_have_no_order():
    with pytest.raises(TypeError) as error:
        AUROC(2).update(torch.tensor([0, 1]), torch.tensor([0, 1]))

    assert str(error.value) == "`preds` must be probabilities or logits, which have an order, got int64 class indices."
