from __future__ import annotations

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import sigmoid_focal_loss

from lightning_imbalance.losses import UnreducedLoss, WeightedBCE, WeightedCrossEntropy

WEIGHT = torch.tensor([0.2, 1.0, 5.0])
PAIR = torch.tensor([0.5, 4.0])
LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
TARGET = torch.arange(8) % 3


def scalar(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits, target)


def margin(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.multi_margin_loss(logits, target, reduction="none")


@pytest.mark.parametrize(
    "loss",
    [
        F.cross_entropy,
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(reduction="sum"),
        functools.partial(F.cross_entropy, reduction="sum"),
    ],
)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("ignore_index", [None, 2, 255])
def test_a_cross_entropy_of_any_kind_is_the_weighted_one(loss, weight, ignore_index):
    target = torch.cat([TARGET[:7], torch.tensor([0 if ignore_index is None else ignore_index])])

    ours = UnreducedLoss(loss, ignore_index=ignore_index)(LOGITS, target, weight)

    assert torch.allclose(ours, WeightedCrossEntropy(ignore_index=ignore_index)(LOGITS, target, weight))


def test_soft_targets_count_as_in_the_weighted_cross_entropy():
    target = torch.rand(8, 3).softmax(1)

    terms = UnreducedLoss(lambda z, y: F.mse_loss(z.softmax(1), y, reduction="none").sum(1)).terms(
        LOGITS, target, WEIGHT
    )

    assert torch.allclose(terms.weight, target @ WEIGHT)


@pytest.mark.parametrize("loss", [nn.MultiMarginLoss(), F.multi_margin_loss, margin])
def test_another_loss_is_weighted_for_each_target(loss):
    values = F.multi_margin_loss(LOGITS, TARGET, reduction="none")

    ours = UnreducedLoss(loss)(LOGITS, TARGET, WEIGHT)

    assert torch.allclose(ours, (values * WEIGHT[TARGET]).sum() / WEIGHT[TARGET].sum())


@pytest.mark.parametrize(("task", "weight"), [("binary", PAIR), ("multilabel", WEIGHT), ("multilabel", None)])
def test_torchvisions_focal_loss_is_weighted_like_a_binary_cross_entropy(task, weight):
    target = (LOGITS > 0.3).long()
    values = sigmoid_focal_loss(LOGITS, target.float())
    counted = WeightedBCE(task=task).terms(LOGITS, target, weight).weight

    ours = UnreducedLoss(sigmoid_focal_loss, task=task)(LOGITS, target, weight)

    assert torch.allclose(ours, (values * counted).sum() / counted.sum())


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_an_ignored_entry_counts_nothing(task):
    target = torch.ones(8, 3, dtype=torch.int64)
    target[2:] = -1

    ours = UnreducedLoss(sigmoid_focal_loss, task=task, ignore_index=-1)(LOGITS, target)

    assert torch.allclose(ours, sigmoid_focal_loss(LOGITS[:2], torch.ones(2, 3)).mean())


@pytest.mark.parametrize("weight", [WEIGHT, None])
def test_where_nothing_counts_the_loss_and_its_gradient_are_zero(weight):
    logits = LOGITS.clone().requires_grad_()

    loss = UnreducedLoss(nn.MultiMarginLoss(), ignore_index=-100)(logits, torch.full((8,), -100), weight)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


@pytest.mark.parametrize("weight", [WEIGHT, None])
def test_an_ignored_sample_may_hold_any_logits(weight):
    logits, target = LOGITS.clone(), TARGET.clone()
    logits[0], target[0] = float("nan"), -100

    loss = UnreducedLoss(nn.MultiMarginLoss(), ignore_index=-100)(logits, target, weight)

    assert torch.allclose(loss, UnreducedLoss(nn.MultiMarginLoss())(LOGITS[1:], TARGET[1:], weight))


def test_a_mean_that_is_taken_already_is_that_mean_where_there_are_no_weights():
    assert torch.allclose(UnreducedLoss(scalar)(LOGITS, TARGET), F.cross_entropy(LOGITS, TARGET))


def test_a_batch_of_one_is_no_single_number():
    assert torch.allclose(
        UnreducedLoss(nn.CrossEntropyLoss())(LOGITS[:1], TARGET[:1], WEIGHT), F.cross_entropy(LOGITS[:1], TARGET[:1])
    )


@pytest.mark.parametrize(
    ("loss", "ignore_index", "weight", "got"),
    [
        (scalar, None, WEIGHT, "a single number"),
        (scalar, 2, None, "a single number"),
        (nn.KLDivLoss(), None, WEIGHT, "shape (8, 3)"),
        (lambda z, _: z, None, None, "shape (8, 3)"),
    ],
)
def test_what_cannot_be_weighted_is_refused(loss, ignore_index, weight, got):
    target = TARGET.float().softmax(0)[:, None].expand(8, 3) if isinstance(loss, nn.KLDivLoss) else TARGET

    with pytest.raises(ValueError, match="`loss` must return") as error:
        UnreducedLoss(loss, ignore_index=ignore_index)(LOGITS, target, weight)

    assert str(error.value) == (
        "`loss` must return one value a target, shape (8,), so that class weights and `ignore_index` can be applied, "
        f"got {got}. Return the unreduced values, or train with neither: "
        '`weighting="uniform"` and no `ignore_index`.'
    )


@pytest.mark.parametrize("loss", [5, None, torch.zeros(3)])
def test_what_cannot_be_called_is_refused(loss):
    with pytest.raises(TypeError) as error:
        UnreducedLoss(loss)

    assert (
        str(error.value) == f"`loss` must be a name, a torch.nn loss or a function of logits and target, got {loss!r}."
    )


def test_the_users_own_loss_keeps_its_reduction():
    own = nn.MultiMarginLoss(reduction="sum")

    UnreducedLoss(own)

    assert own.reduction == "sum"


def test_a_loss_with_parameters_that_has_no_reduction_is_not_copied():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, logits, target):
            return self.scale * F.cross_entropy(logits, target, reduction="none")

    own = Scaled()
    loss = UnreducedLoss(own)
    loss(LOGITS, TARGET).backward()

    assert own.scale.grad is not None
    assert list(loss.parameters()) == [own.scale]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits = LOGITS.to(dtype)

    loss = UnreducedLoss(F.cross_entropy)(logits, TARGET)

    assert loss.dtype == torch.float32
    assert torch.equal(loss, UnreducedLoss(F.cross_entropy)(logits.float(), TARGET))


def test_more_pixels_than_a_half_can_count_still_have_a_mean():
    logits = torch.zeros(1, 2, 300, 300, dtype=torch.float16)

    loss = UnreducedLoss(F.cross_entropy)(logits, torch.zeros(1, 300, 300, dtype=torch.int64))

    assert loss.item() == pytest.approx(torch.log(torch.tensor(2.0)).item(), rel=1e-3)


@pytest.mark.parametrize("loss", [F.cross_entropy, nn.MultiMarginLoss()])
def test_it_compiles_without_a_graph_break(loss):
    made = UnreducedLoss(loss)
    torch.compiler.reset()

    compiled = torch.compile(made, fullgraph=True, backend="eager")(LOGITS, TARGET, WEIGHT)

    assert torch.equal(compiled, made(LOGITS, TARGET, WEIGHT))
