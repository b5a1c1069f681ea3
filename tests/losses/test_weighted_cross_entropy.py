from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lightning_imbalance.functional import weighted_cross_entropy
from lightning_imbalance.losses import WeightedCrossEntropy

WEIGHT = torch.tensor([0.2, 1.0, 5.0])
OPTIONS = [
    {},
    {"label_smoothing": 0.1},
    {"ignore_index": 255},
    {"reduction": "sum", "ignore_index": -100},
    {"reduction": "none", "ignore_index": 1, "label_smoothing": 0.3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("shape", [(8,), (2, 3, 4)])
def test_with_indices_it_is_torchs_module(options, weight, shape):
    logits, target = torch.randn(shape[0], 3, *shape[1:]), torch.randint(3, shape)
    target.view(-1)[0] = options.get("ignore_index", 0)

    loss = WeightedCrossEntropy(**options)(logits, target, weight)

    assert torch.allclose(loss, torch.nn.CrossEntropyLoss(weight, **options)(logits, target), rtol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_module_is_its_function(options):
    logits, target = torch.randn(8, 3), torch.randint(3, (8,))

    assert torch.equal(
        WeightedCrossEntropy(**options)(logits, target, WEIGHT),
        weighted_cross_entropy(logits, target, WEIGHT, **options),
    )


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_masks_of_small_integers_are_taken(dtype):
    logits, target = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    target[0, 0] = 255 if dtype == torch.uint8 else -100
    ignore_index = int(target[0, 0, 0])

    loss = WeightedCrossEntropy(ignore_index=ignore_index)(logits, target.to(dtype), WEIGHT)

    assert torch.allclose(loss, F.cross_entropy(logits, target, WEIGHT, ignore_index=ignore_index))


def test_weights_change_the_loss():
    logits, target = torch.randn(8, 3), torch.randint(3, (8,))
    loss = WeightedCrossEntropy()

    assert not torch.isclose(loss(logits, target, WEIGHT), loss(logits, target))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", ["index", "dense", "soft"])
def test_it_compiles_without_a_graph_break(options, kind):
    shape = (6, 3, 4) if kind == "dense" else (6, 3)
    logits = torch.randn(shape, requires_grad=True)
    target = torch.rand(shape).softmax(1) if kind == "soft" else torch.randint(3, (6, *shape[2:]))
    loss = WeightedCrossEntropy(**options)
    torch.compiler.reset()

    compiled = torch.compile(loss, fullgraph=True, backend="eager")(logits, target, WEIGHT)

    expected = loss(logits, target, WEIGHT)
    assert torch.equal(compiled, expected)
    assert torch.equal(*(torch.autograd.grad(value.sum(), logits)[0] for value in (compiled, expected)))


@pytest.mark.parametrize(("smoothing", "shown"), [(-0.1, "-0.1"), (1.5, "1.5"), (math.nan, "nan")])
def test_a_smoothing_that_is_no_share_is_refused(smoothing, shown):
    with pytest.raises(ValueError, match="label_smoothing") as error:
        WeightedCrossEntropy(label_smoothing=smoothing)

    assert str(error.value) == f"`label_smoothing` must be between 0 and 1, got {shown}."


def test_the_repr_has_the_smoothing():
    assert repr(WeightedCrossEntropy()) == "WeightedCrossEntropy()"
    assert repr(WeightedCrossEntropy(ignore_index=0, label_smoothing=0.1)) == (
        "WeightedCrossEntropy(ignore_index=0, label_smoothing=0.1)"
    )
