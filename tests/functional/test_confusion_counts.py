from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from lightning_imbalance.functional import ConfusionCounts, confusion_counts

TASKS = st.sampled_from(["multiclass", "binary", "multilabel"])


@st.composite
def batches(draw) -> tuple[torch.Tensor, torch.Tensor, int, str, int | None]:
    """Predictions, targets, number of classes, task and ignore_index, of one to three axes."""
    task = draw(TASKS)
    num_classes = 2 if task == "binary" else draw(st.integers(1 if task == "multilabel" else 2, 5))
    ignore_index = draw(st.sampled_from([None, -100, -1, 255]))
    shape = [draw(st.integers(0, 6))]
    shape += [num_classes] if task == "multilabel" else []
    shape += draw(st.lists(st.integers(1, 3), max_size=2))
    seed = draw(st.integers(0, 2**16))
    generator = torch.Generator().manual_seed(seed)
    top = num_classes if task == "multiclass" else 2
    predicted = torch.randint(draw(st.sampled_from([-1, 0])), top, shape, generator=generator)
    target = torch.randint(top, shape, generator=generator)
    if ignore_index is not None:
        target[torch.rand(shape, generator=generator) < 0.3] = ignore_index
    return predicted, target, num_classes, task, ignore_index


def plain_counts(predicted, target, num_classes, task, ignore_index) -> list[list[int]]:
    """The same in plain Python: one decision after the other."""
    if task == "multilabel":
        columns = zip(predicted.movedim(1, 0), target.movedim(1, 0), strict=True)
        pairs = [list(zip(p.flatten().tolist(), t.flatten().tolist(), strict=True)) for p, t in columns]
        judged = [[(p, t) for p, t in column if t != ignore_index] for column in pairs]
        ones = 1
        rows = [
            (
                sum(p == t == ones for p, t in c),
                sum(p == 1 for p, _ in c),
                sum(t == 1 for _, t in c),
                len(c),
                sum(p == -1 for p, _ in c),
            )
            for c in judged
        ]
        return [list(row) for row in zip(*rows, strict=True)]
    pairs = list(zip(predicted.flatten().tolist(), target.flatten().tolist(), strict=True))
    pairs = [(p, t) for p, t in pairs if t != ignore_index]
    classes = range(num_classes)
    return [
        [sum(p == t == c for p, t in pairs) for c in classes],
        [sum(p == c for p, _ in pairs) for c in classes],
        [sum(t == c for _, t in pairs) for c in classes],
        [len(pairs)] * num_classes,
        [sum(t == c and p == -1 for p, t in pairs) for c in classes],
    ]


@given(batches())
def test_counts_equal_plain_counting(batch):
    counts = confusion_counts(*batch)

    assert [vector.tolist() for vector in counts] == plain_counts(*batch)
    assert {vector.dtype for vector in counts} == {torch.int64}


@given(batches(), st.integers(0, 6))
def test_counts_add_over_a_split_of_the_batch(batch, cut):
    predicted, target, *rest = batch

    parts = [confusion_counts(predicted[s], target[s], *rest) for s in (slice(cut), slice(cut, None))]

    whole = confusion_counts(*batch)
    assert all(torch.equal(a + b, c) for a, b, c in zip(*parts, whole, strict=True))


def test_counts_are_the_diagonal_and_the_sums_of_scikit_learns_matrix():
    generator = np.random.default_rng(0)
    target, predicted = generator.integers(0, 7, (2, 300))

    counts = confusion_counts(torch.tensor(predicted), torch.tensor(target), 9)

    matrix = confusion_matrix(target, predicted, labels=range(9))
    assert counts.true_positives.tolist() == matrix.diagonal().tolist()
    assert counts.predictions.tolist() == matrix.sum(0).tolist()
    assert counts.samples.tolist() == matrix.sum(1).tolist()


def test_multilabel_counts_are_those_of_scikit_learns_matrices():
    target, predicted = np.random.default_rng(0).integers(0, 2, (2, 50, 4))

    counts = confusion_counts(torch.tensor(predicted), torch.tensor(target), 4, "multilabel")

    matrices = multilabel_confusion_matrix(target, predicted)
    assert counts.true_positives.tolist() == matrices[:, 1, 1].tolist()
    assert counts.predictions.tolist() == matrices[:, :, 1].sum(1).tolist()
    assert counts.samples.tolist() == matrices[:, 1].sum(1).tolist()
    assert counts.total.tolist() == [50] * 4


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.float32])
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_zeros_and_ones_may_be_of_any_type(dtype, task):
    predicted, target = torch.tensor([[1], [1], [0]]), torch.tensor([[1], [0], [1]])
    num_classes = 2 if task == "binary" else 1

    counts = confusion_counts(predicted.to(dtype), target.to(dtype), num_classes, task)

    assert counts.true_positives[-1] == 1
    assert counts.samples[-1] == 2


def test_ten_thousand_classes_take_no_matrix():
    labels = torch.arange(10_000)

    counts = confusion_counts(labels, labels.flip(0), 10_000)

    assert counts.predictions.sum() == counts.samples.sum() == 10_000
    assert counts.true_positives.sum() == 0


def test_an_ignored_target_counts_no_prediction_either():
    counts = confusion_counts(torch.tensor([1, 0]), torch.tensor([1, -100]), 2, ignore_index=-100)

    assert counts.predictions.tolist() == [0, 1]
    assert counts.total.tolist() == [1, 1]


def test_the_inputs_are_not_changed():
    predicted, target = torch.tensor([1, 0]), torch.tensor([1, 7])

    confusion_counts(predicted, target, 2, ignore_index=7)

    assert (predicted.tolist(), target.tolist()) == ([1, 0], [1, 7])


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="predicted") as error:
        confusion_counts(torch.zeros(3, 2), torch.zeros(3), 2)

    assert str(error.value) == "`predicted` must have the shape of the target, (3,), got (3, 2)."


def test_the_counts_have_names():
    assert ConfusionCounts._fields == ("true_positives", "predictions", "samples", "total", "undecided")


def test_labels_outside_the_classes_count_for_no_class():
    counts = confusion_counts(torch.tensor([4, 5, -1, 1]), torch.tensor([0, -100, 1, 7]), 3)

    assert [part.tolist() for part in counts] == [[0, 0, 0], [0, 0, 0], [1, 1, 0], [2, 2, 2], [1, 1, 0]]
