"""The contract finds each way to break it, and nothing where nothing is broken."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_imbalance import losses
from lightning_imbalance.functional import Terms
from lightning_imbalance.losses import CountedLoss, Loss, WeightedCrossEntropy
from lightning_imbalance.parameters import not_negative
from lightning_imbalance.testing import CHECKS, check_loss


def broken(loss: object, **options: object) -> str:
    with pytest.raises(AssertionError) as error:
        check_loss(loss, **options)
    return str(error.value)


class KeepsATensor(WeightedCrossEntropy):
    def __init__(self):
        super().__init__()
        self.shift = torch.arange(4.0)

    def per_target(self, logits, target, weight):
        return super().per_target(logits + self.shift, target, weight)


class ReadsAValue(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        return super().per_target(logits * (2 if target.max().item() > 1 else 1), target, weight)


class ForgetsItsState(CountedLoss):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.zeros(4), persistent=False)

    def adapt(self, distribution):
        self.shift = distribution.priors.float()
        return super().adapt(distribution)

    def per_target(self, logits, target, weight):
        return WeightedCrossEntropy(ignore_index=self.ignore_index).per_target(logits + self.shift, target, weight)


class ReadsTheOrder(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        return Terms(terms.loss * torch.linspace(0, 1, len(logits), device=logits.device).view(-1, *[1] * (terms.loss.ndim - 1)), terms.weight)  # fmt: skip


class CountsRows(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        return terms if target.ndim == 1 else Terms(2 * terms.loss, terms.weight)


class HalvesSoftTargets(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        return Terms(terms.loss / 2, terms.weight) if target.is_floating_point() else terms


class DividesByNothing(WeightedCrossEntropy):
    def forward(self, logits, target, weight=None):
        numerator, denominator = self.terms(logits, target, weight).sums()
        return numerator / denominator


class CountsTheIgnored(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        nothing = (terms.weight == 0).all()
        return Terms(terms.loss, torch.where(nothing, terms.weight, terms.weight + 1))


class Overflows(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        return Terms(terms.loss + 0 * logits.exp().sum(), terms.weight)


class StaysInHalf(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        terms = super().per_target(logits, target, weight)
        return Terms(terms.loss.to(logits.dtype), terms.weight)


class DropsWeights(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        del weight
        return super().per_target(logits, target, None)


class BreaksTheGraph(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        torch._dynamo.graph_break()
        return super().per_target(logits, target, weight)


class CountsWhatItSees(WeightedCrossEntropy):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def per_target(self, logits, target, weight):
        if self.training:
            self.seen += len(target)
        return super().per_target(logits, target, weight)


class ShiftsInPlace(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        if self.training and not logits.requires_grad:
            logits += 1
        return super().per_target(logits, target, weight)


class SwitchesGradientsOn(WeightedCrossEntropy):
    def per_target(self, logits, target, weight):
        if self.training:
            torch.set_grad_enabled(True)
        return super().per_target(logits, target, weight)


MOVES = "it moves with the module, and the host never waits for the device"


@pytest.mark.parametrize(
    ("loss", "promise"),
    [
        (KeepsATensor(), MOVES),
        (ReadsAValue(), MOVES),
        (ForgetsItsState(), "its state dict brings it back"),
        (ReadsTheOrder(), "the order of the batch does not matter"),
        (CountsRows(), "dense targets count as samples do"),
        (HalvesSoftTargets(), "an index and its one-hot row are the same"),
        (DividesByNothing(), "a batch that is all ignored gives 0 with a gradient of zeros"),
        (CountsTheIgnored(), "ignored targets are left out"),
        (Overflows(), "it is finite at logits of ±10,000 in float32"),
        (StaysInHalf(), "half precision is computed in float32"),
        (DropsWeights(), "class weights change it"),
        (BreaksTheGraph(), "it compiles in one graph"),
        (CountsWhatItSees(), "a call changes nothing"),
        (ShiftsInPlace(), "a call changes nothing"),
        (SwitchesGradientsOn(), "a call changes nothing"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Loss) else "",
)
def test_a_broken_promise_is_named(loss, promise):
    message = broken(loss)

    # The checks on ignored targets give a copy an index to ignore.
    assert message.replace("ignore_index=-100", "").startswith(f"{loss!r} must keep what every loss keeps: {promise}. ")


def test_the_message_has_what_was_expected_and_what_was_got():
    assert re.fullmatch(
        r"HalvesSoftTargets\(\) must keep what every loss keeps: an index and its one-hot row are the same\. "
        r"expected ([\d.]+), got ([\d.]+)",
        broken(HalvesSoftTargets()),
    )
    assert broken(DividesByNothing()).endswith(" expected 0, got nan")


class Quantile(Loss):
    """A loss of one's own with a parameter, for class indices."""

    def __init__(self, floor=0.1, **options):
        super().__init__(**options)
        self.floor = not_negative("floor", floor)

    def per_target(self, logits, target, weight):
        terms = WeightedCrossEntropy(ignore_index=self.ignore_index).per_target(logits, target, weight)
        return Terms(terms.loss.clamp_min(0) + self.floor * terms.weight, terms.weight)


@pytest.mark.parametrize("options", [{}, {"floor": 0.5, "ignore_index": 255}, {"reduction": "none"}], ids=str)
def test_a_loss_of_ones_own_that_keeps_all_passes(options):
    loss = Quantile(**options)
    shown = repr(loss)

    check_loss(loss)

    assert repr(loss) == shown


@pytest.mark.parametrize(
    ("loss", "task"),
    [
        ("focal", "binary"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), None),
        (nn.BCEWithLogitsLoss(), "multilabel"),
        (F.cross_entropy, None),
    ],
    ids=["a name", "a loss of torch", "another one", "a function"],
)
def test_names_and_losses_of_torch_are_taken_as_elsewhere(loss, task):
    check_loss(loss, task=task)


def test_what_a_loss_of_torch_cannot_do_is_found():
    assert broken(nn.MultiMarginLoss()).startswith(
        "UnreducedLoss( (loss): MultiMarginLoss() ) must keep what every loss keeps: dense targets count as samples do. "
    )


def test_the_loss_is_left_as_it_was_and_so_are_the_random_numbers():
    loss = losses.LDAMLoss()
    state = torch.get_rng_state()

    check_loss(loss)

    assert loss.class_counts.numel() == 0
    assert (loss.training, loss.ignore_index) == (True, None)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("num_classes", [3, 12, 40])
def test_it_may_be_run_with_any_number_of_classes(num_classes):
    check_loss(losses.SeesawLoss(), num_classes=num_classes)


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError) as error:
        check_loss(losses.SeesawLoss(), num_classes=2)

    assert str(error.value) == "`num_classes` must be at least 3, so that one class can be absent, got 2."


def test_another_task_than_the_losss_is_refused():
    with pytest.raises(ValueError) as error:
        check_loss(losses.SeesawLoss(), task="binary")

    assert str(error.value) == "`loss` must fit the task 'binary', got SeesawLoss, which is for `task=\"multiclass\"`."


def test_every_check_says_what_it_checks():
    assert all(check.__doc__ for check in CHECKS)
