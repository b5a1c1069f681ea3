from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.functional import confusion_counts
from lightning_imbalance.metrics import BalancedAccuracy, ClassCounts, GeometricMean, MacroF1, WorstClassRecall


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


def counted(metric: ClassCounts, *batches: tuple[torch.Tensor, torch.Tensor]) -> list[list[int]]:
    for preds, target in batches:
        metric.update(preds, target)
    return [vector.tolist() for vector in metric.compute()]


@given(
    st.sampled_from(["multiclass", "binary", "multilabel"]),
    st.integers(0, 20),
    st.lists(st.integers(0, 20), max_size=4),
    st.sampled_from([None, -100, 255]),
    st.integers(0, 2**16),
)
def test_any_split_into_batches_counts_what_one_update_counts(task, size, cuts, ignore_index, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = (size, 3) if task == "multilabel" else (size,)
    top = 3 if task == "multiclass" else 2
    preds, target = torch.randint(top, (2, *shape), generator=generator)
    if ignore_index is not None:
        target[torch.rand(shape, generator=generator) < 0.3] = ignore_index
    num_classes = None if task == "binary" else 3
    bounds = [0, *sorted(cuts), 20]
    batches = [(preds[a:b], target[a:b]) for a, b in itertools.pairwise(bounds)]

    once, split = (ClassCounts(num_classes, task, ignore_index) for _ in range(2))

    assert counted(split, *batches) == counted(once, (preds, target))


def test_two_processes_add_their_counts():
    preds, target = torch.randint(3, (2, 30))
    whole, *ranks = (ClassCounts(3) for _ in range(3))
    whole.update(preds, target)
    ranks[0].update(preds[:11], target[:11])
    ranks[1].update(preds[11:], target[11:])

    # What torchmetrics does with states whose reduction is "sum", without starting processes.
    gathered = {name: [getattr(rank, name) for rank in ranks] for name in whole._defaults}

    for name, states in gathered.items():
        assert torch.equal(whole._reductions[name](torch.stack(states)), getattr(whole, name))


def test_a_process_group_is_asked_for_every_state():
    asked = []

    def gather(state: torch.Tensor, group: object) -> list[torch.Tensor]:
        asked.append(group)
        return [state, state]

    metric = ClassCounts(2, dist_sync_fn=gather, distributed_available_fn=lambda: True)
    metric.update(torch.tensor([0, 1]), torch.tensor([0, 0]))

    counts = metric.compute()

    assert len(asked) == 5
    assert [vector.tolist() for vector in counts] == [[2, 0], [2, 2], [4, 0], [4, 4], [0, 0]]
    assert metric.samples.tolist() == [2, 0]


@pytest.mark.parametrize("shape", [(10, 4), (3, 4, 5), (2, 4, 3, 3)])
@pytest.mark.parametrize("scaled", [False, True])
def test_logits_and_probabilities_count_by_the_largest(shape, scaled):
    logits = torch.randn(shape)
    target = torch.randint(4, (shape[0], *shape[2:]))

    counts = counted(ClassCounts(4), (logits.softmax(1) if scaled else logits, target))

    assert counts == [vector.tolist() for vector in confusion_counts(logits.argmax(1), target, 4)]


@pytest.mark.parametrize(("shape", "target_shape"), [((5,), (5,)), ((5, 1), (5,)), ((5, 1), (5, 1))])
@pytest.mark.parametrize("kind", ["logits", "probabilities", "decisions"])
def test_binary_predictions_may_have_a_column(shape, target_shape, kind):
    logits = torch.tensor([-2.0, 3.0, 0.5, -0.1, 9.0])
    preds = {"logits": logits, "probabilities": logits.sigmoid(), "decisions": (logits > 0).long()}[kind]

    counts = counted(
        ClassCounts(task="binary"), (preds.reshape(shape), torch.tensor([0, 1, 0, 1, 1]).reshape(target_shape))
    )

    assert counts == [[1, 2], [2, 3], [2, 3], [5, 5], [0, 0]]


@pytest.mark.parametrize(("threshold", "positive"), [(0.5, 1), (0.3, 2), (0.9, 0)])
def test_a_probability_of_exactly_the_threshold_is_negative(threshold, positive):
    preds = torch.tensor([0.3, 0.5, 0.9], dtype=torch.float64)

    counts = counted(ClassCounts(task="binary", threshold=threshold), (preds, torch.ones(3, dtype=torch.int64)))

    assert counts[1] == [3 - positive, positive]


def test_the_threshold_is_a_probability_also_for_logits():
    logits = torch.tensor([[-1.0, 2.0], [1.5, 0.5]])

    counts = counted(ClassCounts(2, "multilabel", threshold=0.8), (logits, torch.ones(2, 2, dtype=torch.int64)))

    assert counts[1] == [1, 1]  # sigmoid(1.5) = 0.82, sigmoid(2) = 0.88, sigmoid(0.5) = 0.62


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_predictions_are_counted(dtype):
    counts = counted(ClassCounts(2), (torch.tensor([[1.0, 2.0], [2.0, 1.0]], dtype=dtype), torch.tensor([1, 1])))

    assert counts[0] == [0, 1]


def test_an_empty_batch_counts_nothing():
    metric = ClassCounts(3)

    assert counted(metric, (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))) == [[0, 0, 0]] * 5


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_number_of_classes_is_needed(task):
    assert refusal(ValueError, ClassCounts, task=task) == f'`num_classes` must be given for `task="{task}"`, got None.'


@pytest.mark.parametrize("threshold", [0, 1, 50, -0.1])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    assert refusal(ValueError, ClassCounts, task="binary", threshold=threshold) == (
        f"`threshold` must be between 0 and 1, got {threshold}."
    )


def test_a_wrong_task_or_number_of_classes_is_refused():
    assert refusal(ValueError, ClassCounts, 3, "multi") == (
        "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'."
    )
    assert refusal(ValueError, ClassCounts, 1) == (
        '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 1.'
    )


@pytest.mark.parametrize(
    ("preds", "target", "task", "ignore_index", "expected"),
    [
        ([0, 3], [0, 0], "multiclass", None, "`preds` must be class indices from 0 to 2, got 3."),
        ([0, 0], [0, -100], "multiclass", None, "`target` must be class indices from 0 to 2, got -100."),
        ([0, 0], [255, 4], "multiclass", 255, "`target` must be class indices from 0 to 2, got 4."),
        ([0, -100], [0, 0], "multiclass", -100, "`preds` must be class indices from 0 to 2, got -100."),
        ([0, 1], [0, 2], "binary", None, "`target` must be class indices from 0 to 1, got 2."),
        ([[0, 1, 2]], [[0, 1, 1]], "multilabel", None, "`preds` must be class indices from 0 to 1, got 2."),
    ],
)
def test_labels_outside_the_classes_are_refused_on_the_cpu(preds, target, task, ignore_index, expected):
    metric = ClassCounts(None if task == "binary" else 3, task, ignore_index)

    assert refusal(ValueError, metric.update, torch.tensor(preds), torch.tensor(target)) == expected
    assert metric.samples.sum() == 0


def test_logits_of_another_width_are_refused():
    assert refusal(ValueError, ClassCounts(3).update, torch.zeros(2, 4), torch.tensor([0, 1])) == (
        "the model must give one logit for each of the 3 classes, got 4 (logits of shape (2, 4)). "
        "Change the model's last layer to 3 outputs, or pass `num_classes=4` if there are classes without samples."
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_labels_of_another_width_are_refused_not_broadcast(dtype):
    preds, target = torch.zeros(2, 1, dtype=dtype), torch.zeros(2, 1, dtype=torch.int64)

    assert refusal(ValueError, ClassCounts(3, "multilabel").update, preds, target) == (
        "the model must give one logit for each of the 3 classes, got 1 (logits of shape (2, 1)). "
        "Change the model's last layer to 3 outputs."
    )


def test_shapes_that_differ_are_refused():
    assert refusal(ValueError, ClassCounts(3).update, torch.tensor([0, 1]), torch.tensor([[0, 1]])) == (
        "`predicted` must have the shape of the target, (1, 2), got (2,)."
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_a_sample_whose_logits_or_probabilities_are_nan_is_missed(scaled):
    preds = torch.tensor([[2.0, 1.0], [math.nan, math.nan], [1.0, 2.0], [math.nan, 1.0]])

    counts = counted(ClassCounts(2), (preds.softmax(1) if scaled else preds, torch.tensor([0, 0, 1, 1])))

    assert counts == [[1, 1], [1, 1], [2, 2], [4, 4], [1, 1]]


@pytest.mark.parametrize("scaled", [False, True])
def test_a_nan_of_a_yes_or_no_question_is_neither(scaled):
    preds = torch.tensor([-2.0, math.nan, 3.0, math.nan])

    counts = counted(ClassCounts(task="binary"), (preds.sigmoid() if scaled else preds, torch.tensor([0, 0, 1, 1])))

    assert counts == [[1, 1], [1, 1], [2, 2], [4, 4], [1, 1]]


def test_a_nan_label_is_not_predicted_and_counted_whether_it_was_there_or_not():
    preds = torch.tensor([[0.9, math.nan], [math.nan, 0.9], [math.nan, 0.1]])

    counts = counted(ClassCounts(2, "multilabel"), (preds, torch.tensor([[1, 1], [1, 1], [0, 0]])))

    assert counts == [[1, 1], [1, 1], [2, 2], [3, 3], [2, 1]]


def test_of_ignored_targets_a_nan_counts_nothing():
    metric = ClassCounts(2, ignore_index=-100)

    counts = counted(metric, (torch.full((2, 2), math.nan), torch.tensor([-100, 1])))

    assert counts == [[0, 0], [0, 0], [0, 1], [1, 1], [0, 1]]


@pytest.mark.parametrize("kind", [BalancedAccuracy, GeometricMean, MacroF1, WorstClassRecall])
def test_every_figure_of_nothing_but_nan_is_0(kind):
    metric = kind(3)
    metric.update(torch.full((6, 3), math.nan), torch.arange(6) % 3)

    assert metric.compute() == 0


def test_the_check_can_be_left_out():
    metric = ClassCounts(3, validate_args=False)

    metric.update(torch.tensor([0, 1]), torch.tensor([0, 3]))

    assert metric.samples.tolist() == [1, 0, 0]
