from __future__ import annotations

import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from lightning_imbalance import functional, metrics
from lightning_imbalance.metrics import BalancedAccuracy, ClassRecall, GeometricMean, MacroF1, WorstClassRecall

METRICS = [BalancedAccuracy, ClassRecall, GeometricMean, MacroF1, WorstClassRecall]
FIGURES = {
    BalancedAccuracy: functional.balanced_accuracy,
    ClassRecall: functional.class_recall,
    GeometricMean: functional.geometric_mean,
    MacroF1: functional.macro_f1,
    WorstClassRecall: functional.worst_class_recall,
}


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return torch.equal(left.nan_to_num(-1), right.nan_to_num(-1))


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_a_metric_gives_its_function_of_all_batches(kind, task):
    shape = (4, 10, 3) if task == "multilabel" else (4, 10)
    num_classes, top = {"multiclass": (5, 4), "binary": (2, 2), "multilabel": (3, 2)}[task]
    preds, target = torch.randint(top, (2, *shape))
    metric = kind(num_classes, task)
    for batch in zip(preds, target, strict=True):
        metric.update(*batch)

    counts = functional.confusion_counts(preds.flatten(0, 1), target.flatten(0, 1), num_classes, task)
    more = [task] if kind is BalancedAccuracy else []
    assert same(metric.compute(), FIGURES[kind](counts, *more))


def test_metrics_are_scikit_learns_over_batches_with_absent_classes():
    generator = np.random.default_rng(3)
    for _ in range(20):
        target, predicted = generator.choice(6, (2, 40), p=generator.dirichlet([0.3] * 6))
        made = [kind(6) for kind in (BalancedAccuracy, ClassRecall, MacroF1)]
        for metric in made:
            for part in np.array_split(np.arange(40), 3):
                metric.update(torch.tensor(predicted[part]), torch.tensor(target[part]))

        balanced, recall, f1 = (metric.compute().numpy() for metric in made)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true|A single label was found")
            assert balanced == pytest.approx(balanced_accuracy_score(target, predicted), rel=1e-13)
        expected = recall_score(target, predicted, labels=range(6), average=None, zero_division=np.nan)
        np.testing.assert_allclose(recall, expected, equal_nan=True)
        assert f1 == pytest.approx(f1_score(target, predicted, average="macro", zero_division=0), rel=1e-13)


def test_a_predicted_class_without_samples_does_not_count_as_missed():
    metric = BalancedAccuracy(3)

    assert metric(torch.tensor([0, 2, 1]), torch.tensor([0, 0, 1])).item() == 0.75


@pytest.mark.parametrize("kind", METRICS)
def test_forward_gives_the_batch_and_keeps_the_whole(kind):
    preds, target = torch.randint(3, (2, 2, 20))
    metric, batch = kind(3), kind(3)
    batch.update(preds[1], target[1])

    metric(preds[0], target[0])

    assert same(metric(preds[1], target[1]), batch.compute())
    assert int(metric.samples.sum()) == 40


@pytest.mark.parametrize("kind", METRICS)
def test_reset_forgets_everything(kind):
    metric = kind(3)
    metric.update(torch.tensor([0, 1]), torch.tensor([1, 1]))

    metric.reset()

    assert [int(getattr(metric, name).sum()) for name in metric._defaults] == [0] * 5
    metric.update(torch.tensor([0]), torch.tensor([0]))
    assert metric.samples.tolist() == [1, 0, 0]


@pytest.mark.parametrize("kind", METRICS)
def test_before_any_sample_there_is_no_figure(kind):
    metric = kind(2)

    with pytest.warns(UserWarning, match="was called before the ``update`` method"):
        value = metric.compute()

    assert bool(value.isnan().all())


@pytest.mark.parametrize("kind", METRICS)
def test_clones_and_pickles_keep_counts_and_options(kind):
    metric = kind(3, ignore_index=255)
    metric.update(torch.tensor([0, 1, 1]), torch.tensor([0, 255, 2]))

    for other in (metric.clone(), pickle.loads(pickle.dumps(metric))):  # noqa: S301  # its own bytes
        assert same(other.compute(), metric.compute())
        other.update(torch.tensor([0]), torch.tensor([255]))
        assert int(other.samples.sum()) == int(metric.samples.sum()) == 2


@pytest.mark.parametrize("kind", METRICS)
def test_a_persistent_state_survives_a_checkpoint(kind):
    metric, other = kind(3), kind(3)
    metric.persistent(mode=True)
    other.persistent(mode=True)
    metric.update(torch.tensor([0, 1]), torch.tensor([0, 2]))

    other.load_state_dict(metric.state_dict())

    assert other.samples.tolist() == [1, 0, 1]


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("convert", ["half", "bfloat16", "double"])
def test_a_module_of_another_precision_does_not_change_the_counts(kind, convert):
    metric = kind(2)
    getattr(torch.nn.ModuleList([metric]), convert)()

    metric.update(torch.ones(70_001, dtype=torch.int64), torch.ones(70_001, dtype=torch.int64))

    assert metric.samples.tolist() == [0, 70_001]
    assert metric.samples.dtype == torch.int64
    assert metric.compute().dtype == torch.float64


def test_figures_are_between_zero_and_one_and_higher_is_better():
    for kind in METRICS:
        assert kind.higher_is_better
        value = kind(4)(torch.randint(4, (50,)), torch.randint(4, (50,)))
        assert all(math.isnan(v) or 0 <= v <= 1 for v in value.flatten().tolist())


def test_every_figure_has_a_metric():
    others = {"AUROC", "AveragePrecision", "ClassCounts", "ConfusionMatrix", "ScoreHistogram", "WeightedMean"}

    assert {kind.__name__ for kind in METRICS} | others == set(metrics.__all__)
