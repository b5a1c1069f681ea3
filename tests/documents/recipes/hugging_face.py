"""What docs/recipes/hugging-face.md takes for granted: digits on disk, tokens of reviews, and a network for each.

The language model is a stand-in: it is called and answers as those of transformers do, and knows no language.
"""

import os
import tempfile
from types import SimpleNamespace

import torch
from datasets import Array3D, ClassLabel, Dataset, Features, Sequence, Value

from lightning_imbalance.data import Digits

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

real = Digits()
kept = torch.cat([torch.where(real.labels == digit)[0][: 40 - 3 * digit] for digit in range(10)])
columns = {
    "image": real.images[kept].numpy(),
    "file": [f"{index}.png" for index in kept.tolist()],
    "label": real.labels[kept].tolist(),
}
features = Features(
    {"image": Array3D((1, 8, 8), "float32"), "file": Value("string"), "label": ClassLabel(names=list(real.classes))}
)
Dataset.from_dict(columns, features=features).save_to_disk("digits")

network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def augmented(rows):
    return {"image": [torch.as_tensor(image).roll(1, -1) for image in rows["image"]], "label": rows["label"]}


class StandIn(torch.nn.Module):
    def __init__(self, num_labels):
        super().__init__()
        self.words = torch.nn.Embedding(60, 8)
        self.classifier = torch.nn.Linear(8, num_labels)

    def forward(self, input_ids, attention_mask=None, labels=None):
        mask = attention_mask[..., None]
        logits = self.classifier((self.words(input_ids) * mask).sum(1) / mask.sum(1))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return SimpleNamespace(loss=loss, logits=logits)


class AutoModelForSequenceClassification:
    @staticmethod
    def from_pretrained(_name, num_labels=2):
        return StandIn(num_labels)


stars = [0] * 24 + [1] * 8 + [2] * 4
reviews = Dataset.from_dict(
    {
        "input_ids": [[star, 10 + index % 50, 20] for index, star in enumerate(stars)],
        "attention_mask": [[1, 1, index % 2] for index in range(len(stars))],
        "label": stars,
    },
    features=Features(
        {
            "input_ids": Sequence(Value("int64")),
            "attention_mask": Sequence(Value("int64")),
            "label": ClassLabel(names=["good", "fair", "poor"]),
        }
    ),
)


def collate(rows):
    batch = {name: torch.tensor([row[name] for row in rows]) for name in ("input_ids", "attention_mask")}
    return batch | {"labels": torch.tensor([row["label"] for row in rows])}
