from __future__ import annotations

import sys

import pytest
import torch

from lightning_imbalance.cli.instances import instance_of


def test_defaults_are_those_of_the_class():
    made = instance_of(torch.nn.Module, {"class_path": "torch.nn.Dropout"}, "`model`")

    assert made.p == 0.5


@pytest.mark.parametrize(
    "said",
    [
        {"class_path": "no.such.Thing"},
        {"class_path": "torch.nn.Linear", "init_args": {"in_features": 3}},
        {"class_path": "torch.nn.Dropout", "init_args": {"q": 3}},
        {"class_path": "os.system", "init_args": {"command": "true"}},
    ],
)
def test_what_makes_nothing_is_refused(said):
    with pytest.raises(ValueError) as refused:
        instance_of(torch.nn.Module, said, "`model.model` in run/config.yaml")

    assert str(refused.value).startswith(
        f"`model.model` in run/config.yaml must say how to make a Module, got {said!r}: "
    )


def test_without_the_parser_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonargparse", None)

    with pytest.raises(ModuleNotFoundError) as missing:
        instance_of(torch.nn.Module, {"class_path": "torch.nn.Dropout"}, "`data` in config.yaml")

    assert (
        str(missing.value)
        == '`data` in config.yaml needs jsonargparse to be read, which is not installed. Run `pip install "lightning-imbalance[cli]"`.'
    )
