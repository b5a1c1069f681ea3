from __future__ import annotations

import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision.transforms import v2

from lightning_imbalance.synthesis import BatchTransform, CutMixMinority, Mixup, Remix
from lightning_imbalance.synthesis.resolve import NAMED, as_hyperparameter, resolve


@pytest.mark.parametrize("name", NAMED)
def test_a_name_stands_for_the_transform_with_its_defaults(name):
    transform = resolve(name)

    assert type(transform) is NAMED[name]
    assert repr(transform) == f"{NAMED[name].__name__}()"


@pytest.mark.parametrize(
    "transform", [Mixup(alpha=0.2), Remix(kappa=2.0, tau=0.3), CutMixMinority(skip_last=1)], ids=repr
)
def test_a_transform_is_written_and_read_back(transform, tmp_path):
    written = as_hyperparameter(transform)
    torch.save(written, tmp_path / "written.pt")

    again = resolve(torch.load(tmp_path / "written.pt", weights_only=True))

    assert repr(again) == repr(transform)
    assert written["class_path"] == f"lightning_imbalance.synthesis.{type(transform).__name__}"


class Own(BatchTransform):
    def mix(self, inputs, shares):
        return inputs, shares


def test_one_that_a_file_cannot_hold_stays_as_it_is():
    data = TensorDataset(torch.zeros(2, 1, 2, 2), torch.tensor([0, 1]))

    for transform in (Own(), CutMixMinority(foregrounds=data)):
        assert as_hyperparameter(transform) is transform
        assert resolve(transform) is transform
    assert as_hyperparameter("remix") == "remix"


@pytest.mark.parametrize(
    ("transform", "kind", "message"),
    [
        (
            "remx",
            ValueError,
            "`batch_transform` must be one of 'mixup', 'cutmix', 'remix', 'cutmix_minority', or a BatchTransform, got 'remx'. Did you mean 'remix'?",
        ),
        (
            Remix,
            TypeError,
            f"`batch_transform` must be a transform of `lightning_imbalance.synthesis`, or a BatchTransform of your own, got {Remix!r}.",
        ),
        (
            {"class_path": "os.system", "init_args": {"command": "true"}},
            ValueError,
            "`class_path` must be one of 'lightning_imbalance.synthesis.Mixup', 'lightning_imbalance.synthesis.CutMix', 'lightning_imbalance.synthesis.Remix', 'lightning_imbalance.synthesis.CutMixMinority', got 'os.system'.",
        ),
    ],
    ids=["misspelt", "class", "other class"],
)
def test_what_is_no_transform_is_refused(transform, kind, message):
    with pytest.raises(kind) as error:
        resolve(transform)

    assert str(error.value) == message


def test_torchvisions_own_is_not_ours():
    theirs = v2.MixUp(num_classes=3)

    with pytest.raises(TypeError) as error:
        resolve(theirs)

    assert str(error.value) == (
        "`batch_transform` must be a transform of `lightning_imbalance.synthesis`, or a BatchTransform of your own, got "
        f"{theirs!r}."
    )
