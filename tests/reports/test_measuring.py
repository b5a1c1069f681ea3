from __future__ import annotations

from typing import Any

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.reports.measuring import indices_of_classes, measure

NAMES = ["cat", "dog", "eel"]


def model_for(names=tuple(NAMES), task="multiclass", network=None, **arguments) -> WeightedClassifier:
    model = WeightedClassifier(network or nn.Identity(), len(names), task=task, **arguments)
    model.adopt(
        ClassDistribution([9, 6, 3][: len(names)], names, task, num_samples=18 if task == "multilabel" else None)
    )
    return model


class Data(L.LightningDataModule):
    """Parts as they are given, in batches of 4; says how often it was set up."""

    def __init__(self, class_names=None, **parts: Any) -> None:
        super().__init__()
        self.parts, self.stages = parts, []
        if class_names:
            self.class_names = class_names

    def setup(self, stage: str) -> None:
        self.stages.append(stage)

    def _part(self, name: str) -> Any:
        part = self.parts.get(name)
        return None if part is None else DataLoader(part, batch_size=4)

    def train_dataloader(self) -> Any:
        return self._part("train")

    def val_dataloader(self) -> Any:
        return self._part("val")

    def test_dataloader(self) -> Any:
        return self._part("test")


def samples(target, classes=3):
    target = torch.as_tensor(target)
    return TensorDataset(torch.randn(len(target), classes), target)


@pytest.mark.parametrize(
    ("asked", "parts", "found"),
    [
        (None, ("val", "test"), "test"),
        (None, ("val",), "val"),
        ("val", ("val", "test"), "val"),
        ("test", ("test",), "test"),
    ],
)
def test_the_test_part_is_measured_unless_another_is_asked_for(asked, parts, found):
    data = {name: samples([0, 1, 2, 0, 1] if name == "val" else [2, 2, 1]) for name in (*parts, "train")}

    measured = measure(model_for(), Data(NAMES, **data), asked)

    assert measured.part == found
    inputs, target = data[found].tensors
    assert torch.equal(measured.logits, inputs)
    assert torch.equal(measured.target, target)


def test_training_data_are_counted_in_the_order_of_the_model_and_need_not_be_there():
    there = measure(model_for(), Data(NAMES, train=samples([0, 0, 2]), test=samples([1])))
    missing = measure(model_for(), L.LightningDataModule.from_datasets(test_dataset=samples([1])))

    assert there.training_part == ClassDistribution([2, 0, 1], NAMES)
    assert missing.training_part is None


def test_a_class_that_is_missing_in_the_data_moves_no_other_class():
    data = Data(["cat", "eel"], train=samples([0, 1, 1]), test=samples([1, 0, 1]))

    measured = measure(model_for(), data)

    assert measured.target.tolist() == [2, 0, 2]
    assert measured.training_part == ClassDistribution([1, 0, 2], NAMES)


def test_a_split_by_chance_is_drawn_once():
    class Chance(Data):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            if stage == "fit":
                whole = samples([0, 1, 2] * 5)
                self.parts["train"], self.parts["test"] = random_split(whole, [8, 7])

    data = Chance(NAMES)
    state = torch.get_rng_state()

    measured = measure(model_for(), data)

    assert data.stages == ["fit", "test"]
    test = data.parts["test"]
    assert measured.target.tolist() == [int(test[index][1]) for index in range(7)]
    assert torch.equal(state, torch.get_rng_state())


def test_pixels_are_samples_and_ignored_ones_are_left_out():
    logits, target = torch.randn(5, 3, 2, 2), torch.randint(0, 3, (5, 2, 2))
    target[:, 0, 0] = 255
    data = Data(NAMES, test=TensorDataset(logits, target))

    measured = measure(model_for(ignore_index=255), data)

    kept = target != 255
    assert torch.equal(measured.target, target[kept])
    assert torch.equal(measured.logits, logits.movedim(1, -1)[kept])


@pytest.mark.parametrize(("shape", "classes"), [((6,), ("no", "yes")), ((6, 1), ("no", "yes"))])
def test_a_yes_or_no_question_has_one_logit(shape, classes):
    logits, target = torch.randn(shape), torch.tensor([0, 1, 1, 0, 1, 0])

    measured = measure(model_for(classes, "binary"), Data(test=TensorDataset(logits, target)))

    assert torch.equal(measured.logits, logits.flatten())
    assert torch.equal(measured.target, target)


def test_labels_that_do_not_exclude_each_other_keep_what_is_ignored():
    logits, target = torch.randn(4, 3), torch.tensor([[0, 1, -1], [1, 1, 0], [0, 0, 0], [-1, 1, 1]])

    measured = measure(model_for(task="multilabel", ignore_index=-1), Data(test=TensorDataset(logits, target)))

    assert torch.equal(measured.logits, logits)
    assert torch.equal(measured.target, target)


def test_the_way_to_a_device_is_that_of_the_datamodule():
    class Doubled(Data):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return batch[0] * 2, batch[1]

    inputs = samples([0, 1, 2])

    measured = measure(model_for(), Doubled(NAMES, test=inputs))

    assert torch.equal(measured.logits, inputs.tensors[0] * 2)


def test_the_model_is_left_in_its_mode():
    model = model_for(network=nn.Dropout(0.5))
    assert model.training

    first, second = (
        measure(model, Data(NAMES, test=TensorDataset(torch.ones(4, 3), torch.zeros(4).long()))) for _ in range(2)
    )

    assert model.training
    assert torch.equal(first.logits, torch.ones(4, 3))
    assert torch.equal(first.logits, second.logits)


class LossAlone(WeightedClassifier):
    def test_step(self, batch: Any, batch_idx: int) -> Any:
        return super().test_step(batch, batch_idx)["loss"]


def several(data):
    data.test_dataloader = lambda: [data._part("test")] * 2
    return data


@pytest.mark.parametrize(
    ("model", "data", "part", "error", "message"),
    [
        (lambda: WeightedClassifier(nn.Identity(), 3), lambda: Data(test=samples([1])), None, ValueError, "`model` must have been fitted, or loaded from a checkpoint of this package, for its classes to be known, got one that was neither."),
        (model_for, lambda: Data(NAMES, train=samples([1])), None, ValueError, "the data must have a validation or a test part to measure the model on, got Data without."),
        (model_for, lambda: Data(NAMES, val=samples([1])), "test", ValueError, "the data must have a test part to measure the model on, got Data without."),
        (lambda: model_for(ignore_index=1), lambda: Data(NAMES, test=samples([1, 1])), None, ValueError, "the test part must have samples to measure the model on, got none."),
        (model_for, lambda: several(Data(NAMES, test=samples([1]))), None, TypeError, "`Data.test_dataloader()` must return one DataLoader, got 2 of them."),
        (model_for, lambda: Data(NAMES, test=TensorDataset(torch.zeros(2, 3), torch.ones(2, 3) / 3)), None, TypeError, "the targets of validation and test data must be class indices for a class to have samples, got class probabilities."),
        (model_for, lambda: Data(["cat", "fox"], train=samples([0, 1]), test=samples([1])), None, ValueError, "the data must have the 3 classes of the model, 'cat', 'dog', 'eel', or some of them, got 'fox' too."),
        (model_for, lambda: Data(train=samples([0, 3]), test=samples([1])), None, ValueError, "the data must have the 3 classes of the model, 'cat', 'dog', 'eel', or some of them, got 4."),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(model, data, part, error, message):
    with pytest.raises(error) as refused:
        measure(model(), data(), part)

    assert str(refused.value) == message


def test_steps_of_another_form_are_named():
    model = LossAlone(nn.Identity(), 3)
    model.adopt(ClassDistribution([9, 6, 3], NAMES))

    with pytest.raises(TypeError) as refused:
        measure(model, Data(NAMES, test=samples([1])))

    assert (
        str(refused.value)
        == "the validation and test steps of LossAlone must return a mapping with 'logits' and 'target', as those of WeightedClassifier do, got Tensor."
    )


def test_more_than_memory_holds_is_refused_before_it_is_there(monkeypatch):
    monkeypatch.setattr("lightning_imbalance.reports.measuring._MOST", 20)

    with pytest.raises(ValueError) as refused:
        measure(model_for(), Data(NAMES, test=samples([1] * 9)))

    assert str(refused.value) == (
        "a report must hold the probabilities of all targets, at most 20 numbers, got more with logits of shape (4, 3) in a batch. "
        "Measure such data with an ImbalanceMonitor, which holds counts alone: `lightning-imbalance test`, or `trainer.test`."
    )


@pytest.mark.parametrize(
    ("found", "trained_on", "expected"),
    [
        (ClassDistribution([1, 1], ["eel", "cat"]), ClassDistribution([1, 1, 1], NAMES), [2, 0]),
        (ClassDistribution([1, 1]), ClassDistribution([1, 1, 1], NAMES), [0, 1]),
        (ClassDistribution([1, 1], ["a", "b"]), ClassDistribution([1, 1]), [0, 1]),
    ],
)
def test_names_decide_where_both_have_some(found, trained_on, expected):
    assert indices_of_classes(found, trained_on).tolist() == expected


def test_labels_in_another_order_are_refused():
    names = ["a", "b"]
    trained_on = ClassDistribution([1, 1], names, task="multilabel", num_samples=2)

    with pytest.raises(ValueError) as refused:
        indices_of_classes(ClassDistribution([1, 1], names[::-1], task="multilabel", num_samples=2), trained_on)

    assert (
        str(refused.value)
        == "the labels of the data must be those of the model, 'a', 'b', in the same order, got 'b', 'a'."
    )
