from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightning_imbalance.epoch_means import EpochMeans

# A weight of 0 is usual (an ignored target); one below float32's range is not.
NUMBERS = st.just(0.0) | st.floats(1e-3, 1e3)


def add(means: EpochMeans, name: str, *batches: tuple[float, float]) -> EpochMeans:
    for numerator, denominator in batches:
        means.add(name, torch.tensor(numerator), torch.tensor(denominator))
    return means


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_the_mean_is_that_of_the_sums_and_not_of_the_batches(samples):
    total = sum(weight for _, weight in samples)
    expected = sum(weight * loss for loss, weight in samples) / total if total else 0.0
    batches = [(weight * loss, weight) for loss, weight in samples]

    mean = add(EpochMeans(), "loss", *batches).pop("loss")["loss"].item()

    # The batches come in float32.
    assert mean == pytest.approx(expected, rel=1e-5)


def test_an_epoch_of_which_nothing_counts_has_mean_0():
    assert add(EpochMeans(), "loss", (0.0, 0.0), (0.0, 0.0)).pop("")["loss"].item() == 0


def test_small_batches_are_not_lost_beside_a_large_sum():
    batches = [(2.0**24, 2.0**24)] + [(1.0, 1.0)] * 64

    mean = add(EpochMeans(), "loss", *batches).pop("loss")["loss"]

    # In float32, 2**24 + 1 is 2**24.
    assert mean.item() == 1
    assert add(EpochMeans(), "loss", *batches, (0.0, 1.0)).pop("loss")["loss"].item() == 1 - 1 / (2**24 + 65)


def test_names_are_popped_in_order_by_prefix_and_the_rest_stays():
    means = EpochMeans()
    for name in ("val_loss", "train_loss", "val_a"):
        add(means, name, (1.0, 2.0))

    assert list(means.pop("val_")) == ["val_a", "val_loss"]
    assert list(means.pop("val_")) == []
    assert list(means.pop("train_")) == ["train_loss"]


def test_a_popped_mean_begins_anew():
    means = add(EpochMeans(), "loss", (100.0, 1.0))
    means.pop("loss")

    assert add(means, "loss", (1.0, 2.0)).pop("loss")["loss"].item() == 0.5


def test_the_graph_of_a_batch_is_not_kept():
    value = torch.tensor(3.0, requires_grad=True)
    means = EpochMeans()

    means.add("loss", value * 2, value * 0 + 1)

    mean = means.pop("loss")["loss"]
    assert (mean.item(), mean.requires_grad, mean.grad_fn) == (6.0, False, None)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_sums_of_any_type_are_added_in_float64(dtype):
    means = EpochMeans()
    means.add("loss", torch.tensor(1, dtype=dtype), torch.tensor(3, dtype=dtype))

    assert torch.equal(means.pop("loss")["loss"], torch.tensor(1 / 3, dtype=torch.float64))


def test_a_mean_lives_on_the_device_of_its_batches():
    means = EpochMeans()
    means.add("loss", torch.zeros((), device="meta"), torch.ones((), device="meta"))

    assert means.pop("loss")["loss"].device.type == "meta"


def test_means_are_no_part_of_a_module():
    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.means = add(EpochMeans(), "loss", (1.0, 2.0))

    module = Module()
    assert dict(module.state_dict()) == {}
    assert list(module.children()) == []


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda means: pickle.loads(pickle.dumps(means))])  # noqa: S301
def test_a_copy_goes_on_by_itself(duplicate):
    means = add(EpochMeans(), "loss", (1.0, 2.0))

    other = add(duplicate(means), "loss", (3.0, 2.0))

    def value(of: EpochMeans) -> Tensor:
        return of.pop("loss")["loss"].item()

    assert (value(other), value(means)) == (1.0, 0.5)
