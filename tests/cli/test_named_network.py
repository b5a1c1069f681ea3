"""Networks by their names."""

from __future__ import annotations

import pickle
import sys

import pytest
import torch
from torch import nn

from lightning_imbalance.cli.named_network import NamedNetwork

MODULE = """
from torch import nn

class Head(nn.Linear):
    def __init__(self, width=3, num_classes=2):
        super().__init__(width, num_classes)

def first(outputs, width=3):
    return nn.Linear(width, outputs)

def only_first(outputs, /):
    return nn.Linear(3, outputs)

def passed_on(**settings):
    return Head(**settings)

def keyword(*, num_classes):
    return nn.Linear(3, num_classes)

def nothing():
    return nn.Linear(3, 2)

def more(num_classes, width):
    return nn.Linear(width, num_classes)

def required(width, **settings):
    return nn.Linear(3, width)

number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "named_nets.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "named_nets"
    sys.modules.pop("named_nets", None)


@pytest.mark.parametrize("name", ["Head", "first", "only_first", "passed_on", "keyword", "required"])
@pytest.mark.parametrize("between", [".", ":"])
def test_the_number_of_classes_goes_where_it_belongs(mine, name, between):
    network = pickle.loads(pickle.dumps(NamedNetwork(f"{mine}{between}{name}")))(5)  # noqa: S301  # our own

    assert isinstance(network, nn.Linear)
    assert (network.in_features, network.out_features) == (3, 5)


def test_a_network_of_torchvision_has_as_many_outputs(mine):
    network = NamedNetwork("torchvision.models.resnet18")(7)

    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("resnet18", ValueError, "`model` must be `package.module.name` of a class or function, got 'resnet18'."),
        ("named_nets.", ValueError, "`model` must be `package.module.name` of a class or function, got 'named_nets.'."),
        ("a b.c", ValueError, "`model` must be `package.module.name` of a class or function, got 'a b.c'."),
        ("named_nets.fisrt", ValueError, "`model` must name something in the module named_nets, got 'fisrt'. Did you mean 'first'?"),
        ("no_nets.first", ValueError, "`model` must name a module that Python finds, got no_nets:first: no module 'no_nets'."),
        ("named_nets.number", TypeError, "`model` must be a class or a function, got 'named_nets.number', which is a int."),
        ("named_nets.nothing", TypeError, "`model` must need nothing but the number of classes, got 'named_nets.nothing', which takes no argument for it."),
        ("named_nets.more", TypeError, "`model` must need nothing but the number of classes, got 'named_nets.more', which needs 'width' too."),
    ],
)  # fmt: skip
def test_what_makes_no_network_of_a_number_of_classes_is_named(mine, name, kind, message):
    with pytest.raises(kind) as error:
        NamedNetwork(name)

    assert str(error.value) == message
