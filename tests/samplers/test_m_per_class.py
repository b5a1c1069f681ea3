from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance.labels.loaders import subset_of
from lightning_imbalance.samplers import MPerClassSampler
from lightning_imbalance.samplers import base as module

LABELS = torch.tensor([0] * 40 + [1] * 20 + [2] * 12 + [3] * 3)


@st.composite
def arguments(draw):
    sizes = draw(st.lists(st.integers(0, 12), min_size=1, max_size=7).filter(any))
    m = draw(st.integers(1, 5))
    classes = draw(st.integers(1, sum(map(bool, sizes))))
    labels = draw(st.permutations([index for index, size in enumerate(sizes) for _ in range(size)]))
    return labels, m, m * classes


@given(arguments(), st.integers(0, 5), st.integers(0, 9))
def test_a_batch_has_m_samples_of_each_of_its_classes(given_, epoch, seed):
    labels, m, batch_size = given_
    sampler = MPerClassSampler(labels, m, batch_size, seed=seed)
    sampler.set_epoch(epoch)

    batches = list(sampler)

    assert len(batches) == len(sampler) == max(len(labels) // batch_size, 1)
    for batch in batches:
        of_class = torch.tensor(labels)[batch].bincount()
        assert len(batch) == batch_size
        assert of_class[of_class > 0].tolist() == [m] * (batch_size // m)
        for label in set(torch.tensor(labels)[batch].tolist()):
            # A class that has as many gives m different ones; else each of its samples as often as the others.
            times = torch.tensor([index for index in batch if labels[index] == label]).bincount(minlength=len(labels))
            times = times[torch.tensor(labels) == label]
            assert int(times.max()) - int(times.min()) <= 1


@given(arguments(), st.integers(1, 30))
def test_all_classes_come_before_one_comes_again_except_those_too_few_for_a_batch(given_, num_batches):
    labels, m, batch_size = given_
    present = sorted(set(labels))
    a_pass = len(present) * m // batch_size

    batches = list(MPerClassSampler(labels, m, batch_size, num_batches=num_batches))

    for start in range(0, num_batches, a_pass):
        seen = [label for batch in batches[start : start + a_pass] for label in {labels[index] for index in batch}]
        assert len(seen) == len(set(seen))


def test_over_the_epochs_no_sample_comes_twice_before_the_others_have_come():
    sampler = MPerClassSampler(LABELS, m=4, batch_size=16)
    drawn = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        drawn += [index for batch in sampler for index in batch]

    # Four batches an epoch, four of each class in a batch: after 10 batches all 40 of class 0, 20 of class 1 after 5.
    of_class_0, of_class_1, of_class_2 = ([index for index in drawn if LABELS[index] == c] for c in range(3))
    assert len(set(of_class_0[:40])) == 40
    assert len(set(of_class_1[:20])) == len(set(of_class_1[20:40])) == 20
    assert len(set(of_class_2[:12])) == len(set(of_class_2[12:24])) == 12


def test_classes_come_equally_often():
    sampler = MPerClassSampler(LABELS, m=1, batch_size=3, num_batches=4000)

    counts = LABELS[torch.tensor(list(sampler)).flatten()].bincount()

    assert sampler.expected_draws(0).tolist() == [3000] * 4
    assert sampler.class_prior.tolist() == [0.25] * 4
    # A batch leaves out one class of four: a coin of 3 / 4, tossed 4000 times.
    assert float((counts - 3000).abs().max()) <= 4 * (4000 * 3 / 16) ** 0.5


@settings(max_examples=40)
@given(arguments(), st.integers(1, 4), st.booleans(), st.integers(0, 3), st.integers(4, 12))
def test_the_batches_are_shared_out(given_, replicas, drop_last, epoch, num_batches):
    def batches_of(rank: int, replicas: int) -> list[list[int]]:
        sampler = MPerClassSampler(
            *given_, num_batches=num_batches, num_replicas=replicas, rank=rank, drop_last=drop_last
        )
        sampler.set_epoch(epoch)
        assert len(sampler) == len(list(sampler))
        return list(sampler)

    whole = batches_of(0, 1)
    parts = [batches_of(rank, replicas) for rank in range(replicas)]

    length = num_batches // replicas if drop_last else -(-num_batches // replicas)
    together = [batch for turn in zip(*parts, strict=True) for batch in turn]
    assert together == (whole + whole)[: length * replicas]


def test_the_same_seed_draws_the_same_and_another_seed_or_epoch_other_batches():
    draws = []
    for seed in (0, 1, 0):
        sampler = MPerClassSampler(LABELS, 2, 4, seed=seed)
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            draws.append(str(list(sampler)))

    assert draws[:2] == draws[4:]
    assert len(set(draws)) == 4


@pytest.mark.parametrize("taken", [0, 1, 5, 18])
def test_a_resumed_epoch_goes_on_where_the_other_stood(taken):
    first, second = (MPerClassSampler(LABELS, 2, 4) for _ in range(2))
    first.set_epoch(3)
    whole = list(first)
    iterator = iter(first)
    begun = [next(iterator) for _ in range(taken)]

    second.load_state_dict(first.state_dict())

    assert begun + list(second) == whole


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])  # noqa: S301
def test_a_copy_draws_the_same(copied):
    sampler = MPerClassSampler(LABELS, 2, 4)
    sampler.set_epoch(2)

    assert list(copied(sampler)) == list(sampler)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataloader_takes_it_as_its_batch_sampler(workers):
    dataset = TensorDataset(torch.arange(75), LABELS)
    sampler = MPerClassSampler(dataset, 2, 8)

    loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers)

    assert [batch.tolist() for batch, _ in loader] == list(sampler)
    assert len(loader) == len(sampler)
    # Counting the classes of a loader looks for a sampler that is limited to a subset.
    assert subset_of(loader) is None


def test_the_first_batch_does_not_wait_for_many(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 64)

    assert MPerClassSampler(LABELS, 2, 8)._chunk == 8
    assert MPerClassSampler([0] * 200, 128, 128)._chunk == 1


def test_absent_and_ignored_classes_are_left_out():
    labels = [0] * 6 + [2] * 6 + [9] * 6

    sampler = MPerClassSampler(labels, 3, 6, num_classes=10, ignore_index=9)

    assert {labels[index] for batch in sampler for index in batch} == {0, 2}
    assert sampler.class_prior.tolist() == [0.5, 0, 0.5, *[0] * 7]
    assert len(sampler) == 2


@pytest.mark.parametrize(
    ("m", "batch_size", "options", "kind", "message"),
    [
        (3, 8, {}, ValueError, "`batch_size` must be a multiple of `m`, 3, got 8."),
        (
            2,
            10,
            {},
            ValueError,
            "`batch_size` must be at most `m` times the number of classes with samples, 2 * 4 = 8, got 10. Pass a larger `m`, or a smaller batch.",
        ),
        (8, 4, {}, ValueError, "`batch_size` must be a multiple of `m`, 8, got 4."),
        (0, 4, {}, ValueError, "`m` must be an integer from 1 on, got 0."),
        (2.0, 4, {}, TypeError, "`m` must be an integer from 1 on, got 2.0."),
        (2, True, {}, TypeError, "`batch_size` must be an integer from 1 on, got True."),
        (2, 4, {"num_batches": 0}, ValueError, "`num_batches` must be an integer from 1 on, got 0."),
        (
            2,
            4,
            {"sampler": range(3)},
            ValueError,
            "`sampler` must be left out, since the batches are drawn from the labels, got range.",
        ),
        (
            2,
            4,
            {"task": "multilabel"},
            ValueError,
            '`task` must be "multiclass" or "binary", got "multilabel", where a sample has several classes.',
        ),
    ],
)
def test_arguments_that_cannot_work_are_refused(m, batch_size, options, kind, message):
    with pytest.raises(kind) as error:
        MPerClassSampler(LABELS, m, batch_size, **options)

    assert str(error.value) == message


def test_more_processes_than_batches_are_refused():
    sampler = MPerClassSampler(LABELS, 2, 4, num_batches=1, num_replicas=2, rank=0)

    with pytest.raises(ValueError) as error:
        len(sampler)

    assert str(error.value) == (
        "an epoch must have a batch for each process, got 1 for 2. Draw more, or use fewer processes."
    )
