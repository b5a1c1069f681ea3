from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lightning_imbalance.callbacks.step_outputs import StepOutput, as_step_output, read_logits, read_step_output

KEYS = ("logits", "preds", "target")
LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0], [0.5, 0.1, 0.2]])


def equal(one: StepOutput, given, target, num_classes) -> bool:
    same = torch.equal(one.given, torch.as_tensor(given)) and one.target.tolist() == target
    return same and one.num_classes == num_classes


def test_logits_are_taken_as_such_and_show_the_number_of_classes():
    step = read_step_output({"logits": LOGITS, "target": torch.tensor([0, 1, 2])}, None, "multiclass", *KEYS)

    assert equal(step, LOGITS, [0, 1, 2], 3)
    assert step.are_logits


def test_logits_come_before_predictions():
    outputs = {"logits": LOGITS, "preds": torch.tensor([1, 1, 1]), "target": torch.tensor([0, 1, 2])}

    assert equal(read_step_output(outputs, None, "multiclass", *KEYS), LOGITS, [0, 1, 2], 3)


def test_predictions_are_taken_where_there_are_no_logits():
    outputs = {"preds": torch.tensor([1, 2]), "target": torch.tensor([0, 1]), "loss": torch.tensor(1.0)}

    step = read_step_output(outputs, None, "multiclass", *KEYS)

    assert equal(step, [1, 2], [0, 1], None)
    assert not step.are_logits


def test_keys_can_have_other_names():
    outputs = {"scores": LOGITS, "y": torch.tensor([0, 1, 2]), "logits": "no tensor"}

    assert equal(read_step_output(outputs, None, "multiclass", "scores", "guess", "y"), LOGITS, [0, 1, 2], 3)


def test_pixels_are_read_as_they_stand():
    outputs = {"logits": torch.zeros(2, 4, 3, 3), "target": torch.zeros(2, 3, 3, dtype=torch.int64)}

    step = read_step_output(outputs, None, "multiclass", *KEYS)

    assert (step.given.shape, step.target.shape, step.num_classes) == ((2, 4, 3, 3), (2, 3, 3), 4)


@pytest.mark.parametrize("column", [True, False])
def test_a_binary_logit_may_stand_in_a_column(column):
    logits = torch.tensor([0.1, 0.0, -0.1])
    outputs = {"logits": logits[:, None] if column else logits, "target": torch.tensor([1, 1, 0])}

    assert equal(read_step_output(outputs, None, "binary", *KEYS), logits, [1, 1, 0], 2)


def test_multilabel_logits_stand_for_a_decision_for_each_label():
    outputs = {"logits": LOGITS, "target": torch.tensor([[1, 0, 1]] * 3)}

    step = read_step_output(outputs, None, "multilabel", *KEYS)

    assert equal(step, LOGITS, [[1, 0, 1]] * 3, 3)


@pytest.mark.parametrize("key", ["logits", "preds"])
def test_a_mixed_target_is_the_class_that_most_of_it_is(key):
    soft = torch.tensor([[0.6, 0.4, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])

    step = read_step_output({key: LOGITS, "target": soft}, None, "multiclass", *KEYS)

    assert (step.target.tolist(), step.num_classes) == ([0, 2, 1], 3)


def test_a_mixed_target_goes_with_predicted_indices_too():
    step = as_step_output(torch.tensor([0, 1]), torch.tensor([[0.6, 0.4], [0.1, 0.9]]), "multiclass")

    assert equal(step, [0, 1], [0, 1], None)


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_targets_of_yes_and_no_may_be_floats_or_probabilities(task):
    target = torch.tensor([[1.0, 0.0, 0.7], [0.0, 0.4, 1.0]])
    logits = torch.zeros(2, 3)

    step = read_step_output({"logits": logits, "target": target}, None, task, *KEYS)

    assert step.target.tolist() == [[1, 0, 1], [0, 0, 1]]
    assert step.target.dtype == torch.int64


@pytest.mark.parametrize("task", ["binary", "multilabel"])
@pytest.mark.parametrize("ignored", [-1.0, 255.0, -100.0])
@pytest.mark.parametrize("key", ["logits", "preds"])
def test_an_ignored_target_that_is_a_float_stays_recognisable(task, ignored, key):
    target = torch.tensor([[1.0, ignored, 0.0]])

    step = read_step_output({key: torch.zeros(1, 3), "target": target}, None, task, *KEYS)

    assert step.target.tolist() == [[1, int(ignored), 0]]


@pytest.mark.parametrize(
    ("preds", "task", "shown"),
    [
        (torch.zeros(2, 5), "multiclass", 5),
        (torch.zeros(2, 5, 3), "multiclass", 5),
        (torch.zeros(2, dtype=torch.int64), "multiclass", None),
        (torch.zeros(2, 5, dtype=torch.int64), "multiclass", None),
        (torch.zeros(2, 5), "multilabel", 5),
        (torch.zeros(2, 5, dtype=torch.int64), "multilabel", 5),
        (torch.zeros(2), "binary", 2),
        (torch.zeros(2, dtype=torch.int64), "binary", 2),
    ],
)
def test_the_number_of_classes_is_known_where_predictions_show_it(preds, task, shown):
    target = torch.zeros(2, dtype=torch.int64)

    assert as_step_output(preds, target, task).num_classes == shown


@pytest.mark.parametrize("preds", [torch.tensor([0, 1]), torch.zeros(2, 3)], ids=["indices", "scores"])
def test_class_indices_that_are_floats_are_refused_as_in_the_loss(preds):
    with pytest.raises(TypeError) as error:
        as_step_output(preds, torch.tensor([0.0, 1.0]), "multiclass")

    assert str(error.value) == (
        "class indices must be integers, got float32 targets. Convert them with `target.long()`."
    )


@pytest.mark.parametrize("returned", [{"logits": LOGITS}, SimpleNamespace(logits=LOGITS, loss=None)], ids=type)
@pytest.mark.parametrize("key", ["target", "labels", "mask"])
def test_targets_that_a_step_does_not_return_are_those_of_its_batch(returned, key):
    target = torch.tensor([0, 1, 2])

    for batch in ({"pixel_values": None, key: target}, (None, target)):
        assert equal(read_step_output(returned, batch, "multiclass", *KEYS), LOGITS, [0, 1, 2], 3)


def test_a_key_that_is_named_is_looked_for_in_the_batch_too():
    batch = {"image": None, "label": torch.zeros(3), "species": torch.tensor([0, 1, 2])}

    step = read_step_output({"logits": LOGITS}, batch, "multiclass", "logits", "preds", "species")

    assert step.target.tolist() == [0, 1, 2]


def test_the_targets_that_a_step_returns_go_before_those_of_its_batch():
    outputs = {"logits": LOGITS, "target": torch.tensor([2, 1, 0])}

    step = read_step_output(outputs, (None, torch.tensor([0, 1, 2])), "multiclass", *KEYS)

    assert step.target.tolist() == [2, 1, 0]


WAY_OUT = (
    "Return them from the step, name other keys, or name the submodule whose output are the logits: "
    'ImbalanceMonitor(logits_from="model"). For anything else there is `extract=`.'
)


@pytest.mark.parametrize(("outputs", "got"), [(None, "NoneType"), (torch.tensor(1.0), "Tensor"), ([1], "list")])
def test_a_step_that_returns_no_mapping_is_named(outputs, got):
    with pytest.raises(TypeError) as error:
        read_step_output(outputs, None, "multiclass", *KEYS)

    assert str(error.value) == (
        f"the step must return a mapping with 'logits' (or 'preds') and 'target', got {got}. {WAY_OUT}"
    )


@pytest.mark.parametrize(
    ("outputs", "got"),
    [
        ({"loss": 1, "logits": 2}, "'loss', 'logits'"),
        ({"target": 1}, "'target'"),
        ({}, "none"),
    ],
)
def test_a_missing_key_is_named_with_those_that_are_there(outputs, got):
    with pytest.raises(ValueError, match="must") as error:
        read_step_output(outputs, None, "multiclass", "logits", "preds", "target")

    assert str(error.value) == (
        f"the step must return a mapping with 'logits' (or 'preds') and 'target', got the keys {got}. {WAY_OUT}"
    )


def test_other_keys_are_named_in_the_message():
    with pytest.raises(ValueError, match="must") as error:
        read_step_output({"logits": 1}, None, "multiclass", "scores", "guess", "y")

    assert str(error.value) == (
        f"the step must return a mapping with 'scores' (or 'guess') and 'y', got the keys 'logits'. {WAY_OUT}"
    )


def test_logits_and_targets_that_do_not_fit_are_refused_with_both_shapes():
    outputs = {"logits": torch.zeros(4, 3), "target": torch.zeros(4, 1, dtype=torch.int64)}

    with pytest.raises(ValueError, match="must") as error:
        read_step_output(outputs, None, "multiclass", *KEYS)

    assert str(error.value) == (
        "class indices must have shape (4,) for logits of shape (4, 3), got (4, 1). Use `target.squeeze(1)`."
    )


@pytest.mark.parametrize(
    ("outputs", "kind", "got"),
    [
        (None, TypeError, "NoneType"),
        ({"loss": 1, "logits": 2}, ValueError, "the keys 'loss', 'logits'"),
        ({}, ValueError, "the keys none"),
    ],
)
def test_a_validation_step_without_logits_and_targets_is_named(outputs, kind, got):
    with pytest.raises(kind) as error:
        read_logits(outputs, "multiclass", "logits", "target")

    assert str(error.value) == (
        f"`validation_step` must return a mapping with 'logits' and 'target', got {got}. Return them, or pass `logits_key` and `target_key`."
    )
