from __future__ import annotations

import copy
import math
import pickle
import warnings

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier

AGGREGATES = {"balanced_accuracy", "worst_class_recall", "geometric_mean", "macro_f1"}


class Rows(Logger):
    """Keeps what it is given."""

    name, version = "rows", 0

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *_args, **_kwargs):
        pass


def logits_and_target(logits, target):
    return {"logits": logits, "target": target}


class Foreign(L.LightningModule):
    """Somebody else's module, which knows nothing of this package: its inputs are its logits."""

    def __init__(self, returned=logits_and_target) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.returned = returned

    def training_step(self, batch, _batch_idx):
        logits, target = batch
        return {"loss": self.scale * 0, **self.returned(logits, target)}

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        return self.returned(*batch)

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def predicting(predicted: list[int], target: list[int], num_classes: int | None = None) -> DataLoader:
    """Batches of logits that say ``predicted``; the last batch is smaller."""
    width = num_classes or max(*predicted, *target) + 1
    logits = torch.nn.functional.one_hot(torch.tensor(predicted), width).float()
    return DataLoader(TensorDataset(logits, torch.tensor(target)), batch_size=3)


def numbers(logged) -> dict[str, float]:
    return {name: float(value) for name, value in logged.items()}


@pytest.fixture
def validated(tiny_trainer):
    """Validate with a monitor, and give the monitor and what was logged."""

    def validate(*loaders, module=None, **options):
        monitor = ImbalanceMonitor(**options)
        trainer = tiny_trainer(callbacks=[monitor])
        trainer.validate(Foreign() if module is None else module, list(loaders), verbose=False)
        return monitor, numbers(trainer.callback_metrics)

    return validate


# --- figures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn_on_all_samples(seed, validated):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 4, (40,), generator=generator)
    predicted = torch.where(
        torch.rand(40, generator=generator) < 0.6, target, torch.randint(0, 4, (40,), generator=generator)
    )

    _, logged = validated(predicting(predicted.tolist(), target.tolist(), 4))

    recalls = recall_score(target, predicted, average=None)
    assert logged == pytest.approx(
        {
            "val_balanced_accuracy": balanced_accuracy_score(target, predicted),
            "val_worst_class_recall": recalls.min(),
            "val_geometric_mean": recalls.prod() ** 0.25,
            "val_macro_f1": f1_score(target, predicted, average="macro"),
            **{f"val_recall/{index}": recall for index, recall in enumerate(recalls)},
        }
    )


def test_figures_are_those_of_the_predictions_of_a_fitted_model(tiny_trainer, blobs):
    model, monitor = WeightedClassifier(nn.Linear(3, 3)), ImbalanceMonitor()
    val = blobs([9, 8, 7])
    trainer = tiny_trainer(callbacks=[monitor], max_epochs=2)

    trainer.fit(model, DataLoader(blobs([20, 5, 5], ["a", "b", "c"]), 8), DataLoader(val, 5))

    predicted = model(val.tensors[0]).argmax(1)
    target = val.tensors[1]
    assert monitor.results["val"]["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target, predicted))
    assert list(monitor.results["val"]["recall"].values()) == pytest.approx(
        recall_score(target, predicted, average=None)
    )
    assert float(trainer.callback_metrics["val_macro_f1"]) == pytest.approx(
        f1_score(target, predicted, average="macro")
    )
    assert list(monitor.results["val"]["samples"]) == ["a", "b", "c"]


def test_results_hold_the_numbers_by_class(validated):
    monitor, _ = validated(predicting([0, 0, 1, 1, 0], [0, 0, 0, 1, 1]), class_names=["cat", "dog"])

    results = monitor.results["val"]

    assert results["samples"] == {"cat": 3, "dog": 2}
    assert results["predictions"] == {"cat": 3, "dog": 2}
    assert results["true_positives"] == {"cat": 2, "dog": 1}
    assert results["recall"] == pytest.approx({"cat": 2 / 3, "dog": 1 / 2})
    assert results["balanced_accuracy"] == pytest.approx(7 / 12)
    low, high = results["recall_interval"]["dog"]
    assert 0 < low < 0.5 < high < 1


def test_each_stage_has_results_of_its_own_and_each_epoch_begins_anew(tiny_trainer):
    monitor = ImbalanceMonitor(train=True)
    trainer = tiny_trainer(callbacks=[monitor], max_epochs=2)
    module = Foreign()

    trainer.fit(module, predicting([0, 0, 0, 1], [0, 0, 1, 1]), predicting([0, 1], [0, 1]))
    trained = numbers(trainer.callback_metrics)
    trainer.test(module, predicting([1, 1, 1, 0], [0, 0, 1, 1]), verbose=False)

    assert {stage: result["balanced_accuracy"] for stage, result in monitor.results.items()} == {
        "train": 0.75,
        "val": 1.0,
        "test": 0.25,
    }
    assert monitor.results["train"]["samples"] == {"0": 2, "1": 2}
    assert (trained["train_recall/1"], trained["val_recall/1"]) == (0.5, 1.0)
    assert float(trainer.callback_metrics["test_recall/1"]) == 0.5


def test_training_batches_are_not_counted_unless_asked(tiny_trainer):
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor()])

    trainer.fit(Foreign(), predicting([0, 1], [0, 1]))

    assert monitor.results == {}
    assert trainer.callback_metrics == {}


def test_training_batches_of_a_weighted_classifier_are_counted_when_asked(tiny_trainer, blobs):
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor(train=True)])

    trainer.fit(WeightedClassifier(nn.Linear(3, 3)), DataLoader(blobs([20, 5, 5], ["a", "b", "c"]), 8))

    assert monitor.results["train"]["samples"] == {"a": 20, "b": 5, "c": 5}
    assert {f"train_{name}" for name in AGGREGATES} < set(trainer.callback_metrics)


def test_a_class_without_a_sample_is_left_out_of_logs_and_means_and_named_once(tiny_trainer):
    target, predicted = [0, 0, 0, 1], [0, 0, 2, 1]
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor(class_names=["cat", "dog", "cow"])], max_epochs=3)

    with pytest.warns(UserWarning, match="cow") as caught:
        trainer.fit(Foreign(), predicting([0], [0], 3), predicting(predicted, target))

    assert [str(warning.message) for warning in caught if "recall" in str(warning.message)] == [
        "no val sample of class 'cow': its recall is not logged, and no mean of recalls contains it."
    ]
    logged = numbers(trainer.callback_metrics)
    assert "val_recall/cow" not in logged
    assert logged["val_balanced_accuracy"] == pytest.approx(5 / 6)
    assert logged["val_geometric_mean"] == pytest.approx((2 / 3) ** 0.5)
    assert all(math.isfinite(value) for value in logged.values())
    assert math.isnan(monitor.results["val"]["recall"]["cow"])
    assert logged["val_macro_f1"] == pytest.approx(f1_score(target, predicted, average="macro"))


def test_groups_are_those_of_the_training_counts(validated):
    distribution = ClassDistribution([200, 50, 5, 4])
    loader = predicting([0, 0, 1, 1, 2, 0], [0, 0, 1, 0, 2, 3])

    _, logged = validated(loader, distribution=distribution)
    _, moved = validated(loader, distribution=distribution, many=40, few=5)

    assert {name: logged[f"val_recall_{name}"] for name in ("many", "medium", "few")} == pytest.approx(
        {"many": 2 / 3, "medium": 1.0, "few": 0.5}
    )
    assert {name: moved[f"val_recall_{name}"] for name in ("many", "medium", "few")} == pytest.approx(
        {"many": 5 / 6, "medium": 1.0, "few": 0.0}
    )


def test_groups_without_a_class_or_a_sample_are_not_logged(validated):
    with pytest.warns(UserWarning, match="no val sample of class '2'"):
        _, logged = validated(predicting([0, 1], [0, 1], 3), distribution=ClassDistribution([200, 150, 3]))

    assert {name for name in logged if "recall_" in name} == {"val_recall_many"}


def test_a_fitted_classifier_brings_its_training_counts_and_names(tiny_trainer, blobs):
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(many=10, few=6)])

    trainer.fit(
        WeightedClassifier(nn.Linear(3, 3)),
        DataLoader(blobs([20, 8, 5], ["a", "b", "c"]), 8),
        DataLoader(blobs([2, 2, 2]), 4),
    )

    logged = numbers(trainer.callback_metrics)
    for group, name in (("many", "a"), ("medium", "b"), ("few", "c")):
        assert logged[f"val_recall_{group}"] == logged[f"val_recall/{name}"]


def test_training_counts_of_other_classes_are_not_used(validated):
    _, logged = validated(predicting([0, 1], [0, 1]), distribution=ClassDistribution([200, 150, 3]))

    assert "val_recall_many" not in logged


# --- logits that are NaN -------------------------------------------------------------------------------------------


def warnings_about_nan(caught) -> list[str]:
    return [str(warning.message) for warning in caught if "NaN" in str(warning.message)]


WAY_OUT = (
    "Lower the learning rate, clip the gradients with `Trainer(gradient_clip_val=1.0)`, or find the operation that "
    "gives NaN with `Trainer(detect_anomaly=True)`."
)


def nan_where(rows: list[int], loader: DataLoader) -> DataLoader:
    logits, target = loader.dataset.tensors
    logits[rows] = math.nan
    return DataLoader(TensorDataset(logits, target), loader.batch_size)


def test_classes_whose_logits_are_nan_are_named_once_a_stage_and_every_figure_stays_a_number(tiny_trainer):
    loader = nan_where([1, 3, 4], predicting([0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 2]))
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor(class_names=["cat", "dog", "cow"])], max_epochs=3)
    module = Foreign()

    with pytest.warns(UserWarning, match="NaN") as in_fit:
        trainer.fit(module, predicting([0], [0], 3), loader)
    with pytest.warns(UserWarning, match="NaN") as in_test:
        trainer.test(module, loader, verbose=False)

    assert warnings_about_nan([*in_fit, *in_test]) == [
        f"the logits or probabilities of {stage} samples must be numbers, got NaN: 1 of 3 for 'cat', 2 of 2 for 'dog'. "
        f"Such samples count as missed. {WAY_OUT}"
        for stage in ("val", "test")
    ]
    results = monitor.results["val"]
    assert results["undecided"] == {"cat": 1, "dog": 2, "cow": 0}
    assert results["samples"] == {"cat": 3, "dog": 2, "cow": 1}
    assert results["predictions"] == {"cat": 2, "dog": 0, "cow": 1}
    assert results["recall"] == pytest.approx({"cat": 2 / 3, "dog": 0, "cow": 1})
    assert {name: results[name] for name in AGGREGATES} == pytest.approx(
        {"balanced_accuracy": 5 / 9, "worst_class_recall": 0, "geometric_mean": 0, "macro_f1": (0.8 + 0 + 1) / 3}
    )


def test_dataloaders_with_nan_are_named_apart(validated):
    good, bad = predicting([0, 1], [0, 1]), nan_where([0], predicting([0, 1], [0, 1]))

    with pytest.warns(UserWarning, match="NaN") as caught:
        validated(good, bad)

    assert [message.split(" samples")[0] for message in warnings_about_nan(caught)] == [
        "the logits or probabilities of val/dataloader_idx_1"
    ]


@pytest.mark.parametrize("scaled", [False, True])
def test_labels_whose_logits_or_probabilities_are_nan_are_named(scaled, validated):
    logits = torch.tensor([[1.0, math.nan], [math.nan, math.nan], [1.0, -1.0]])
    data = TensorDataset(logits.sigmoid() if scaled else logits, torch.tensor([[1, 1], [1, 0], [0, 1]]))
    returned = (lambda logits, target: {"preds": logits, "target": target}) if scaled else logits_and_target

    with pytest.warns(UserWarning, match="NaN") as caught:
        validated(DataLoader(data, 2), module=Foreign(returned), task="multilabel", class_names=["sun", "sea"])

    assert warnings_about_nan(caught) == [
        f"the logits or probabilities of val samples must be numbers, got NaN: 1 of 3 for 'sun', 2 of 3 for 'sea'. Such labels count as not predicted. {WAY_OUT}"
    ]


def test_of_many_classes_with_nan_the_first_ten_are_shown(validated):
    every = list(range(12))

    with pytest.warns(UserWarning, match="NaN") as caught:
        validated(nan_where(every, predicting(every, every)))

    shown = ", ".join(f"1 of 1 for '{index}'" for index in range(10))
    assert f"got NaN: {shown}, ... (12 classes). Such" in warnings_about_nan(caught)[0]


# --- tasks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_a_binary_module_has_the_recalls_of_negatives_and_positives(column, dtype, validated):
    logits, target = torch.tensor([1.0, -1.0, 2.0, -3.0, 1.0]), torch.tensor([1, 1, 0, 0, 1])
    data = TensorDataset(logits[:, None] if column else logits, target.to(dtype))

    _, logged = validated(DataLoader(data, 2), task="binary")

    assert logged["val_recall/negative"] == 0.5
    assert logged["val_recall/positive"] == pytest.approx(2 / 3)
    assert logged["val_balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target, logits > 0))


def test_names_of_a_binary_classifier_are_the_same_before_and_after_a_fit(tiny_trainer):
    data = DataLoader(TensorDataset(torch.randn(8, 1), torch.tensor([0, 1] * 4)), 4)
    model, monitor = WeightedClassifier(nn.Linear(1, 1), task="binary"), ImbalanceMonitor()
    trainer = tiny_trainer(callbacks=[monitor])

    trainer.validate(model, data, verbose=False)
    before = list(monitor.results["val"]["recall"])
    trainer.fit(model, data, data)

    assert before == list(monitor.results["val"]["recall"]) == ["negative", "positive"]


def test_multilabel_figures_are_one_for_each_label(validated):
    logits = torch.tensor([[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    target = torch.tensor([[1, 1], [1, 1], [1, 0], [0, 0]])

    _, logged = validated(DataLoader(TensorDataset(logits, target), 3), task="multilabel", class_names=["sun", "sea"])

    assert logged["val_recall/sun"] == pytest.approx(2 / 3)
    assert logged["val_recall/sea"] == 0.5
    expected = sum(balanced_accuracy_score(target[:, i], logits[:, i] > 0) for i in range(2)) / 2
    assert logged["val_balanced_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_ignored_targets_count_nothing_also_as_floats(dtype, task, validated):
    logits = torch.tensor([[1.0], [-1.0], [1.0], [1.0]])
    target = torch.tensor([[1], [0], [-1], [-1]], dtype=dtype)
    if task == "multilabel":
        logits, target = logits.repeat(1, 2), target.repeat(1, 2)

    monitor, _ = validated(DataLoader(TensorDataset(logits, target), 3), task=task, ignore_index=-1)

    expected = {"negative": 1, "positive": 1} if task == "binary" else {"0": 1, "1": 1}
    assert monitor.results["val"]["samples"] == expected


def test_pixels_are_counted_except_ignored_ones(validated):
    logits, target = torch.randn(4, 3, 5, 5), torch.randint(0, 3, (4, 5, 5))
    target[:, 0] = 255
    kept = target != 255

    _, logged = validated(DataLoader(TensorDataset(logits, target), 3), ignore_index=255)

    assert logged["val_balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(target[kept], logits.argmax(1)[kept])
    )


def test_settings_of_the_module_are_used_unless_the_monitor_has_its_own(validated):
    module = Foreign()
    module.class_names, module.ignore_index, module.num_classes = ["cat", "dog", "cow"], 2, 3
    loader = predicting([0, 1, 1, 0], [0, 1, 0, 2])

    with pytest.warns(UserWarning, match="no val sample of class 'cow'"):
        by_module, _ = validated(loader, module=module)
    own, _ = validated(loader, module=module, class_names=["a", "b", "c"], ignore_index=-1)

    assert by_module.results["val"]["samples"] == {"cat": 2, "dog": 1, "cow": 0}
    assert own.results["val"]["samples"] == {"a": 2, "b": 1, "c": 1}


def test_names_of_another_number_of_classes_are_not_used(validated):
    module = Foreign()
    module.class_names = ["cat", "dog", "cow"]

    _, logged = validated(predicting([0, 1], [0, 1]), module=module)

    assert {"val_recall/0", "val_recall/1"} < set(logged)


# --- how steps tell ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "options"),
    [
        (logits_and_target, {}),
        (lambda logits, target: {"scores": logits, "y": target}, {"logits_key": "scores", "target_key": "y"}),
        (lambda logits, target: {"preds": logits.argmax(1), "target": target}, {"num_classes": 2}),
        (lambda logits, target: {"preds": logits.softmax(1), "target": target}, {}),
        (
            lambda logits, target: {"guess": logits.argmax(1), "target": target},
            {"preds_key": "guess", "num_classes": 2},
        ),
        (lambda logits, target: [logits, target], {"extract": lambda outputs, _: tuple(outputs)}),
        (lambda logits, _: {"said": logits}, {"extract": lambda outputs, batch: (outputs["said"], batch[1])}),
        (lambda logits, _: logits.argmax(1), {"extract": lambda out, batch: (out, batch[1]), "num_classes": 2}),
    ],
    ids=["logits", "keys", "indices", "probabilities", "preds key", "extract", "batch", "extract indices"],
)
def test_a_module_of_somebody_else_is_understood(returned, options, validated):
    _, logged = validated(predicting([0, 0, 1, 1, 0], [0, 0, 0, 1, 1]), module=Foreign(returned), **options)

    assert logged["val_recall/0"] == pytest.approx(2 / 3)
    assert logged["val_balanced_accuracy"] == pytest.approx(7 / 12)


def test_steps_that_return_nothing_are_named_at_the_first_batch(validated):
    with pytest.raises(TypeError) as error:
        validated(predicting([0, 1], [0, 1]), module=Foreign(lambda *_: None))

    assert str(error.value) == (
        "the step must return a mapping with 'logits' (or 'preds') and 'target', got NoneType. Return them from the "
        "step, name other keys, or name the submodule whose output are the logits: "
        'ImbalanceMonitor(logits_from="model"). For anything else there is `extract=`.'
    )


def test_class_indices_without_a_number_of_classes_are_refused(validated):
    with pytest.raises(ValueError, match="must") as error:
        validated(
            predicting([0, 1], [0, 1]),
            module=Foreign(lambda logits, target: {"preds": logits.argmax(1), "target": target}),
        )

    assert str(error.value) == (
        "`num_classes` must be given where steps return class indices and the module has no `num_classes`, got None. "
        "Pass `ImbalanceMonitor(num_classes=...)`."
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"many": 10, "few": 20}, ValueError, "`few` must be at most `many`, got few=20 and many=10."),
        (
            {"class_names": ["a", "b"], "num_classes": 3},
            ValueError,
            "`class_names` must have one name for each of the 3 classes, got 2: 'a', 'b'.",
        ),
        ({"class_names": ["a", "a"]}, ValueError, "`class_names` must all be different, got 'a' more than once."),
        (
            {"task": "multi"},
            ValueError,
            "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'.",
        ),
    ],
)
def test_arguments_are_refused_by_the_constructor(arguments, kind, message):
    with pytest.raises(kind) as error:
        ImbalanceMonitor(**arguments)

    assert str(error.value) == message


# --- names, loggers, tables --------------------------------------------------------------------------------------


def test_several_dataloaders_are_counted_and_named_apart(validated):
    monitor, logged = validated(predicting([0, 1], [0, 1]), predicting([0, 0], [0, 1]))

    assert set(monitor.results) == {"val/dataloader_idx_0", "val/dataloader_idx_1"}
    assert logged["val_balanced_accuracy/dataloader_idx_0"] == 1.0
    assert logged["val_balanced_accuracy/dataloader_idx_1"] == 0.5
    assert logged["val_recall/1/dataloader_idx_1"] == 0.0
    assert {name.rpartition("/")[2] for name in logged} == {"dataloader_idx_0", "dataloader_idx_1"}


def test_names_of_several_test_dataloaders(tiny_trainer):
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor()])

    trainer.test(Foreign(), [predicting([0, 1], [0, 1]), predicting([0, 0], [0, 1])], verbose=False)

    assert monitor.results["test/dataloader_idx_1"]["balanced_accuracy"] == 0.5
    assert float(trainer.callback_metrics["test_balanced_accuracy/dataloader_idx_1"]) == 0.5


@pytest.mark.parametrize("names", [["a/b", "c.d", "e f"], ["[red]", "/", "."], ["klé", "0", "-"]])
def test_class_names_may_hold_any_sign(names, validated):
    monitor, logged = validated(predicting([0, 1, 2], [0, 1, 2]), class_names=names)

    assert {f"val_recall/{name}" for name in names} < set(logged)
    assert list(monitor.results["val"]["recall"]) == names
    assert [str(cell) for cell in monitor.table().columns[0].cells] == names


def test_any_figure_can_stop_training_and_choose_a_checkpoint_whatever_comes_first(tiny_trainer, tmp_path):
    for first in (True, False):
        monitor = ImbalanceMonitor(class_names=["a/b", "c d"])
        watching = [
            ModelCheckpoint(tmp_path / str(first), "best", monitor="val_balanced_accuracy", mode="max"),
            EarlyStopping(monitor="val_worst_class_recall", mode="max", patience=1),
            EarlyStopping(monitor="val_recall/c d", mode="max", patience=3),
        ]
        trainer = tiny_trainer(
            callbacks=[monitor, *watching] if first else [*watching, monitor],
            enable_checkpointing=True,
            max_epochs=10,
        )

        trainer.fit(Foreign(), predicting([0, 1], [0, 1]), predicting([0, 0, 1], [0, 1, 1]))

        assert trainer.current_epoch == 2
        assert float(watching[0].best_model_score) == 0.75
        assert (tmp_path / str(first) / "best.ckpt").exists()


def test_up_to_100_classes_are_logged_one_by_one(validated):
    every = list(range(100))

    _, logged = validated(predicting(every, every))

    assert len(logged) == 4 + 100


def test_beyond_100_classes_the_vector_goes_to_the_loggers_at_once(tiny_trainer, tmp_path):
    every = list(range(101))
    rows, csv = Rows(), CSVLogger(tmp_path)
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor()], logger=[rows, csv])

    trainer.fit(Foreign(), predicting(every, every), predicting([0, *every[:-1]], every))

    assert set(trainer.callback_metrics) == {f"val_{name}" for name in AGGREGATES}
    vectors = [(step, row) for step, row in rows.rows if "val_recall/7" in row]
    assert vectors == [(34, {f"val_recall/{index}": float(index == 0) for index in every})]
    header, *lines = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().splitlines()
    written = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    assert [row["val_recall/0"] for row in written if row["val_recall/0"]] == ["1.0"]
    assert [row["val_recall/100"] for row in written if row["val_recall/100"]] == ["0.0"]
    assert [float(row["val_balanced_accuracy"]) for row in written if row["val_balanced_accuracy"]] == [
        pytest.approx(1 / 101)
    ]


def test_beyond_the_limit_absent_classes_do_not_reach_the_loggers(tiny_trainer):
    rows = Rows()
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(max_logged_classes=2)], logger=rows)

    with pytest.warns(UserWarning, match="no val sample of class '1'"):
        trainer.validate(Foreign(), predicting([0, 2], [0, 2]), verbose=False)

    assert {"val_recall/0": 1.0, "val_recall/2": 1.0} in [row for _, row in rows.rows]
    assert not any("val_recall/1" in row for _, row in rows.rows)


def test_sanity_checking_is_neither_logged_nor_warned_about_nor_counted(tiny_trainer):
    # The two batches of the sanity check lack class 1; the whole validation has it.
    val = predicting([0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1])
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor()], num_sanity_val_steps=2)
    seen = []

    class AfterSanity(L.Callback):
        def on_sanity_check_end(self, trainer, _pl_module):
            seen.append((dict(monitor.results), dict(trainer.callback_metrics)))

    trainer.callbacks.append(AfterSanity())
    with warnings.catch_warnings(record=True) as caught:
        trainer.fit(Foreign(), predicting([0, 1], [0, 1]), val)

    assert seen == [({}, {})]
    assert [str(warning.message) for warning in caught if "sample of class" in str(warning.message)] == []
    assert monitor.results["val"]["samples"] == {"0": 6, "1": 1}


@pytest.mark.parametrize(
    "options",
    [{"fast_dev_run": True}, {"overfit_batches": 1}, {"limit_val_batches": 1}, {"val_check_interval": 1}],
    ids=str,
)
def test_other_kinds_of_runs_are_watched_too(options, tiny_trainer):
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor()], **options)

    trainer.fit(Foreign(), predicting([0, 1, 0, 1], [0, 1, 0, 1]), predicting([0, 1, 1, 1], [0, 0, 1, 1]))

    assert monitor.results["val"]["balanced_accuracy"] == 0.75
    assert float(trainer.callback_metrics["val_balanced_accuracy"]) == 0.75


@pytest.mark.filterwarnings("ignore:You are trying to `self.log\\(\\)` but `Trainer\\(barebones=True\\)`")
def test_a_barebones_run_has_results():
    monitor = ImbalanceMonitor()

    L.Trainer(barebones=True, max_epochs=1, accelerator="cpu", callbacks=[monitor]).fit(
        Foreign(), predicting([0, 1], [0, 1]), predicting([0, 1, 1], [0, 0, 1])
    )

    assert monitor.results["val"]["balanced_accuracy"] == 0.75


TABLE = """\
val, epoch 0: balanced accuracy 0.750, worst class recall 0.500 (cat)
 class   samples   recall   95 % interval   predicted
──────────────────────────────────────────────────────
 cat           2    0.500   0.095 - 0.905           1
 dog           1    1.000   0.207 - 1.000           2
"""


@pytest.mark.parametrize("bar", [None, TQDMProgressBar, RichProgressBar])
def test_the_table_is_printed_with_and_without_a_progress_bar(bar, tiny_trainer, capsys):
    monitor = ImbalanceMonitor(print_table=True, class_names=["cat", "dog"])
    callbacks = [monitor] if bar is None else [monitor, bar()]
    trainer = tiny_trainer(callbacks=callbacks, enable_progress_bar=bar is not None)

    trainer.validate(Foreign(), predicting([0, 1, 1], [0, 0, 1]), verbose=False)

    printed = capsys.readouterr().out
    for line in TABLE.splitlines():
        assert line.strip() in printed


def test_nothing_is_printed_unless_asked(tiny_trainer, capsys):
    tiny_trainer(callbacks=[ImbalanceMonitor()]).validate(Foreign(), predicting([0, 1], [0, 1]), verbose=False)

    assert capsys.readouterr().out == ""


def test_the_training_table_is_at_hand_and_not_printed(tiny_trainer, capsys):
    monitor = ImbalanceMonitor(print_table=True, train=True)

    tiny_trainer(callbacks=[monitor]).fit(Foreign(), predicting([0, 1], [0, 1]))

    assert capsys.readouterr().out == ""
    assert monitor.table("train").row_count == 2


def test_the_table_is_that_of_the_latest_evaluation_or_of_the_one_asked_for(tiny_trainer):
    monitor = ImbalanceMonitor()
    trainer = tiny_trainer(callbacks=[monitor])
    trainer.validate(Foreign(), predicting([0, 1, 1], [0, 0, 1]), verbose=False)
    trainer.test(Foreign(), predicting([0, 1, 2], [0, 1, 2]), verbose=False)

    assert (monitor.table().row_count, monitor.table("val").row_count) == (3, 2)
    trainer.validate(Foreign(), predicting([0, 1, 1], [0, 0, 1]), verbose=False)
    assert monitor.table().row_count == 2


@pytest.mark.parametrize("stage", [None, "val"])
def test_there_is_no_table_before_an_evaluation(stage):
    with pytest.raises(ValueError, match="must") as error:
        ImbalanceMonitor().table(stage)

    assert str(error.value) == (
        "`stage` must be one of the evaluations so far (none: run `trainer.validate` or `trainer.fit` first), "
        f"got {stage!r}."
    )


def test_an_unknown_stage_is_named_with_those_that_there_are(validated):
    monitor, _ = validated(predicting([0, 1], [0, 1]))

    with pytest.raises(ValueError, match="must") as error:
        monitor.table("test")

    assert str(error.value) == "`stage` must be one of the evaluations so far ('val'), got 'test'."


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda monitor: pickle.loads(pickle.dumps(monitor))])  # noqa: S301
def test_a_monitor_can_be_copied_and_sent_to_another_process(duplicate, validated):
    monitor, _ = validated(predicting([0, 1, 1], [0, 0, 1]), distribution=ClassDistribution([5, 3]))

    other = duplicate(monitor)

    assert other.results == monitor.results
    assert [list(column.cells) for column in other.table().columns] == [
        list(column.cells) for column in monitor.table().columns
    ]


def test_a_monitor_adds_nothing_to_a_checkpoint_of_the_module(tiny_trainer):
    module = Foreign()
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor()])

    trainer.fit(module, predicting([0, 1], [0, 1]), predicting([0, 1], [0, 1]))

    assert list(module.state_dict()) == ["scale"]


@pytest.mark.parametrize(
    ("extracted", "got"),
    [(lambda outputs, batch: outputs["logits"], "a Tensor"), (lambda outputs, batch: (1, 2, 3), "a tuple of 3")],
    ids=["a tensor", "three"],
)
def test_an_extract_that_returns_no_pair_is_named(extracted, got, tiny_trainer, blobs):
    monitor = ImbalanceMonitor(extract=extracted)

    with pytest.raises(TypeError) as error:
        tiny_trainer(callbacks=[monitor]).validate(
            WeightedClassifier(nn.Linear(2, 2), 2), DataLoader(blobs([4, 2]), 3), verbose=False
        )

    assert str(error.value) == f"`extract` must return predictions and target, a pair, got {got}."


def test_an_extract_that_loses_targets_is_refused(tiny_trainer, blobs):
    monitor = ImbalanceMonitor(extract=lambda outputs, batch: (outputs["logits"], outputs["target"][:2]))

    with pytest.raises(ValueError, match="shape"):
        tiny_trainer(callbacks=[monitor]).validate(
            WeightedClassifier(nn.Linear(2, 2), 2), DataLoader(blobs([4, 2]), 3), verbose=False
        )


def test_keys_that_extract_would_not_look_at_are_refused():
    with pytest.raises(ValueError) as error:
        ImbalanceMonitor(extract=lambda outputs, batch: batch, logits_key="z")

    assert str(error.value) == ("`logits_key`, `preds_key` and `target_key` must be left out with `extract`, got both.")
