"""The metrics together: one state for all of them in a collection."""

from __future__ import annotations

import pytest
import torch
from torchmetrics import MetricCollection

from lightning_imbalance.metrics import (
    BalancedAccuracy,
    ClassCounts,
    ClassRecall,
    GeometricMean,
    MacroF1,
    WorstClassRecall,
)

KINDS = [BalancedAccuracy, ClassRecall, GeometricMean, MacroF1, WorstClassRecall, ClassCounts]


@pytest.fixture
def collection() -> MetricCollection:
    return MetricCollection({kind.__name__: kind(3) for kind in KINDS})


def test_a_collection_updates_one_state(collection, monkeypatch):
    batches = [tuple(torch.randint(3, (2, 20))) for _ in range(3)]
    collection.update(*batches[0])
    assert [sorted(group) for group in collection.compute_groups.values()] == [sorted(kind.__name__ for kind in KINDS)]

    updates = []
    for metric in collection.values(copy_state=False):
        monkeypatch.setattr(metric, "update", lambda *a, update=metric.update: updates.append(1) or update(*a))
    for batch in batches[1:]:
        collection.update(*batch)

    assert len(updates) == 2
    metrics = list(collection.values(copy_state=False))
    assert len({metric.samples.data_ptr() for metric in metrics}) == 1


def test_a_collection_computes_what_each_metric_computes_alone(collection):
    batches = [tuple(torch.randint(3, (2, 20))) for _ in range(3)]
    alone = {kind.__name__: kind(3) for kind in KINDS[:-1]}
    for batch in batches:
        collection.update(*batch)
        for metric in alone.values():
            metric.update(*batch)

    together = collection.compute()

    assert {name: together[name].tolist() for name in alone} == {n: m.compute().tolist() for n, m in alone.items()}


def test_a_collection_forgets_together(collection):
    collection.update(*torch.randint(3, (2, 20)))
    collection.reset()
    collection.update(torch.tensor([0]), torch.tensor([0]))

    assert collection.compute()["ClassRecall"][0] == 1
    assert collection["ClassCounts"].samples.tolist() == [1, 0, 0]


def test_metrics_that_ignore_other_labels_do_not_share_a_state():
    collection = MetricCollection({"all": BalancedAccuracy(3), "some": BalancedAccuracy(3, ignore_index=2)})

    collection.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 2]))

    assert len(collection.compute_groups) == 2
    assert {name: value.item() for name, value in collection.compute().items()} == {"all": 0.75, "some": 0.5}
