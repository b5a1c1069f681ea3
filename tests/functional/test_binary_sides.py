from __future__ import annotations

import pytest
import torch

from lightning_imbalance.functional.binary_sides import binary_sides


def test_probabilities_are_split_between_the_sides():
    sides = binary_sides(torch.zeros(1), torch.tensor([0.25]), torch.tensor([2.0, 8.0]))

    assert (sides.negative.item(), sides.positive.item()) == (1.5, 2.0)


def test_multilabel_weights_are_of_the_positives():
    sides = binary_sides(torch.zeros(2, 2), torch.eye(2), torch.tensor([3.0, 5.0]), task="multilabel")

    assert sides.negative.tolist() == [[0, 1], [1, 0]]
    assert sides.positive.tolist() == [[3, 0], [0, 5]]


@pytest.mark.parametrize("target", [torch.tensor([1, 255]), torch.tensor([1.0, 255.0])])
def test_an_ignored_target_counts_on_neither_side_whatever_its_logit(target):
    sides = binary_sides(torch.tensor([0.5, torch.inf]), target, ignore_index=255)

    assert [part.tolist() for part in sides] == [[0.5, 0], [0, 0], [1, 0]]


def test_another_shape_is_refused():
    with pytest.raises(ValueError) as error:
        binary_sides(torch.zeros(2, 1), torch.zeros(2))

    assert str(error.value) == "`target` must have the shape of the logits, (2, 1), got (2,)."
