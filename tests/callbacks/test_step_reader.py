from __future__ import annotations

import copy
import pickle

import lightning as L
import pytest
import torch
from torch import nn

from lightning_imbalance.callbacks.step_reader import DEFAULT_KEYS, StepReader

LOGITS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
TARGET = torch.tensor([0, 0, 1])


class Foreign(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Identity(), nn.Softmax(1))


def watching(module: nn.Module, logits_from: str, target_key: str = "target") -> StepReader:
    reader = StepReader((*DEFAULT_KEYS[:2], target_key), None, logits_from)
    reader.watch(module)
    return reader


@pytest.mark.parametrize("name", ["model", "model.0"])
@pytest.mark.parametrize(
    ("batch", "key"),
    [
        ((None, TARGET), "target"),
        ({"image": None, "label": TARGET, "crs": "utm"}, "target"),
        ({"image": None, "label": None, "species": TARGET}, "species"),
    ],
    ids=["pair", "usual key", "named key"],
)
def test_logits_are_those_of_the_submodule_and_targets_those_of_the_batch(name, batch, key):
    module = Foreign()
    reader = watching(module, name, key)

    module.model(LOGITS.clone().requires_grad_())
    step = reader.read(None, batch, "multiclass")

    assert torch.equal(step.given.argmax(1), torch.tensor([0, 1, 1]))
    assert torch.equal(step.target, TARGET)
    assert torch.equal(step.given, LOGITS.softmax(1) if name == "model" else LOGITS)
    assert not step.given.requires_grad


def test_what_the_submodule_returns_last_is_taken():
    module = Foreign()
    reader = watching(module, "model")

    module.model(torch.zeros(1, 2))
    module.model(LOGITS)

    assert reader.read(None, (None, TARGET), "multiclass").given.argmax(1).tolist() == [0, 1, 1]


def test_each_step_must_call_the_submodule():
    module = Foreign()
    reader = watching(module, "model")
    module.model(LOGITS)
    reader.read(None, (None, TARGET), "multiclass")

    with pytest.raises(ValueError) as error:
        reader.read(None, (None, TARGET), "multiclass")

    assert str(error.value) == (
        "the step must call the submodule that `logits_from` names, got 'model', which it did not."
    )


def test_what_nobody_has_read_can_be_forgotten():
    module = Foreign()
    reader = watching(module, "model")
    module.model(LOGITS)

    reader.forget()

    with pytest.raises(ValueError, match="which it did not"):
        reader.read(None, (None, TARGET), "multiclass")


def test_the_module_is_left_as_it_was_also_after_watching_twice():
    module = Foreign()
    reader = watching(module, "model")
    reader.watch(module)
    assert len(module.model._forward_hooks) == 1

    reader.unwatch()

    assert len(module.model._forward_hooks) == 0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda reader: pickle.loads(pickle.dumps(reader))])  # noqa: S301
def test_a_copy_watches_nothing_until_it_is_told(duplicate):
    module, other = Foreign(), Foreign()
    reader = watching(module, "model")
    module.model(LOGITS)

    copied = duplicate(reader)
    copied.watch(other)
    other.model(LOGITS[[1, 0, 2]])

    assert copied.read(None, (None, TARGET), "multiclass").given.argmax(1).tolist() == [1, 0, 1]
    assert reader.read(None, (None, TARGET), "multiclass").given.argmax(1).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("keys", "extract", "logits_from", "kind", "message"),
    [
        (DEFAULT_KEYS, "logits", None, TypeError, "`extract` must be a function of outputs and batch, got 'logits'."),
        (
            DEFAULT_KEYS,
            None,
            "",
            ValueError,
            "`logits_from` must be the name of a submodule, such as 'model', got ''.",
        ),
        (
            DEFAULT_KEYS,
            print,
            "model",
            ValueError,
            "`extract`, `logits_key` and `preds_key` must be left out with `logits_from`, got both.",
        ),
        (
            ("scores", "preds", "target"),
            None,
            "model",
            ValueError,
            "`extract`, `logits_key` and `preds_key` must be left out with `logits_from`, got both.",
        ),
        (
            ("logits", "preds", "y"),
            print,
            None,
            ValueError,
            "`logits_key`, `preds_key` and `target_key` must be left out with `extract`, got both.",
        ),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(keys, extract, logits_from, kind, message):
    with pytest.raises(kind) as error:
        StepReader(keys, extract, logits_from)

    assert str(error.value) == message


@pytest.mark.parametrize(("module", "names"), [(Foreign(), "'model'"), (L.LightningModule(), "none")])
def test_a_submodule_that_is_not_there_is_named_with_those_that_are(module, names):
    with pytest.raises(ValueError) as error:
        watching(module, "net")

    assert str(error.value) == (
        f"`logits_from` must name a submodule of {type(module).__name__} ({names}; dots lead further), got 'net'."
    )


@pytest.mark.parametrize(
    ("key", "wanted", "batch", "got"),
    [
        ("target", "one usual target key (label, target, y, ...)", {"image": 1, "kind": 2}, "a dict with keys 'image', 'kind'"),
        ("target", "one usual target key (label, target, y, ...)", {"label": 1, "mask": 2}, "a dict with keys 'label', 'mask'"),
        ("target", "one usual target key (label, target, y, ...)", LOGITS, "a Tensor"),
        ("kind", "'kind'", {"image": 1, "label": 2}, "a dict with keys 'image', 'label'"),
    ],
)  # fmt: skip
def test_a_batch_that_does_not_show_its_targets_is_described(key, wanted, batch, got):
    module = Foreign()
    reader = watching(module, "model", key)
    module.model(LOGITS)

    with pytest.raises(TypeError) as error:
        reader.read(None, batch, "multiclass")

    assert str(error.value) == (
        f"the batch must be an (inputs, target) pair or a mapping with {wanted}, got {got}. Name the key of the "
        "targets: ImbalanceMonitor(target_key=...)."
    )
