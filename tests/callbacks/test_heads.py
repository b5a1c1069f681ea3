from __future__ import annotations

import pytest
from torch import nn

from lightning_imbalance.callbacks.heads import find_head


def network() -> nn.Module:
    return nn.ModuleDict({"body": nn.Linear(2, 3), "head": nn.Sequential(nn.Linear(3, 4), nn.ReLU())})


def test_the_last_linear_layer_is_the_head():
    module = network()

    assert find_head(module) == ("head.0", module["head"][0])


def test_a_name_comes_first_and_may_be_of_another_layer():
    module = network()

    assert find_head(module, "head") == ("head", module["head"])


@pytest.mark.parametrize("name", ["fc", ""])
def test_a_name_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(ValueError) as error:
        find_head(network(), name)

    assert str(error.value) == (
        f"`head` must be the path of the module's last layer (its linear layers are 'body', 'head.0'), got {name!r}."
    )


def test_a_module_without_a_linear_layer_is_refused():
    with pytest.raises(ValueError) as error:
        find_head(nn.Conv2d(1, 1, 1))

    assert str(error.value) == (
        "`head` must be the path of the module's last layer (it has no torch.nn.Linear), got None."
    )
