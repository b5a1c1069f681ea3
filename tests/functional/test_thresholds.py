from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef, precision_recall_curve, roc_curve

from lightning_imbalance.functional import best_thresholds, decide_by_thresholds

samples = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=30).filter(
    lambda drawn: len({y for _, y in drawn}) == 2
)


def plain_figure(probabilities, target, threshold, metric):
    tp = sum(p > threshold and y == 1 for p, y in zip(probabilities, target, strict=True))
    fp = sum(p > threshold and y == 0 for p, y in zip(probabilities, target, strict=True))
    positives, negatives = target.count(1), target.count(0)
    if metric == "f1":
        return 2 * tp / (tp + fp + positives)
    return (tp / positives + (negatives - fp) / negatives) / 2


@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1"])
@given(samples)
def test_no_threshold_is_better(metric, drawn):
    probabilities, target = [k / 12 for k, _ in drawn], [int(y) for _, y in drawn]

    (found,) = best_thresholds(
        torch.tensor(probabilities, dtype=torch.float64), torch.tensor(target), metric=metric, force=True
    ).tolist()

    each = {t: plain_figure(probabilities, target, t, metric) for t in [k / 24 for k in range(25)]}
    best = plain_figure(probabilities, target, found, metric)
    assert best == pytest.approx(max(each.values()))
    assert (found == 0.5) is (each[0.5] == pytest.approx(best))


def test_the_figure_is_the_best_of_scikit_learns_curves():
    target = (torch.rand(200) < 0.2).long()
    probabilities = (torch.randn(200) + target).sigmoid()

    predicted = {
        metric: decide_by_thresholds(
            probabilities, best_thresholds(probabilities, target, metric=metric, min_samples=10)
        )
        for metric in ("balanced_accuracy", "f1")
    }

    wrong, found, _ = roc_curve(target, probabilities)
    assert balanced_accuracy_score(target, predicted["balanced_accuracy"]) == pytest.approx(
        ((found + 1 - wrong) / 2).max()
    )
    precision, recall, _ = precision_recall_curve(target, probabilities)
    assert f1_score(target, predicted["f1"]) == pytest.approx((2 * precision * recall / (precision + recall)).max())


def test_a_function_of_the_counts_is_a_metric():
    target = (torch.rand(60) < 0.3).long()
    probabilities = (torch.randn(60) + target).sigmoid()

    def mcc(tp, fp, fn, tn):
        tp, fp, fn, tn = (each.double() for each in (tp, fp, fn, tn))
        return (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)).sqrt()

    threshold = best_thresholds(probabilities, target, metric=mcc, force=True)

    cuts = probabilities.sort().values[:-1]
    best = max(matthews_corrcoef(target, probabilities > cut) for cut in cuts)
    assert matthews_corrcoef(target, decide_by_thresholds(probabilities, threshold)) == pytest.approx(best)


def test_each_label_has_the_threshold_that_it_has_alone():
    probabilities, target = torch.rand(40, 3, 2), torch.randint(2, (40, 3, 2))
    target[::7] = -1

    thresholds = best_thresholds(probabilities, target, "multilabel", force=True, ignore_index=-1)

    alone = [best_thresholds(probabilities[:, c], target[:, c], force=True, ignore_index=-1).item() for c in range(3)]
    assert thresholds.tolist() == alone
    decided = decide_by_thresholds(probabilities, thresholds)
    assert torch.equal(decided[:, 1], (probabilities[:, 1].double() > thresholds[1]).long())


def test_the_threshold_lies_in_the_middle_of_the_gap():
    assert best_thresholds(torch.tensor([0.125, 0.25, 0.375]), torch.tensor([0, 1, 1]), force=True).tolist() == [0.1875]


def test_neighbours_in_float32_are_told_apart():
    low = torch.tensor(0.1)
    probabilities = torch.stack([low, torch.nextafter(low, torch.ones(()))])

    threshold = best_thresholds(probabilities, torch.tensor([0, 1]), force=True)

    assert decide_by_thresholds(probabilities, threshold).tolist() == [0, 1]


def test_neighbours_in_float64_are_told_apart():
    low = torch.tensor(0.1, dtype=torch.float64)
    probabilities = torch.stack([low, torch.nextafter(low, torch.ones((), dtype=torch.float64))])

    threshold = best_thresholds(probabilities, torch.tensor([0, 1]), force=True)

    assert decide_by_thresholds(probabilities, threshold).tolist() == [0, 1]


@pytest.mark.parametrize("target", [[0, 0, 0], [1, 1, 1], [-1, -1, -1]])
def test_a_label_without_both_answers_keeps_one_half(target):
    thresholds = best_thresholds(torch.tensor([0.1, 0.6, 0.8]), torch.tensor(target), force=True, ignore_index=-1)

    assert thresholds.tolist() == [0.5]


def one_number(tp, fp, fn, tn):
    return tp.sum()


HOLD_OUT = "What is best on few is chance: hold out more, or pass `force=True`."


def test_too_few_samples_are_refused_with_their_counts():
    target = torch.tensor([0] * 60 + [1] * 12)

    with pytest.raises(ValueError) as error:
        best_thresholds(torch.rand(72), target, class_names=["healthy", "ill"])

    assert str(error.value) == (
        f"at least 50 held-out samples of each class must be there to tune on, got 12 of 'ill'. {HOLD_OUT}"
    )


def test_too_few_positives_or_negatives_of_a_label_are_refused():
    target = torch.tensor([[1, 0], [1, 0], [0, 0], [0, -1]])

    with pytest.raises(ValueError) as error:
        best_thresholds(torch.rand(4, 2), target, "multilabel", min_samples=3, ignore_index=-1)

    assert str(error.value) == (
        "at least 3 held-out positives and negatives of each label must be there to tune on, got 2 positives of '0', "
        f"0 positives of '1', 2 negatives of '0'. {HOLD_OUT}"
    )


def test_a_message_on_many_labels_stays_readable():
    with pytest.raises(ValueError, match=r"0 positives of '9', \.\.\. \(40\)\. What"):
        best_thresholds(torch.rand(2, 20), torch.zeros(2, 20, dtype=torch.int64), "multilabel")


@pytest.mark.parametrize(
    ("probabilities", "target", "options", "message"),
    [
        ([0.5], [0], {"metric": "accuracy"}, "`metric` must be 'balanced_accuracy', 'f1' or a function of tp, fp, fn and tn, got 'accuracy'."),
        ([0.5], [0], {"metric": 3}, "`metric` must be 'balanced_accuracy', 'f1' or a function of tp, fp, fn and tn, got 3."),
        ([0.5], [[0]], {}, "`target` must have the shape of the probabilities, (1,), got (1, 1)."),
        ([2.5], [0], {}, "`probabilities` must be between 0 and 1, got 2.5. Pass softmax or sigmoid of the logits."),
        ([torch.nan], [0], {}, "`probabilities` must be between 0 and 1, got nan. Pass softmax or sigmoid of the logits."),
        (
            [0.1, 0.6],
            [0, 1],
            {"metric": one_number, "force": True},
            "`metric` must give one figure a cut, shape (3,), got (). Compute it with tensor operations.",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named(probabilities, target, options, message):
    with pytest.raises(ValueError) as error:
        best_thresholds(torch.tensor(probabilities), torch.tensor(target), **options)

    assert str(error.value) == message
