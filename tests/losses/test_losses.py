"""What holds for every loss: the contract, its module being its function, counts, and the prior of its logits."""

from __future__ import annotations

import pickle

import pytest
import torch

from lightning_imbalance import ClassDistribution, functional, losses
from lightning_imbalance.losses import CountedLoss, Loss
from lightning_imbalance.losses.resolve import NAMED
from lightning_imbalance.testing import check_loss

EVERY = list(dict.fromkeys((kind, task) for kinds in NAMED.values() for kind in kinds for task in kind.tasks))
COUNTED = [(kind, task) for kind, task in EVERY if issubclass(kind, CountedLoss)]
COUNTS = [90, 9, 1]


def made(kind: type[Loss], task: str, **options: object) -> Loss:
    return kind(**({"task": task} if len(kind.tasks) > 1 else {}), **options)


def distribution(task: str, counts: list[int] = COUNTS) -> ClassDistribution:
    counts = counts[:2] if task == "binary" else counts
    return ClassDistribution(counts, task=task, num_samples=100 if task == "multilabel" else None)


def batch(task: str, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if task == "binary":
        return torch.randn(6, dtype=dtype), torch.arange(6) % 2, torch.tensor([0.5, 4.0], dtype=dtype)
    weight = torch.tensor([0.2, 1.0, 5.0], dtype=dtype)
    target = torch.arange(6) % 3 if task == "multiclass" else torch.randint(2, (6, 3))
    return torch.randn(6, 3, dtype=dtype), target, weight


def test_every_loss_has_a_name():
    exported = {getattr(losses, name) for name in losses.__all__}
    kinds = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Loss)}

    assert {kind for kind, _ in EVERY} == kinds - {Loss, CountedLoss, losses.UnreducedLoss}


@pytest.mark.parametrize(("kind", "task"), EVERY)
def test_it_keeps_the_contract(kind, task):
    check_loss(made(kind, task))


@pytest.mark.parametrize(
    "loss",
    [
        losses.FocalLoss(gamma=0.5),
        losses.FocalLoss(gamma=0.1, task="multilabel", ignore_index=255),
        losses.AsymmetricLoss(gamma_neg=0.5, gamma_pos=0.5, clip=0.0),
        losses.LogitAdjustedLoss(tau=3.0, reduction="sum"),
        losses.VectorScalingLoss(gamma=1.0, tau=0.0),
        losses.SeesawLoss(p=2.0, q=5.0, eps=1e-6),
        losses.LabelAwareSmoothingLoss(head=1.0, tail=1.0, shape="convex"),
        losses.EqualizationLoss(probability=1.0, threshold=1.0),
        losses.LDAMLoss(max_margin=2.0, scale=100.0, ignore_index=2),
    ],
    ids=repr,
)
def test_other_parameters_keep_the_contract_too(loss):
    check_loss(loss, num_classes=5)


@pytest.mark.parametrize(("kind", "task"), COUNTED)
def test_before_it_knows_the_counts_it_says_how_to_tell_them(kind, task):
    with pytest.raises(RuntimeError) as error:
        made(kind, task)(*batch(task))

    assert str(error.value) == (
        f"{kind.__name__} must know the class counts before it is used, got none. Call "
        "`adapt(ClassDistribution(counts))` first."
    )


@pytest.mark.parametrize(("kind", "task"), COUNTED)
def test_a_state_dict_makes_a_new_one_ready(kind, task):
    adapted = made(kind, task).adapt(distribution(task)).eval()
    fresh = made(kind, task).eval()

    fresh.load_state_dict(adapted.state_dict())

    given = batch(task)
    assert torch.equal(fresh(*given), adapted(*given))


@pytest.mark.parametrize(("kind", "task"), EVERY)
def test_other_counts_take_the_place_of_the_first(kind, task):
    once, twice = (made(kind, task).eval() for _ in range(2))

    assert twice.adapt(distribution(task, [5, 50, 7])) is twice

    given = batch(task)
    assert torch.equal(twice.adapt(distribution(task))(*given), once.adapt(distribution(task))(*given))


@pytest.mark.parametrize(("kind", "task"), COUNTED)
def test_counts_change_the_loss(kind, task):
    loss, given = made(kind, task), batch(task)

    torch.manual_seed(0)
    first = loss.adapt(distribution(task))(*given)
    torch.manual_seed(0)

    assert not torch.isclose(loss.adapt(distribution(task, [5, 50, 45]))(*given), first)


@pytest.mark.parametrize(("kind", "task"), EVERY)
def test_a_copy_is_pickled_with_its_counts(kind, task):
    loss = made(kind, task, ignore_index=255).adapt(distribution(task)).eval()
    given = batch(task)

    back = pickle.loads(pickle.dumps(loss))  # noqa: S301  # its own bytes

    assert repr(back) == repr(loss)
    assert torch.equal(back(*given), loss(*given))


@pytest.mark.parametrize(("kind", "task"), COUNTED)
def test_a_cast_to_half_precision_leaves_the_counts_exact(kind, task):
    counts = [100_003, 7] if task == "binary" else [100_003, 50_001, 7]
    exact = ClassDistribution(counts, task=task, num_samples=200_001 if task == "multilabel" else None)
    loss = made(kind, task).adapt(exact).eval()
    given = batch(task)
    before = loss(*given)

    assert torch.equal(loss.half()(*given), before)


@pytest.mark.parametrize(("kind", "task"), EVERY)
@pytest.mark.parametrize("counts", [[90, 10, 0], [0, 1, 0], [7, 7, 7]], ids=str)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_absent_classes_and_equal_counts_give_finite_losses_and_gradients(kind, task, counts, mode):
    if task == "binary":
        counts = [counts[0], counts[2]] if any((counts[0], counts[2])) else [0, 1]
    loss = getattr(made(kind, task).adapt(distribution(task, counts)), mode)()
    logits, target, weight = batch(task)
    logits = (3 * logits).requires_grad_()

    value = loss(logits, target, weight)
    value.backward()

    assert bool(value.isfinite())
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize(("kind", "task"), [pair for pair in EVERY if pair[1] != "binary"])
def test_classes_in_another_order_change_nothing(kind, task):
    order = torch.tensor([2, 0, 1])
    logits, target, weight = batch(task, torch.float64)
    loss = made(kind, task).adapt(distribution(task)).eval()
    before = loss(logits, target, weight)

    renamed = order.argsort()[target] if task == "multiclass" else target[:, order]
    loss.adapt(distribution(task, [COUNTS[c] for c in order]))

    assert torch.allclose(loss(logits[:, order], renamed, weight[order]), before)


@pytest.mark.parametrize(("kind", "task"), EVERY)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions_follow_from_the_terms(kind, task, reduction):
    loss = made(kind, task, reduction=reduction).adapt(distribution(task)).eval()
    given = batch(task)
    value, terms = loss(*given), loss.terms(*given)

    expected = {"mean": terms.loss.sum() / terms.weight.sum(), "sum": terms.loss.sum(), "none": terms.loss}
    assert torch.allclose(value, expected[reduction])


@pytest.mark.parametrize(("kind", "task"), [pair for pair in COUNTED if pair[1] != "binary"])
def test_another_number_of_classes_is_refused(kind, task):
    loss = made(kind, task).adapt(distribution(task))
    target = torch.zeros(2, dtype=torch.int64) if task == "multiclass" else torch.zeros(2, 4)

    with pytest.raises(ValueError) as error:
        loss(torch.zeros(2, 4), target)

    assert str(error.value) == (
        "the model must give one logit for each of the 3 classes, got 4 (logits of shape (2, 4)). Change the model's "
        "last layer to 3 outputs, or pass `num_classes=4` if there are classes without samples."
    )


@pytest.mark.parametrize(("kind", "task"), EVERY)
@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1), ()])
def test_weights_of_another_number_are_refused(kind, task, shape):
    loss = made(kind, task).adapt(distribution(task))
    logits, target, weight = batch(task)

    with pytest.raises(ValueError) as error:
        loss(logits, target, torch.ones(shape))

    assert str(error.value) == (
        f"`weight` must have one number for each of the {len(weight)} classes, got shape {shape}."
    )


@pytest.mark.parametrize(("kind", "task"), COUNTED)
def test_a_distribution_of_another_task_is_refused(kind, task):
    other = "binary" if task != "binary" else "multiclass"

    with pytest.raises(ValueError) as error:
        made(kind, task).adapt(distribution(other))

    assert str(error.value) == f"`distribution` must be for the task {task!r} of the loss, got one for {other!r}."


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        (losses.FocalLoss(1.5), lambda *given: functional.focal(*given, gamma=1.5)),
        (losses.AsymmetricLoss(3.0, 0.5, 0.1), lambda *given: functional.asymmetric(*given, gamma_neg=3.0, gamma_pos=0.5, clip=0.1)),
        (losses.BalancedSoftmaxLoss(), lambda z, y, w: functional.logit_adjusted(z, y, torch.tensor(COUNTS), w)),
        (losses.LogitAdjustedLoss(0.5), lambda z, y, w: functional.logit_adjusted(z, y, torch.tensor(COUNTS), w, tau=0.5)),
        (
            losses.VectorScalingLoss(0.1, 0.2),
            lambda z, y, w: functional.vector_scaling(z, y, torch.tensor(COUNTS), w, gamma=0.1, tau=0.2),
        ),
        (
            losses.LDAMLoss(0.3, 10.0),
            lambda z, y, w: functional.ldam(z, y, torch.tensor(COUNTS), w, max_margin=0.3, scale=10.0),
        ),
        (
            losses.SeesawLoss(0.5, 1.0, 0.1),
            lambda z, y, w: functional.seesaw(z, y, torch.tensor(COUNTS), w, p=0.5, q=1.0, eps=0.1),
        ),
        (
            losses.LabelAwareSmoothingLoss(0.5, 0.1, "linear"),
            lambda z, y, w: functional.label_aware_smoothing(
                z, y, torch.tensor(COUNTS), w, head=0.5, tail=0.1, shape="linear"
            ),
        ),
        (
            losses.DistributionBalancedLoss(0.2, 5.0, 0.3, 5.0, 0.1, 1.0),
            lambda z, y, w: functional.distribution_balanced(
                z, y, torch.tensor(COUNTS), 100, w, alpha=0.2, beta=5.0, mu=0.3, neg_scale=5.0, bias=0.1, gamma=1.0
            ),
        ),
        (
            losses.EqualizationLoss(1.0, 0.2),
            lambda z, y, w: functional.equalization(
                z, y, torch.tensor(COUNTS), torch.ones(6, 3, dtype=torch.bool), w, threshold=0.2
            ),
        ),
    ],
    ids=lambda value: repr(value) if isinstance(value, Loss) else "",
)  # fmt: skip
def test_the_module_is_its_function(loss, function):
    given = batch(loss.task)

    assert torch.equal(loss.adapt(distribution(loss.task))(*given), function(*given))


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (losses.FocalLoss(), "FocalLoss()"),
        (losses.FocalLoss(1.0, task="binary", ignore_index=0), "FocalLoss(task='binary', ignore_index=0, gamma=1.0)"),
        (losses.LogitAdjustedLoss(0.5), "LogitAdjustedLoss(tau=0.5)"),
        (losses.VectorScalingLoss(0.3, 0.0, reduction="sum"), "VectorScalingLoss(reduction='sum', tau=0.0)"),
        (losses.LabelAwareSmoothingLoss(shape="linear"), "LabelAwareSmoothingLoss(shape='linear')"),
        (losses.EqualizationLoss(threshold=0.05), "EqualizationLoss(threshold=0.05)"),
        (losses.AsymmetricLoss(), "AsymmetricLoss(task='multilabel', clip=0.05)"),
    ],
)
def test_the_repr_has_what_is_no_default(loss, shown):
    assert repr(loss) == shown
    assert repr(loss.adapt(distribution(loss.task))) == shown
