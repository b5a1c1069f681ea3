from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_imbalance.losses import UnreducedLoss, WeightedBCE, WeightedCrossEntropy, resolve
from lightning_imbalance.losses.resolve import NAMED, as_hyperparameter


def refusal(kind: type[Exception], *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        resolve(*arguments, **keywords)
    return str(error.value)


@pytest.mark.parametrize(
    ("loss", "task", "ignore_index", "shown"),
    [
        ("cross_entropy", "multiclass", None, "WeightedCrossEntropy()"),
        ("cross_entropy", "multiclass", 255, "WeightedCrossEntropy(ignore_index=255)"),
        ("cross_entropy", "binary", None, "WeightedBCE(task='binary')"),
        ("cross_entropy", "multilabel", -1, "WeightedBCE(task='multilabel', ignore_index=-1)"),
        ("bce", "binary", None, "WeightedBCE(task='binary')"),
        (nn.CrossEntropyLoss(), "multiclass", None, "WeightedCrossEntropy()"),
        (nn.CrossEntropyLoss(), "multiclass", 255, "WeightedCrossEntropy(ignore_index=255)"),
        (nn.CrossEntropyLoss(ignore_index=255), "multiclass", None, "WeightedCrossEntropy(ignore_index=255)"),
        (nn.CrossEntropyLoss(ignore_index=255), "multiclass", 255, "WeightedCrossEntropy(ignore_index=255)"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "multiclass", None, "WeightedCrossEntropy(label_smoothing=0.1)"),
        (nn.BCEWithLogitsLoss(), "binary", None, "WeightedBCE(task='binary')"),
        (nn.BCEWithLogitsLoss(), "multilabel", 9, "WeightedBCE(task='multilabel', ignore_index=9)"),
    ],
)
def test_names_and_torchs_cross_entropies_become_ours(loss, task, ignore_index, shown):
    assert repr(resolve(loss, task, ignore_index)) == shown


@pytest.mark.parametrize("loss", [nn.MultiMarginLoss(), F.cross_entropy, nn.NLLLoss(), nn.Identity()])
def test_any_other_loss_is_called_for_each_target(loss):
    resolved = resolve(loss, ignore_index=7)

    assert isinstance(resolved, UnreducedLoss)
    assert resolved.ignore_index == 7


@pytest.mark.parametrize("parent", [nn.CrossEntropyLoss, nn.BCEWithLogitsLoss])
def test_a_subclass_of_torchs_loss_keeps_its_own_forward(parent):
    class Doubled(parent):
        def forward(self, logits, target):
            return 2 * super().forward(logits, target)

    task = "multiclass" if parent is nn.CrossEntropyLoss else "binary"
    logits, target = (
        (torch.randn(6, 3), torch.arange(6) % 3) if task == "multiclass" else (torch.randn(6), torch.ones(6))
    )

    doubled, single = (resolve(loss, task)(logits, target) for loss in (Doubled(), parent()))

    assert torch.allclose(doubled, 2 * single)


def test_a_loss_of_ours_is_returned_itself():
    loss = WeightedBCE(task="multilabel", ignore_index=-1)

    assert resolve(loss, "multilabel") is loss
    assert resolve(loss, "multilabel", -1) is loss


@pytest.mark.parametrize(
    ("name", "task", "shown"),
    [
        ("focal", "multiclass", "FocalLoss()"),
        ("focal", "binary", "FocalLoss(task='binary')"),
        ("focal", "multilabel", "FocalLoss(task='multilabel')"),
        ("balanced_softmax", "multiclass", "BalancedSoftmaxLoss()"),
        ("balanced_softmax", "binary", "BalancedSoftmaxLoss(task='binary')"),
        ("logit_adjusted", "multiclass", "LogitAdjustedLoss()"),
        ("logit_adjusted", "binary", "LogitAdjustedLoss(task='binary')"),
        ("vector_scaling", "multiclass", "VectorScalingLoss()"),
        ("ldam", "multiclass", "LDAMLoss()"),
        ("seesaw", "multiclass", "SeesawLoss()"),
        ("asymmetric", "multilabel", "AsymmetricLoss(task='multilabel', clip=0.05)"),
        ("asymmetric", "binary", "AsymmetricLoss(task='binary', clip=0.05)"),
        ("asymmetric", "multiclass", "AsymmetricLoss(label_smoothing=0.1)"),
        ("label_aware_smoothing", "multiclass", "LabelAwareSmoothingLoss()"),
        ("distribution_balanced", "multilabel", "DistributionBalancedLoss()"),
        ("equalization", "multiclass", "EqualizationLoss()"),
    ],
)
def test_a_name_is_a_loss_with_its_defaults(name, task, shown):
    assert repr(resolve(name, task)) == shown
    assert resolve(name, task, ignore_index=7).ignore_index == 7


@pytest.mark.parametrize(
    ("name", "hint"),
    [("crossentropy", " Did you mean 'cross_entropy'?"), ("focall", " Did you mean 'focal'?"), ("hinge", "")],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, hint):
    assert refusal(ValueError, name) == (
        "`loss` must be one of 'cross_entropy', 'bce', 'focal', 'balanced_softmax', 'logit_adjusted', 'vector_scaling', "
        "'ldam', 'seesaw', 'asymmetric', 'label_aware_smoothing', 'distribution_balanced', 'equalization', a torch.nn "
        f"loss or a function, got {name!r}.{hint}"
    )


@pytest.mark.parametrize(
    ("name", "task", "needed"),
    [
        ("bce", "multiclass", '`task="binary"` or `task="multilabel"`'),
        ("ldam", "binary", '`task="multiclass"`'),
        ("logit_adjusted", "multilabel", '`task="multiclass"` or `task="binary"`'),
        ("distribution_balanced", "multiclass", '`task="multilabel"`'),
    ],
)
def test_a_name_of_a_loss_for_another_task_is_refused(name, task, needed):
    assert refusal(ValueError, name, task) == f'`loss="{name}"` must come with {needed}, got `task="{task}"`.'


@pytest.mark.parametrize(
    ("loss", "task", "name", "needed"),
    [
        (nn.CrossEntropyLoss(), "binary", "CrossEntropyLoss", "multiclass"),
        (nn.BCEWithLogitsLoss(), "multiclass", "BCEWithLogitsLoss", "binary"),
        (WeightedCrossEntropy(), "multilabel", "WeightedCrossEntropy", "multiclass"),
        (WeightedBCE(), "multilabel", "WeightedBCE", "binary"),
        (UnreducedLoss(F.cross_entropy), "binary", "UnreducedLoss", "multiclass"),
    ],
)
def test_a_loss_for_another_task_is_refused(loss, task, name, needed):
    assert refusal(ValueError, loss, task) == (
        f'`loss` must fit the task {task!r}, got {name}, which is for `task="{needed}"`.'
    )


@pytest.mark.parametrize(
    ("loss", "task", "argument"),
    [
        (nn.CrossEntropyLoss(weight=torch.ones(3)), "multiclass", "weight"),
        (nn.NLLLoss(weight=torch.ones(3)), "multiclass", "weight"),
        (nn.MultiMarginLoss(weight=torch.ones(3)), "multiclass", "weight"),
        (nn.MultiLabelSoftMarginLoss(weight=torch.ones(3)), "multilabel", "weight"),
        (nn.BCELoss(weight=torch.ones(3)), "multilabel", "weight"),
        (nn.BCEWithLogitsLoss(weight=torch.ones(3)), "multilabel", "weight"),
        (nn.BCEWithLogitsLoss(pos_weight=torch.ones(3)), "multilabel", "pos_weight"),
        (nn.BCEWithLogitsLoss(pos_weight=torch.ones(1)), "binary", "pos_weight"),
    ],
)
def test_a_loss_with_weights_of_its_own_is_refused(loss, task, argument):
    assert refusal(ValueError, loss, task) == (
        f"`loss` must come without weights of its own, got {type(loss).__name__} with `{argument}`. Give them as "
        "`weighting=[...]` instead, so that they reach the checkpoint and the mean."
    )


def test_a_parameter_that_is_called_weight_is_no_class_weight():
    assert isinstance(resolve(nn.Linear(3, 3)), UnreducedLoss)


def test_two_different_ignored_indices_are_refused():
    assert refusal(ValueError, nn.CrossEntropyLoss(ignore_index=255), ignore_index=0) == (
        "`ignore_index` must be the same in the loss and beside it, got 255 and 0."
    )
    assert refusal(ValueError, WeightedCrossEntropy(), ignore_index=0) == (
        "`ignore_index` must be the same in the loss and beside it, got None in WeightedCrossEntropy and 0. "
        "Give it to the loss."
    )


@pytest.mark.parametrize("loss", [5, None])
def test_what_is_no_loss_is_refused(loss):
    assert refusal(TypeError, loss) == (
        f"`loss` must be a name, a torch.nn loss or a function of logits and target, got {loss!r}."
    )


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, nn.MultiMarginLoss])
def test_a_sum_is_refused_since_it_would_become_a_mean(loss):
    task = "binary" if loss is nn.BCEWithLogitsLoss else "multiclass"
    with pytest.raises(ValueError) as error:
        resolve(loss(reduction="sum"), task)

    assert str(error.value) == (
        f"`loss` must be reduced by its mean, got {loss.__name__} with `reduction='sum'`. The weighted mean is taken "
        "here; scale the learning rate instead."
    )


def test_the_ignore_index_of_a_torch_loss_is_honoured():
    loss = resolve(nn.NLLLoss(ignore_index=2))
    logits = torch.randn(3, 2).log_softmax(1)

    assert loss.ignore_index == 2
    assert loss(logits, torch.tensor([0, 1, 2])).item() == pytest.approx(
        nn.NLLLoss(ignore_index=2)(logits, torch.tensor([0, 1, 2])).item()
    )


CONFIGURED = {name: kind for kinds in NAMED.values() for kind in kinds for name in [kind.__name__]}


@pytest.mark.parametrize("kind", CONFIGURED.values(), ids=CONFIGURED)
def test_a_loss_comes_back_from_its_class_and_arguments(kind):
    task = kind.tasks[-1]
    loss = kind(task=task, ignore_index=7) if len(kind.tasks) > 1 else kind(ignore_index=7)

    written = as_hyperparameter(loss)

    assert written["class_path"] == f"lightning_imbalance.losses.{kind.__name__}"
    again = resolve(written, task)
    assert type(again) is kind
    assert repr(again) == repr(loss)
    assert again.ignore_index == 7


def test_arguments_of_a_loss_can_be_written_in_a_file():
    loss = resolve({"class_path": "lightning_imbalance.losses.FocalLoss", "init_args": {"gamma": 0.5}})

    assert repr(loss) == "FocalLoss(gamma=0.5)"


def test_a_function_has_no_written_form():
    assert as_hyperparameter(F.cross_entropy) is F.cross_entropy
    assert as_hyperparameter("focal") == "focal"
