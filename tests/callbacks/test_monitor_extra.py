from __future__ import annotations

import math

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import CatMetric, MetricCollection
from torchmetrics.classification import MulticlassCohenKappa, MulticlassRecall

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier

NAMES = ["cat", "dog", "owl"]


def scored(count=400, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, (count,), generator=generator)
    logits = torch.randn(count, classes, generator=generator) + nn.functional.one_hot(target, classes)
    return TensorDataset(logits, target)


def classifier(**options):
    return WeightedClassifier(nn.Identity(), num_classes=3, class_names=NAMES, **options)


@pytest.fixture
def validated(tiny_trainer):
    """Validate with extra metrics; give results and what was logged."""

    def validate(extra, *datasets, module=None, **options):
        monitor = ImbalanceMonitor(extra=extra, **options)
        trainer = tiny_trainer(callbacks=[monitor])
        loaders = [DataLoader(each, 64) for each in datasets or (scored(),)]
        trainer.validate(classifier() if module is None else module, loaders, verbose=False)
        return monitor.results, {name: value.item() for name, value in trainer.callback_metrics.items()}

    return validate


def test_named_ones_are_logged_for_each_class_and_as_a_mean(validated):
    logits, target = scored().tensors

    results, logged = validated(["average_precision", "auroc"])

    for name, exact in (("average_precision", average_precision_score), ("auroc", roc_auc_score)):
        each = [exact(target == index, logits.softmax(1)[:, index]) for index in range(3)]
        assert [logged[f"val_{name}/{label}"] for label in NAMES] == pytest.approx(each, abs=0.01)
        assert logged[f"val_mean_{name}"] == pytest.approx(sum(each) / 3, abs=0.01)
        assert results["val"]["extra"][f"mean_{name}"] == pytest.approx(logged[f"val_mean_{name}"])


@pytest.mark.filterwarnings("ignore:no val sample of class")
def test_a_class_without_samples_is_left_out_of_logs_and_means(validated):
    logits, target = scored(60).tensors
    kept = target < 2

    results, logged = validated("auroc", TensorDataset(logits[kept], target[kept]))

    assert "val_auroc/owl" not in logged
    assert math.isnan(results["val"]["extra"]["auroc/owl"])
    assert logged["val_mean_auroc"] == pytest.approx((logged["val_auroc/cat"] + logged["val_auroc/dog"]) / 2)


def test_metrics_of_torchmetrics_take_every_sample_once(validated):
    logits, target = scored().tensors

    _, logged = validated([MulticlassCohenKappa(3), MetricCollection({"found": MulticlassRecall(3, average=None)})])

    assert logged["val_MulticlassCohenKappa"] == pytest.approx(cohen_kappa_score(target, logits.argmax(1)), abs=1e-6)
    assert [logged[f"val_found/{name}"] for name in NAMES] == pytest.approx(
        [logged[f"val_recall/{name}"] for name in NAMES]
    )


def test_a_prefix_of_a_collection_is_kept(validated):
    _, logged = validated(MetricCollection([MulticlassCohenKappa(3)], prefix="my_"))

    assert "val_my_MulticlassCohenKappa" in logged


def test_dataloaders_are_kept_apart(validated):
    one, two = scored(50, seed=1), scored(90, seed=2)

    results, logged = validated(MulticlassCohenKappa(3), one, two)

    for index, part in enumerate((one, two)):
        logits, target = part.tensors
        kappa = cohen_kappa_score(target, logits.argmax(1))
        assert logged[f"val_MulticlassCohenKappa/dataloader_idx_{index}"] == pytest.approx(kappa, abs=1e-6)
        assert results[f"val/dataloader_idx_{index}"]["extra"] == {
            "MulticlassCohenKappa": pytest.approx(kappa, abs=1e-6)
        }


def test_predictions_reach_a_metric_as_the_step_returned_them(validated):
    class Indices(L.LightningModule):
        def validation_step(self, batch, _batch_idx):
            return {"preds": batch[0].argmax(1), "target": batch[1]}

    logits, target = scored().tensors

    _, logged = validated(MulticlassCohenKappa(3), module=Indices(), num_classes=3)

    assert logged["val_MulticlassCohenKappa"] == pytest.approx(cohen_kappa_score(target, logits.argmax(1)), abs=1e-6)
    with pytest.raises(TypeError, match="got int64 class indices"):
        validated("auroc", module=Indices(), num_classes=3)


def test_the_sanity_check_leaves_nothing_behind_and_each_epoch_begins_anew(tiny_trainer):
    seen = []

    class Counting(L.Callback):
        def on_validation_end(self, trainer, pl_module):
            if not trainer.sanity_checking:
                seen.append(monitor.results["val"]["extra"]["seen"])

    class Seen(CatMetric):
        def update(self, preds, target):
            super().update(target.float())

        def compute(self):
            return torch.tensor(len(torch.as_tensor(super().compute()).flatten()))

    monitor = ImbalanceMonitor(extra=MetricCollection({"seen": Seen()}))
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)
    data = DataLoader(scored(100), 30)

    tiny_trainer(callbacks=[monitor, Counting()], max_epochs=3, num_sanity_val_steps=2).fit(model, data, data)

    assert seen == [100, 100, 100]


def test_figures_of_the_users_choice_can_stop_training(tiny_trainer):
    stop = EarlyStopping("val_mean_average_precision", mode="max", patience=1)
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3, optimizer=lambda p: torch.optim.SGD(p, lr=0.0))
    data = DataLoader(scored(60), 30)
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(extra="average_precision"), stop], max_epochs=5)

    trainer.fit(model, data, data)

    assert trainer.current_epoch == 2
    assert 0 < stop.best_score < 1


def test_logits_of_nan_are_ranked_last_and_change_no_other(validated):
    logits, target = scored(60).tensors
    broken = logits.clone()
    broken[::7] = torch.nan

    with pytest.warns(UserWarning, match="must be numbers, got NaN"):
        _, logged = validated("auroc", TensorDataset(broken, target))

    ranked = logits.softmax(1).clone()
    ranked[::7] = 0
    exact = [roc_auc_score(target == index, ranked[:, index]) for index in range(3)]
    assert [logged[f"val_auroc/{name}"] for name in NAMES] == pytest.approx(exact, abs=0.01)


def test_what_is_ignored_does_not_count_for_the_named_ones(validated):
    logits, target = scored(60).tensors
    masked = target.clone()
    masked[:20] = 255

    _, logged = validated("auroc", TensorDataset(logits, masked), module=classifier(ignore_index=255))

    exact = roc_auc_score(target[20:] == 0, logits[20:].softmax(1)[:, 0])
    assert logged["val_auroc/cat"] == pytest.approx(exact, abs=0.01)


def test_beyond_the_limit_only_the_mean_is_logged_one_by_one(validated):
    _, logged = validated("auroc", max_logged_classes=2)

    assert {name for name in logged if "auroc" in name} == {"val_mean_auroc"}


def test_training_figures_too_if_asked(tiny_trainer):
    monitor = ImbalanceMonitor(extra="auroc", train=True)

    tiny_trainer(callbacks=[monitor]).fit(
        WeightedClassifier(nn.Linear(3, 3), num_classes=3), DataLoader(scored(60), 30)
    )

    assert 0 < monitor.results["train"]["extra"]["mean_auroc"] < 1
