from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lightning_imbalance.callbacks.weight_slot import find_slot

WEIGHTS = torch.tensor([1.0, 5.0])
EXPECTED = (
    "`criterion` must name an nn.CrossEntropyLoss, nn.NLLLoss or nn.BCEWithLogitsLoss of the module, or a tensor in it"
)


class Settings:
    weights = None


class Holder(nn.Module):
    of_the_class = None

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 2), nn.CrossEntropyLoss())
        self.plain = torch.ones(2)
        self.nothing = None
        self.trained = nn.Parameter(torch.ones(2))
        self.numbers = [1.0, 2.0]
        self.settings = Settings()
        self.bce = nn.BCEWithLogitsLoss()
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("left_out", torch.ones(2), persistent=False)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("net.1", "net.1.weight"),
        ("net.1.weight", "net.1.weight"),
        ("bce", "bce.pos_weight"),
        ("bce.pos_weight", "bce.pos_weight"),
        ("plain", "plain"),
        ("nothing", "nothing"),
        ("kept", "kept"),
    ],
)
def test_a_path_leads_to_a_criterion_or_a_tensor(path, found):
    assert find_slot(Holder(), path).path == found


@pytest.mark.parametrize(
    ("criterion", "path"),
    [(nn.CrossEntropyLoss(), "weight"), (nn.NLLLoss(), "weight"), (nn.BCEWithLogitsLoss(), "pos_weight")],
)
def test_the_only_criterion_is_found(criterion, path):
    module = nn.ModuleDict({"net": nn.Linear(2, 2), "deep": nn.ModuleDict({"loss": criterion})})

    assert find_slot(module).path == f"deep.loss.{path}"
    assert find_slot(criterion).path == path


@pytest.mark.parametrize("path", ["net.1", "plain", "nothing", "kept", "left_out", "bce"])
def test_filling_changes_no_key_of_the_state_dict(path):
    holder = Holder()
    keys = list(holder.state_dict())
    slot = find_slot(holder, path)

    slot.fill(WEIGHTS)

    assert slot.value.tolist() == [1.0, 5.0]
    assert list(holder.state_dict()) == keys
    assert slot.attribute in slot.owner._buffers


@pytest.mark.parametrize("path", ["net.1", "plain", "nothing", "kept"])
def test_weights_move_with_the_module_and_keep_its_type(path):
    holder = Holder()
    slot = find_slot(holder, path)
    slot.fill(WEIGHTS)

    holder.to("meta", torch.float64)

    assert (slot.value.device.type, slot.value.dtype) == ("meta", torch.float64)


def test_filling_again_changes_the_same_object_and_nobody_elses():
    theirs = torch.ones(2)
    criterion = nn.CrossEntropyLoss(weight=theirs)
    slot = find_slot(criterion)
    slot.fill(weights := WEIGHTS.clone())
    held = slot.value

    slot.fill(torch.tensor([2.0, 3.0]))

    assert slot.value is held
    assert held.tolist() == [2.0, 3.0]
    assert (theirs.tolist(), weights.tolist()) == ([1.0, 1.0], [1.0, 5.0])


def test_a_tensor_keeps_its_shape():
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.ones(2, 1, 1))

    find_slot(criterion).fill(WEIGHTS)

    assert criterion.pos_weight.tolist() == [[[1.0]], [[5.0]]]


def test_a_tensor_of_another_length_is_refused():
    with pytest.raises(ValueError) as error:
        find_slot(Holder(), "kept").fill(torch.ones(3))

    assert str(error.value) == "`kept` must have 3 entries, one a class, got 2."


def test_weights_are_taken_when_somebody_else_has_put_them_there():
    mine, theirs = nn.CrossEntropyLoss(), nn.CrossEntropyLoss(weight=WEIGHTS)
    find_slot(mine).fill(WEIGHTS)

    assert find_slot(theirs).is_taken
    assert not find_slot(mine).is_taken
    assert not find_slot(copy.deepcopy(mine)).is_taken
    assert not find_slot(nn.CrossEntropyLoss(weight=torch.ones(2))).is_taken
    assert not find_slot(nn.CrossEntropyLoss()).is_taken


@pytest.mark.parametrize(
    ("path", "kind", "got"),
    [
        ("criterion", ValueError, "Holder has no 'criterion' when `setup` begins"),
        ("net.2.weight", ValueError, "Sequential has no '2' when `setup` begins"),
        ("net.0", TypeError, "a Linear"),
        ("net", TypeError, "a Sequential"),
        ("trained", TypeError, "it is a parameter, which the optimizer trains"),
        ("numbers", TypeError, "it is a list"),
        ("settings", TypeError, "it is a Settings"),
        (
            "settings.weights",
            TypeError,
            "Settings is no nn.Module, so that nothing would move its tensor to the device",
        ),
        ("bce.weight", TypeError, "it weights positives and negatives alike; name `pos_weight`"),
        ("of_the_class", TypeError, "it belongs to the class Holder; set it in `__init__`"),
    ],
)
def test_a_path_that_leads_elsewhere_is_named_with_the_criteria_that_there_are(path, kind, got):
    with pytest.raises(kind) as error:
        find_slot(Holder(), path)

    assert str(error.value) == (
        f"{EXPECTED}, got {path!r}: {got}. The module has 'net.1' (CrossEntropyLoss), 'bce' (BCEWithLogitsLoss)."
    )


@pytest.mark.parametrize(
    ("module", "got"),
    [
        (Holder(), "Holder, which has 'net.1' (CrossEntropyLoss), 'bce' (BCEWithLogitsLoss)"),
        (nn.Linear(2, 2), "Linear, which has no such criterion"),
    ],
)
def test_without_a_path_there_must_be_one_criterion(module, got):
    with pytest.raises(ValueError) as error:
        find_slot(module)

    assert str(error.value) == (
        f"{EXPECTED}, got None and {got}. Pass its name, for example `ApplyClassWeights('criterion')`."
    )
