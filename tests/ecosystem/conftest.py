"""What other libraries' models and batches look like, for where the library itself is not installed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

COUNTS = [24, 8, 4]
WORDS = 30


class StandInOutput(OrderedDict):
    """Like ``transformers.modeling_outputs.SequenceClassifierOutput``: a mapping whose entries are attributes too."""

    def __getattr__(self, name: str) -> torch.Tensor:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class StandInBert(nn.Module):
    """Takes what ``BertForSequenceClassification`` takes, and returns a loss only where it is given labels."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 16)
        self.classifier = nn.Linear(16, len(COUNTS))
        self.given: set[frozenset[str]] = set()

    def forward(self, input_ids, attention_mask=None, labels=None):
        self.given.add(frozenset(n for n, v in (("mask", attention_mask), ("labels", labels)) if v is not None))
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mean = (self.words(input_ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits = self.classifier(mean)
        output = StandInOutput() if labels is None else StandInOutput(loss=nn.functional.cross_entropy(logits, labels))
        output["logits"] = logits
        return output


def sentences() -> list[dict[str, torch.Tensor]]:
    """Sentences of ten words that occur in any class, and two that tell it."""
    generator = torch.Generator().manual_seed(0)
    target = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
    words = torch.randint(6, WORDS, (len(target), 12), generator=generator)
    words[:, :2] = target[:, None]
    return [
        {"input_ids": row, "attention_mask": torch.ones(12, dtype=torch.int64), "labels": label}
        for row, label in zip(words, target, strict=True)
    ]


@pytest.fixture
def text_loader() -> Callable[[], DataLoader]:
    """Batches as ``transformers.DataCollatorWithPadding`` makes them."""
    return lambda: DataLoader(sentences(), batch_size=9, shuffle=False)


@pytest.fixture(params=["stand-in", "transformers"])
def language_model(request, monkeypatch) -> nn.Module:
    """A tiny language model that is not pretrained; the real one where transformers is installed."""
    if request.param == "stand-in":
        return StandInBert()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=WORDS,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
        num_labels=len(COUNTS),
    )
    return transformers.BertForSequenceClassification(config)
