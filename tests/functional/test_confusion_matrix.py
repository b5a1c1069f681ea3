from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from lightning_imbalance.functional import confusion_counts, confusion_matrix


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_the_matrix_is_that_of_scikit_learn(pairs):
    target, predicted = torch.tensor(pairs).unbind(1)

    matrix = confusion_matrix(predicted, target, 4)

    assert matrix.tolist() == metrics.confusion_matrix(target, predicted, labels=range(4)).tolist()
    counts = confusion_counts(predicted, target, 4)
    assert matrix.diagonal().tolist() == counts.true_positives.tolist()
    assert matrix.sum(0).tolist() == counts.predictions.tolist()
    assert matrix.sum(1).tolist() == counts.samples.tolist()


def test_what_is_ignored_outside_or_undecided_stands_nowhere():
    predicted, target = torch.tensor([[0, 1, -1, 1], [1, 7, 0, 0]]), torch.tensor([[0, 255, 0, 1], [-1, 1, 9, 1]])

    assert confusion_matrix(predicted, target, 2, ignore_index=255).tolist() == [[1, 0], [1, 1]]
    assert confusion_matrix(predicted, target, 2, ignore_index=1).tolist() == [[1, 0], [0, 0]]


def test_predictions_of_another_shape_are_refused():
    with pytest.raises(ValueError) as error:
        confusion_matrix(torch.zeros(3), torch.zeros(2), 2)

    assert str(error.value) == "`predicted` must have the shape of the target, (2,), got (3,)."
