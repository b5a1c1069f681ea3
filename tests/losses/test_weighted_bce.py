from __future__ import annotations

import pytest
import torch

from lightning_imbalance.functional import weighted_bce
from lightning_imbalance.losses import WeightedBCE

PAIR, POS_WEIGHT = torch.tensor([0.5, 4.0]), torch.tensor([3.0, 0.5, 12.0])


@pytest.mark.parametrize("shape", [(8,), (8, 1), (2, 1, 4, 4)])
@pytest.mark.parametrize("column", [False, True])
def test_binary_logits_and_targets_may_have_a_column(shape, column):
    logits, target = torch.randn(shape), torch.randint(2, shape)
    flat = shape if len(shape) == 1 else (shape[0], *shape[2:])

    loss = WeightedBCE()(logits, target if column else target.reshape(flat), PAIR)

    assert torch.equal(loss, weighted_bce(logits.reshape(flat), target.reshape(flat), PAIR))


def test_multilabel_sums_are_torchs_with_pos_weight():
    logits, target = torch.randn(8, 3), torch.randint(2, (8, 3))

    loss = WeightedBCE(task="multilabel", reduction="sum")(logits, target, POS_WEIGHT)

    torchs = torch.nn.BCEWithLogitsLoss(pos_weight=POS_WEIGHT, reduction="sum")
    assert torch.allclose(loss, torchs(logits, target.float()))


def test_without_weights_the_mean_is_torchs():
    logits, target = torch.randn(8, 3), torch.rand(8, 3)

    assert torch.allclose(WeightedBCE(task="multilabel")(logits, target), torch.nn.BCEWithLogitsLoss()(logits, target))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float64])
def test_targets_may_be_of_any_type(dtype):
    logits, target = torch.randn(8), torch.randint(2, (8,))

    assert torch.equal(WeightedBCE()(logits, target.to(dtype), PAIR), WeightedBCE()(logits, target, PAIR))


@pytest.mark.parametrize("options", [{}, {"ignore_index": 255}, {"reduction": "none"}, {"reduction": "sum"}], ids=str)
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_it_compiles_without_a_graph_break(task, options):
    logits = torch.randn(8, 3, requires_grad=True)
    target = torch.randint(2, (8, 3))
    target[0, 0] = options.get("ignore_index", 0)
    weight = PAIR if task == "binary" else POS_WEIGHT
    loss = WeightedBCE(task=task, **options)
    torch.compiler.reset()

    compiled = torch.compile(loss, fullgraph=True, backend="eager")(logits, target, weight)

    expected = loss(logits, target, weight)
    assert torch.equal(compiled, expected)
    assert torch.equal(*(torch.autograd.grad(value.sum(), logits)[0] for value in (compiled, expected)))


def test_a_task_of_several_exclusive_classes_is_refused():
    with pytest.raises(ValueError, match="task") as error:
        WeightedBCE(task="multiclass")

    assert str(error.value) == "`task` must be 'binary' or 'multilabel' for WeightedBCE, got 'multiclass'."


def test_the_repr_has_the_task():
    assert repr(WeightedBCE(task="multilabel", ignore_index=-1)) == "WeightedBCE(task='multilabel', ignore_index=-1)"
