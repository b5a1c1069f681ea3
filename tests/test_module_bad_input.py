"""What a WeightedClassifier refuses, in which words, and before what has happened."""

from __future__ import annotations

from functools import partial

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.losses import WeightedCrossEntropy

NO_MODEL = (
    "`model` must be given, a torch.nn.Module that maps inputs to logits (or `forward` defined in a subclass), got "
    "None. A checkpoint does not hold the model: pass it again, `load_from_checkpoint(path, model=...)`."
)


class WithLabels(TensorDataset):
    """Says labels of its own, so that a mistake in its samples is met in training and not in counting."""

    def __init__(self, *tensors, labels) -> None:
        super().__init__(*tensors)
        self.labels = labels

    def class_labels(self):
        return self.labels


class StepsTaken(L.Callback):
    def __init__(self) -> None:
        self.steps = 0
        self.start: list[torch.Tensor] = []

    def on_fit_start(self, _trainer, pl_module):
        self.start = [parameter.clone() for parameter in pl_module.parameters()]

    def on_before_optimizer_step(self, *_):
        self.steps += 1

    def unchanged(self, model) -> bool:
        return all(map(torch.equal, self.start, model.parameters()))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"model": None}, TypeError, NO_MODEL),
        (
            {"model": nn.Linear},
            TypeError,
            (
                "`model` must be a torch.nn.Module that maps inputs to logits, got type: "
                "<class 'torch.nn.modules.linear.Linear'>."
            ),
        ),
        ({"model": 6}, TypeError, "`model` must be a torch.nn.Module that maps inputs to logits, got int: 6."),
        (
            {"task": "multi"},
            ValueError,
            "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'.",
        ),
        (
            {"num_classes": 1},
            ValueError,
            '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 1.',
        ),
        (
            {"num_classes": 3, "task": "binary"},
            ValueError,
            '`num_classes` must be 2 for `task="binary"` (or be left out), got 3.',
        ),
        (
            {"num_classes": 3, "class_names": ["a", "b"]},
            ValueError,
            "`class_names` must have one name for each of the 3 classes, got 2: 'a', 'b'.",
        ),
        ({"class_names": ["a", "a"]}, ValueError, "`class_names` must all be different, got 'a' more than once."),
        (
            {"class_names": "ab"},
            TypeError,
            "`class_names` must be a sequence of strings, one a class, got 'ab'.",
        ),
        (
            {"loss": "cross_entropi"},
            ValueError,
            (
                "`loss` must be one of 'cross_entropy', 'bce', 'focal', 'balanced_softmax', 'logit_adjusted', "
                "'vector_scaling', 'ldam', 'seesaw', 'asymmetric', 'label_aware_smoothing', 'distribution_balanced', "
                "'equalization', a torch.nn loss or a function, got 'cross_entropi'. Did you mean 'cross_entropy'?"
            ),
        ),
        (
            {"loss": "bce"},
            ValueError,
            '`loss="bce"` must come with `task="binary"` or `task="multilabel"`, got `task="multiclass"`.',
        ),
        (
            {"loss": 3},
            TypeError,
            "`loss` must be a name, a torch.nn loss or a function of logits and target, got 3.",
        ),
        (
            {"loss": nn.CrossEntropyLoss(weight=torch.ones(2))},
            ValueError,
            (
                "`loss` must come without weights of its own, got CrossEntropyLoss with `weight`. Give them as "
                "`weighting=[...]` instead, so that they reach the checkpoint and the mean."
            ),
        ),
        (
            {"loss": nn.BCEWithLogitsLoss()},
            ValueError,
            "`loss` must fit the task 'multiclass', got BCEWithLogitsLoss, which is for `task=\"binary\"`.",
        ),
        (
            {"loss": WeightedCrossEntropy(ignore_index=1), "ignore_index": 255},
            ValueError,
            (
                "`ignore_index` must be the same in the loss and beside it, got 1 in WeightedCrossEntropy and 255. "
                "Give it to the loss."
            ),
        ),
    ],
)
def test_arguments_are_refused_by_the_constructor(arguments, kind, message):
    with pytest.raises(kind) as error:
        WeightedClassifier(**{"model": nn.Linear(2, 2), **arguments})

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "kind", "rest"),
    [
        (
            {"weighting": "balancd"},
            ValueError,
            (
                "be one of 'uniform', 'balanced', 'complement', 'inverse', 'inverse_sqrt', 'effective_number', "
                "'median_frequency', 'log', got 'balancd'. Did you mean 'balanced'?"
            ),
        ),
        (
            {"weighting": [1.0, 2.0, 3.0], "num_classes": 2},
            ValueError,
            "give one weight for each of the 2 classes, got shape (3,).",
        ),
        (
            {"weighting": [[1.0, 2.0], [1.0, 2.0]]},
            ValueError,
            "be one number a class, shape (C,), got [[1.0, 2.0], [1.0, 2.0]].",
        ),
        (
            {"weighting": [1.0, float("nan")]},
            ValueError,
            "give finite weights that are not negative, got nan for class '1'.",
        ),
        (
            {"weighting": torch.tensor([1.0, -1.0])},
            ValueError,
            "give finite weights that are not negative, got -1.0 for class '1'.",
        ),
        (
            {"weighting": {"cat": 1.0, "dog": float("inf")}},
            ValueError,
            "give finite weights that are not negative, got inf for class 'dog'.",
        ),
        (
            {"weighting": {"cat": 1.0, "cow": 2.0}, "class_names": ["cat", "dog"]},
            ValueError,
            "give a weight to each class ('cat', 'dog') and to nothing else, got no weight for 'dog'.",
        ),
        (
            {"weighting": {"cat": 1.0, "dog": 1.0, "cow": 2.0}, "class_names": ["cat", "dog"]},
            ValueError,
            (
                "give a weight to each class ('cat', 'dog') and to nothing else, got a weight for 'cow', "
                "which is no class."
            ),
        ),
        (
            {"weighting": None},
            TypeError,
            "be a name, a callable, a mapping from class to number, or one number a class, got NoneType: None.",
        ),
    ],
)
def test_weights_that_cannot_be_meant_are_refused_by_the_constructor(arguments, kind, rest):
    with pytest.raises(kind) as error:
        WeightedClassifier(nn.Linear(2, 2), **arguments)

    assert str(error.value) == f"the weighting must {rest}"


def test_names_of_weights_are_compared_with_those_of_the_data(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(2, 2), weighting={"cat": 1.0, "cow": 2.0})

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(model, DataLoader(blobs([4, 2], ["cat", "dog"])))

    assert str(error.value) == (
        "the weighting must give a weight to each class ('cat', 'dog') and to nothing else, got no weight for 'dog'."
    )


@pytest.mark.parametrize(
    ("weighting", "kind", "message"),
    [
        (
            lambda _: torch.ones(3),
            ValueError,
            "the weighting must give one weight for each of the 2 classes, got shape (3,).",
        ),
        (
            lambda _: "much",
            TypeError,
            (
                "the weighting must be a name, a callable, a mapping from class to number, or one number a class, "
                "got str: 'much'."
            ),
        ),
        (
            lambda d: d.counts - 4.0,
            ValueError,
            "the weighting must give finite weights that are not negative, got -2.0 for class '1'.",
        ),
    ],
    ids=["length", "type", "negative"],
)
def test_what_a_callable_gives_is_checked_before_training(weighting, kind, message, tiny_trainer, blobs):
    steps = StepsTaken()

    with pytest.raises(kind) as error:
        tiny_trainer(callbacks=[steps]).fit(
            WeightedClassifier(nn.Linear(2, 2), weighting=weighting), DataLoader(blobs([4, 2]))
        )

    assert str(error.value) == message
    assert steps.start == []


@pytest.mark.parametrize("known", [None, 2])
def test_one_class_only_is_refused_before_training(known, tiny_trainer):
    data = TensorDataset(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(2, 2), known), DataLoader(data))

    assert str(error.value) == (
        "the training data must hold samples of at least 2 classes, got only '0' (3 samples). Check the labels, and "
        "the split if there is one."
    )


def test_labels_that_are_all_ignored_are_refused_before_training(tiny_trainer):
    data = TensorDataset(torch.zeros(3, 2), torch.full((3,), 255))

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(2, 2), 2, ignore_index=255), DataLoader(data))

    assert str(error.value) == (
        "the training data must hold at least one label, got an empty data set (all of them are `ignore_index`)."
    )


def test_class_distribution_must_give_a_distribution(tiny_trainer, blobs):
    class Own(WeightedClassifier):
        def class_distribution(self):
            return [4, 2]

    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(Own(nn.Linear(2, 2)), DataLoader(blobs([4, 2])))

    assert str(error.value) == "`class_distribution()` must return a ClassDistribution, got list."


def test_class_distribution_must_have_the_classes_of_the_model(tiny_trainer, blobs):
    class Own(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution([4, 2, 1])

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(Own(nn.Linear(2, 2), num_classes=2), DataLoader(blobs([4, 2])))

    assert str(error.value) == "`class_distribution()` must have the 2 classes of the model, got 3."


def test_a_datamodule_without_train_dataloader_is_named(tiny_trainer):
    class Empty(L.LightningDataModule):
        pass

    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(2, 2)), datamodule=Empty())

    assert str(error.value) == "`datamodule` must have a method `train_dataloader()`, got Empty without one."


@pytest.mark.parametrize(
    ("samples", "got"),
    [
        (TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), torch.zeros(4)), "a list of 3"),
        ([{"image": torch.zeros(2), "class": i % 2} for i in range(4)], "a dict with keys 'image', 'class'"),
        (torch.zeros(4, 2), "a Tensor"),
    ],
    ids=["three", "keys", "tensor"],
)
def test_a_batch_that_cannot_be_unpacked_is_described(samples, got, tiny_trainer):
    class Known(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution([2, 2])

    with pytest.raises(TypeError) as error:
        tiny_trainer().fit(Known(nn.Linear(2, 2)), DataLoader(samples, 2))

    assert str(error.value) == (
        "`batch` must be an (inputs, target) pair, or a mapping with one usual input key (image, inputs, x, ...) and "
        f"one usual target key (label, target, y, ...), got {got}. Override `unpack_batch(batch)` to return the pair."
    )


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("with_validation", [True, False])
def test_logits_of_another_width_are_refused_with_both_numbers_before_the_first_step(
    width, with_validation, tiny_trainer, blobs
):
    model, steps = WeightedClassifier(nn.Linear(2, width)), StepsTaken()
    loader = DataLoader(blobs([4, 2]), 2)

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer(callbacks=[steps]).fit(model, loader, loader if with_validation else None)

    way_out = ", or pass `num_classes=3` if there are classes without samples" if width == 3 else ""
    assert str(error.value) == (
        f"the model must give one logit for each of the 2 classes, got {width} (logits of shape (2, {width})). "
        f"Change the model's last layer to 2 outputs{way_out}."
    )
    assert steps.steps == 0
    assert steps.unchanged(model)


def test_two_outputs_for_a_yes_or_no_question_are_refused(tiny_trainer, blobs):
    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(2, 2), task="binary"), DataLoader(blobs([4, 2]), 2))

    assert str(error.value) == (
        "binary logits must have one column, shape (N,) or (N, 1), got (2, 2) for targets of shape (2,). For a model "
        'with two outputs use `task="multiclass"`.'
    )


def test_a_target_outside_the_classes_is_refused_in_the_middle_of_training(tiny_trainer):
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    target = labels.clone()
    target[5] = 2
    data, steps = WithLabels(torch.randn(6, 2), target, labels=labels), StepsTaken()
    model = WeightedClassifier(nn.Linear(2, 2), optimizer=partial(torch.optim.SGD, lr=0.1))

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer(callbacks=[steps]).fit(model, DataLoader(data, 2))

    assert str(error.value) == (
        "targets must be class indices from 0 to 1, got 2. Pass a larger `num_classes` if it is a class, or `ignore_index=2` to leave such targets out."
    )
    assert steps.steps == 2


def test_a_target_outside_the_classes_is_refused_beside_an_ignored_one(tiny_trainer):
    data = WithLabels(torch.randn(2, 2), torch.tensor([255, -1]), labels=torch.tensor([0, 1]))

    with pytest.raises(ValueError, match="must") as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(2, 2), ignore_index=255), DataLoader(data, 2))

    assert str(error.value) == "targets must be class indices from 0 to 1, got -1."


def test_targets_that_are_floats_are_refused_where_indices_are_meant():
    model = WeightedClassifier(nn.Linear(2, 2), 2)

    with pytest.raises(TypeError) as error:
        model.compute_loss(torch.zeros(3, 2), torch.tensor([0.0, 1.0, 1.0]))

    assert str(error.value) == (
        "class indices must be integers, got float32 targets. Convert them with `target.long()`."
    )


@pytest.mark.parametrize("run", ["validate", "test"])
def test_evaluation_before_the_classes_are_known_says_how_to_make_them_known(run, tiny_trainer, blobs):
    with pytest.raises(ValueError, match="must") as error:
        getattr(tiny_trainer(), run)(WeightedClassifier(nn.Linear(2, 2)), DataLoader(blobs([4, 2]), 2))

    assert str(error.value) == (
        "the classes must be known before a loss can be weighted, got a model that was neither fitted nor loaded. Call "
        "`trainer.fit` first, give `ckpt_path`, or pass `num_classes`."
    )


def test_prediction_needs_no_classes(tiny_trainer, blobs):
    [first, *_] = tiny_trainer().predict(WeightedClassifier(nn.Linear(2, 2)), DataLoader(blobs([4, 2]), 2))

    assert first.shape == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"optimizer": "adam"},
            "`optimizer` must be a function of the parameters, for example a class or a partial, got 'adam'.",
        ),
        (
            {"lr_scheduler": 0.1},
            "`lr_scheduler` must be a function of the optimizer, for example a class or a partial, got 0.1.",
        ),
    ],
)
def test_an_optimizer_that_is_no_factory_is_refused_at_construction(arguments, message):
    with pytest.raises(TypeError) as error:
        WeightedClassifier(torch.nn.Linear(2, 2), **arguments)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "whose"),
    [
        ({"weighting": [1.0, 2.0]}, "weighting"),
        ({"class_names": ["a", "b"]}, "class_names"),
        ({"target_prior": [0.3, 0.7]}, "target_prior"),
    ],
)
def test_too_few_weights_or_names_are_named_where_the_data_have_more_classes(arguments, whose, tiny_trainer, blobs):
    with pytest.raises(ValueError, match="do not fit") as error:
        tiny_trainer().fit(WeightedClassifier(nn.Linear(3, 3), **arguments), DataLoader(blobs([4, 3, 2]), 3))

    assert str(error.value).startswith(
        f"`{whose}` is for 2 classes, and the training data do not fit: labels must be below the number of classes, 2"
    )


def test_weights_by_name_for_data_without_names_say_how_to_name_them(tiny_trainer, blobs):
    with pytest.raises(ValueError, match="must give a weight") as error:
        tiny_trainer().fit(
            WeightedClassifier(nn.Linear(2, 2), weighting={"cat": 1, "dog": 2}), DataLoader(blobs([4, 2]), 3)
        )

    assert str(error.value) == (
        "the weighting must give a weight to each class ('0', '1') and to nothing else, got no weight for '0'. Pass "
        "`class_names=[...]` in the order of the labels: the data name no classes."
    )
