from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.utils.data import TensorDataset

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import CutMixMinority
from lightning_imbalance.synthesis.cutmix_minority import draw_in_proportion

COUNTS = [90, 9, 3]
DISTRIBUTION = ClassDistribution(COUNTS)
LABELS = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))


def always(**options) -> CutMixMinority:
    return CutMixMinority(**({"probability": 1.0, "skip_first": 0, "skip_last": 0} | options))


def shown(target: torch.Tensor, height: int = 9, width: int = 7) -> torch.Tensor:
    """Images that show their class in every pixel, so that a mixture can be counted."""
    return target.float().view(-1, 1, 1, 1).expand(-1, 1, height, width)


DATA = TensorDataset(shown(LABELS), LABELS)


def within(drawn: int, share: float, draws: int) -> bool:
    """Whether a frequency is within 4 sigma of what it should be."""
    return abs(drawn / draws - share) <= 4 * math.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("foregrounds", [None, DATA], ids=["from the batch", "from a data set"])
def test_the_target_is_the_area_of_each_class(foregrounds):
    cutmix = always(foregrounds=foregrounds).adapt(DISTRIBUTION)
    target = torch.tensor([0, 0, 1, 0, 2, 0])

    for _ in range(20):
        mixed, shares = cutmix(shown(target), target)

        areas = torch.stack([(mixed == c).float().mean((1, 2, 3)) for c in range(3)], 1)
        torch.testing.assert_close(shares, areas)


@pytest.mark.parametrize("foregrounds", [None, DATA], ids=["from the batch", "from a data set"])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_foregrounds_are_drawn_by_the_inverse_of_the_frequency(power, foregrounds, monkeypatch):
    cutmix = always(power=power, foregrounds=foregrounds).adapt(DISTRIBUTION)
    # The whole training set as one batch: then both ways draw from the same samples.
    images, classes = torch.zeros(len(LABELS), 1, 1, 1), torch.eye(3)[LABELS]
    if foregrounds is not None:
        images = images.expand(-1, 1, 9, 7)

    draws = torch.stack([cutmix._drawn(images, classes)[1].sum(0) for _ in range(40)]).sum(0)

    weights = torch.tensor(COUNTS).double() ** (1 - power)
    total = int(draws.sum())
    for drawn, share in zip(draws.tolist(), (weights / weights.sum()).tolist(), strict=True):
        assert within(drawn, share, total)


def test_a_draw_is_in_proportion_to_the_weights():
    weights = torch.tensor([1.0, 7.0, 2.0], dtype=torch.float64).repeat(1000)

    drawn = torch.bincount(draw_in_proportion(weights) % 3, minlength=3).tolist()

    assert all(within(n, share, 3000) for n, share in zip(drawn, (0.1, 0.7, 0.2), strict=True))


def test_a_place_at_the_very_end_is_the_last_entry(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([1.0, 1.0], dtype=torch.float64))

    assert draw_in_proportion(torch.tensor([1.0, 1.0], dtype=torch.float64)).tolist() == [1, 1]


def test_only_so_many_batches_are_mixed():
    cutmix = always(probability=0.3, alpha=1000.0).adapt(DISTRIBUTION)  # boxes of half the image
    target = torch.tensor([0, 2] * 4)

    mixed = sum(not torch.equal(cutmix(shown(target), target)[0], shown(target)) for _ in range(400))

    assert within(mixed, 0.3, 400)


def test_the_first_and_the_last_epochs_are_not_mixed():
    cutmix = CutMixMinority(alpha=1000.0, probability=1.0, skip_first=2, skip_last=1).adapt(DISTRIBUTION)
    target = torch.tensor([0, 2] * 20)
    mixed = []

    for epoch in range(6):
        cutmix.set_epoch(epoch, 6)
        mixed.append(not torch.equal(cutmix(shown(target), target)[0], shown(target)))

    assert mixed == [False, False, True, True, True, False]


def test_a_batch_that_is_not_mixed_has_targets_of_the_same_form():
    cutmix = CutMixMinority(skip_first=1, skip_last=0).adapt(DISTRIBUTION)
    cutmix.set_epoch(0)

    _, shares = cutmix(shown(torch.tensor([0, 2])), torch.tensor([0, 2]))

    assert shares.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_the_first_epochs_alone_need_no_end():
    CutMixMinority(skip_first=5, skip_last=0).set_epoch(5)


@pytest.mark.parametrize(
    ("epochs", "message"),
    [
        (
            None,
            "`skip_last` must be 0 where the number of epochs is not known, got 3. Pass `CutMixMinority(skip_last=0)`, or `Trainer(max_epochs=...)`.",
        ),
        (
            6,
            "`skip_first` and `skip_last` must leave an epoch to mix, got skip_first=3 and skip_last=3 with 6 in all. Pass smaller ones: `CutMixMinority(skip_first=0, skip_last=0)`.",
        ),
    ],
)
def test_epochs_that_cannot_take_effect_are_refused(epochs, message):
    with pytest.raises(ValueError) as error:
        CutMixMinority().set_epoch(0, epochs)

    assert str(error.value) == message


def test_the_epoch_must_be_known_where_it_matters():
    with pytest.raises(RuntimeError) as error:
        CutMixMinority().adapt(DISTRIBUTION)(shown(LABELS), LABELS)

    assert str(error.value) == (
        "CutMixMinority must know the epoch, since it leaves out the first and the last, got none. Call "
        "`set_epoch(epoch, num_epochs)` before each, or pass `skip_first=0, skip_last=0`."
    )


def test_copies_share_the_data_set_and_say_so():
    cutmix = always(foregrounds=DATA, power=0.5)

    assert copy.deepcopy(cutmix).foregrounds is DATA
    assert (
        repr(cutmix)
        == "CutMixMinority(power=0.5, probability=1.0, skip_first=0, skip_last=0, foregrounds=TensorDataset)"
    )
