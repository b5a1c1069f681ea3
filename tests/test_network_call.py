"""Where the logits are in what other people's networks return."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from lightning_imbalance.network_call import call, logits_of

LOGITS = torch.tensor([[0.5, -0.5]])


@dataclass
class Output:
    logits: torch.Tensor
    hidden_states: Any = None


class OutputMapping(OrderedDict):
    """Both a mapping and an object, as those of transformers are."""

    @property
    def logits(self):
        return self["logits"]


@pytest.mark.parametrize(
    "output",
    [
        LOGITS,
        Output(LOGITS, "states"),
        OutputMapping(loss=torch.tensor(1.0), logits=LOGITS),
        {"logits": LOGITS, "out": None},
        OrderedDict(out=LOGITS, aux=torch.zeros(1, 2)),
    ],
    ids=["tensor", "object", "transformers", "logits", "torchvision"],
)
def test_logits_are_found(output):
    assert logits_of(output) is LOGITS
    assert call(lambda inputs: output, "inputs") is LOGITS


@pytest.mark.parametrize("output", [(LOGITS, LOGITS), [LOGITS], {"scores": LOGITS}, None], ids=str)
def test_what_does_not_say_which_part_are_the_logits_stays_as_it_is(output):
    assert logits_of(output) is output


def test_tokens_are_keyword_arguments_and_nothing_else_is():
    def network(*inputs, **tokens):
        return {"logits": (inputs, tokens)}

    tokens, other = {"input_ids": 1, "attention_mask": 2}, {"left": 1, "right": 2}

    assert call(network, tokens) == ((), tokens)
    assert call(network, other) == ((other,), {})
