from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics import MeanMetric

from lightning_imbalance.callbacks import tally as module
from lightning_imbalance.callbacks.step_outputs import StepOutput
from lightning_imbalance.callbacks.tally import Tally, TallyKind
from lightning_imbalance.functional import confusion_counts, predicted_classes

CPU = torch.device("cpu")
NAMES = ("cat", "dog", "owl")


def tally(task="multiclass", *, matrix=False, extra=()) -> Tally:
    return Tally(TallyKind(3, task, matrix), None, extra, CPU)


def logits_of(size: int, seed: int = 0) -> StepOutput:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(3, (size,), generator=generator)
    return StepOutput(torch.randn(size, 3, generator=generator), target, 3, are_logits=True)


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8), enough=st.sampled_from([0, 1, 10, 2**16]))
def test_batches_that_waited_are_counted_as_if_each_had_been(sizes, enough):
    steps = [logits_of(size, seed) for seed, size in enumerate(sizes)]
    both = tally(matrix=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ENOUGH", enough)
        for step in steps:
            both.add(step, None)
        found = both.together(NAMES)

    predicted = predicted_classes(torch.cat([step.given for step in steps]), "multiclass")
    target = torch.cat([step.target for step in steps])
    expected = confusion_counts(predicted, target, 3)
    assert all(torch.equal(*pair) for pair in zip(found.counts, expected, strict=True))
    assert found.matrix.sum(1).tolist() == expected.samples.tolist()
    assert found.matrix.diagonal().tolist() == expected.true_positives.tolist()


def test_few_numbers_wait_and_enough_of_them_do_not(monkeypatch):
    monkeypatch.setattr(module, "_ENOUGH", 30)
    waiting = tally()

    waiting.add(logits_of(5), None)
    assert waiting.counts.samples.sum() == 0

    waiting.add(logits_of(5), None)
    assert waiting.counts.samples.sum() == 10


def test_a_step_may_write_its_next_batch_into_the_same_memory():
    step = StepOutput(torch.eye(3), torch.tensor([0, 1, 2]), 3, are_logits=True)
    mine = tally()

    mine.add(step, None)
    step.given.fill_(0)
    step.target.fill_(0)

    assert mine.together(NAMES).counts.true_positives.tolist() == [1, 1, 1]


def test_a_batch_of_another_form_is_counted_apart():
    mine = tally()

    mine.add(logits_of(4), None)
    mine.add(StepOutput(torch.zeros(2, 3, 5), torch.zeros(2, 5, dtype=torch.int64), 3, are_logits=True), None)
    mine.add(StepOutput(torch.tensor([1, 2]), torch.tensor([1, 1]), None), None)
    mine.add(StepOutput(torch.tensor([[0.1, 0.2, 0.7]]), torch.tensor([2]), 3), None)

    assert mine.together(NAMES).counts.samples.sum() == 4 + 10 + 2 + 1


def test_a_batch_that_fills_a_process_up_counts_for_what_is_its_own():
    mine = tally()

    mine.add(StepOutput(torch.eye(3), torch.tensor([0, 1, 2]), 3, are_logits=True), (2, 3))

    assert mine.together(NAMES).counts.samples.tolist() == [1, 1, 0]


def test_several_labels_wait_too():
    mine = tally("multilabel")
    step = StepOutput(torch.tensor([[1.0, -1.0, 1.0]]), torch.tensor([[1, 1, 0]]), 3, are_logits=True)

    mine.add(step, None)
    mine.add(step, None)

    assert mine.together(NAMES).counts.true_positives.tolist() == [2, 0, 0]


class BatchMeans(MeanMetric):
    def update(self, preds, target):
        super().update(preds.amax())


def test_a_metric_of_the_users_choice_sees_each_batch():
    mine = tally(extra=(BatchMeans(),))
    sure, unsure = torch.eye(3) * 100, torch.zeros(3, 3)

    for logits in (sure, unsure):
        mine.add(StepOutput(logits, torch.tensor([0, 1, 2]), 3, are_logits=True), None)

    assert mine.together(NAMES).extra == {"BatchMeans": pytest.approx((1 + 1 / 3) / 2)}


def test_training_logits_are_kept_without_their_graph():
    logits = torch.eye(3, requires_grad=True)
    mine = tally()

    mine.add(StepOutput(logits * 2, torch.tensor([0, 1, 2]), 3, are_logits=True), None)

    assert not mine._waiting[0].given.requires_grad
