from __future__ import annotations

import copy
import math
import pickle
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from lightning_imbalance.samplers import (
    ClassBalancedSampler,
    ClassSampler,
    OversamplingSampler,
    ProgressivelyBalancedSampler,
    RepeatFactorSampler,
    UndersamplingSampler,
)
from lightning_imbalance.samplers import base as module

# Every sampler of samples, with arguments under which it does what it is for.
EVERY = {
    "balanced": ClassBalancedSampler,
    "square root": lambda labels, **options: ClassBalancedSampler(labels, power=0.5, **options),
    "anew": lambda labels, **options: ClassBalancedSampler(labels, replacement=True, **options),
    "progressive": lambda labels, **options: ProgressivelyBalancedSampler(labels, end=2, **options),
    "under": UndersamplingSampler,
    "under a little": lambda labels, **options: UndersamplingSampler(labels, 0.7, **options),
    "over": OversamplingSampler,
    "repeat": lambda labels, **options: RepeatFactorSampler(labels, "auto", **options),
}
WITHOUT_REPLACEMENT = [name for name in EVERY if name != "anew"]


@st.composite
def labelled(draw) -> list[int]:
    """Labels in any order; a class may be absent."""
    sizes = draw(st.lists(st.integers(0, 25), min_size=1, max_size=5).filter(any))
    return draw(st.permutations([index for index, size in enumerate(sizes) for _ in range(size)]))


def drawn_on(make, labels, replicas: int, epoch: int = 0, **options) -> list[list[int]]:
    parts = []
    for rank in range(replicas):
        sampler = make(labels, num_replicas=replicas, rank=rank, **options)
        sampler.set_epoch(epoch)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler) == sampler.num_samples
    return parts


@settings(max_examples=50)
@given(labelled(), st.sampled_from(sorted(EVERY)), st.integers(0, 5), st.integers(0, 9))
def test_indices_are_those_of_samples_and_the_length_is_the_same_in_every_epoch(labels, name, epoch, seed):
    sampler = EVERY[name](labels, seed=seed)
    sampler.set_epoch(epoch)

    drawn = list(sampler)

    assert len(drawn) == len(sampler) == sampler.epoch_size
    assert all(type(index) is int and 0 <= index < len(labels) for index in drawn)


@settings(max_examples=40)
@given(labelled(), st.sampled_from(sorted(EVERY)), st.integers(1, 4), st.booleans(), st.integers(0, 3))
def test_one_draw_is_cut_into_equal_disjoint_parts(labels, name, replicas, drop_last, epoch):
    make = EVERY[name]
    (whole,) = drawn_on(make, labels, 1, epoch)
    if replicas > len(whole):
        return

    parts = drawn_on(make, labels, replicas, epoch, drop_last=drop_last)

    length = len(whole) // replicas if drop_last else math.ceil(len(whole) / replicas)
    assert [len(part) for part in parts] == [length] * replicas
    together = [index for turn in zip(*parts, strict=True) for index in turn]
    # What is missing at the end is filled up with the first draws.
    assert together == (whole + whole)[: length * replicas]


@settings(max_examples=50)
@given(labelled(), st.sampled_from(WITHOUT_REPLACEMENT), st.integers(0, 6), st.integers(0, 9))
def test_each_class_comes_as_often_as_expected_rounded_up_or_down(labels, name, epoch, seed):
    sampler = EVERY[name](labels, seed=seed)
    sampler.set_epoch(epoch)

    counts = torch.tensor(labels)[list(sampler)].bincount(minlength=len(sampler.counts)).double()

    expected = sampler.expected_draws(epoch)
    assert bool((counts >= (expected - 1e-9).floor()).all())
    assert bool((counts <= (expected + 1e-9).ceil()).all())


@settings(max_examples=50)
@given(labelled(), st.sampled_from(WITHOUT_REPLACEMENT), st.integers(0, 6))
def test_no_sample_comes_twice_before_all_others_of_its_class_have_come(labels, name, epoch):
    sampler = EVERY[name](labels)
    sampler.set_epoch(epoch)

    times = torch.tensor(list(sampler)).bincount(minlength=len(labels))

    for label in set(labels):
        of_class = times[torch.tensor(labels) == label]
        assert int(of_class.max()) - int(of_class.min()) <= 1


@settings(max_examples=40)
@given(labelled(), st.sampled_from(sorted(EVERY)), st.integers(0, 2**64 - 1), st.integers(0, 1000))
def test_the_same_seed_draws_the_same(labels, name, seed, epoch):
    first, second = (EVERY[name](labels, seed=seed) for _ in range(2))
    first.set_epoch(epoch)
    second.set_epoch(epoch)

    drawn = list(first)

    assert drawn == list(second)
    assert drawn == list(first)


@pytest.mark.parametrize("name", EVERY)
def test_another_seed_and_another_epoch_draw_other_orders(name):
    labels = [0] * 60 + [1] * 30 + [2] * 20
    draws = []
    for seed in (0, 1, -1, 2**40):
        sampler = EVERY[name](labels, seed=seed)
        for epoch in range(4):
            sampler.set_epoch(epoch)
            draws.append(tuple(sampler))

    assert len(set(draws)) == 16


@pytest.mark.parametrize("name", WITHOUT_REPLACEMENT)
def test_over_the_epochs_each_class_comes_as_often_as_expected_on_average(name):
    labels = torch.tensor([0] * 61 + [1] * 31 + [2] * 13 + [3] * 5)
    sampler, epochs = EVERY[name](labels), 120

    total = torch.zeros(4, dtype=torch.float64)
    for epoch in range(2, epochs + 2):
        sampler.set_epoch(epoch)
        total += labels[list(sampler)].bincount(minlength=4)

    expected = sampler.expected_draws(sampler.settled_epoch)
    fraction = expected - expected.floor()
    # Rounded up with the fraction as probability: variance f (1 - f) an epoch.
    sigma = (fraction * (1 - fraction) / epochs).sqrt()
    assert bool(((total / epochs - expected).abs() <= 4 * sigma + 1e-9).all())
    assert torch.allclose(sampler.class_prior, expected / expected.sum())


@pytest.mark.parametrize("name", WITHOUT_REPLACEMENT)
def test_over_the_epochs_the_samples_of_a_class_come_equally_often(name):
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 12)
    sampler = EVERY[name](labels)

    times = torch.zeros(len(labels), dtype=torch.float64)
    for epoch in range(100):
        sampler.set_epoch(epoch)
        times += torch.tensor(list(sampler)).bincount(minlength=len(labels))

    for label in range(3):
        of_class = times[labels == label]
        mean = of_class.mean()
        # Coins would have a variance of at most the mean; what is drawn in turn has less.
        assert bool(((of_class - mean).abs() <= 4 * mean.sqrt()).all())


@settings(max_examples=40)
@given(labelled(), st.sampled_from(sorted(EVERY)), st.integers(0, 4), st.integers(1, 7), st.data())
def test_a_resumed_epoch_goes_on_where_the_other_stood(labels, name, epoch, chunk, data):
    uninterrupted, first, second = (EVERY[name](labels) for _ in range(3))
    for sampler in (uninterrupted, first, second):
        sampler._chunk = chunk
    uninterrupted.set_epoch(epoch)
    first.set_epoch(epoch)
    whole = list(uninterrupted)
    taken = data.draw(st.integers(0, len(whole)))
    iterator = iter(first)
    begun = [next(iterator) for _ in range(taken)]

    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))  # noqa: S301

    assert first.state_dict() == second.state_dict() == {"epoch": epoch, "drawn": taken, "replicas": 1}
    assert begun + list(second) == whole
    assert list(second) == whole


@settings(max_examples=40)
@given(
    labelled().filter(lambda labels: len(labels) >= 20),
    st.sampled_from(["balanced", "anew", "over", "repeat"]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)
def test_another_number_of_processes_goes_on_where_all_together_stood(labels, name, before, after, drop_last, data):
    (whole,) = drawn_on(EVERY[name], labels, 1)
    parts = [EVERY[name](labels, num_replicas=before, rank=rank, drop_last=drop_last) for rank in range(before)]
    taken = data.draw(st.integers(0, len(parts[0]) - 1))
    drawn = [index for part in parts for index in islice(iter(part), taken)]

    for rank in range(after):
        resumed = EVERY[name](labels, num_replicas=after, rank=rank, drop_last=drop_last)
        resumed.load_state_dict(parts[-1].state_dict())
        drawn += list(resumed)

    assert (Counter(whole) - Counter(drawn)).total() < (after if drop_last else 1)
    assert len(drawn) - len(whole) < 2 * after


def test_of_an_epoch_at_its_end_nothing_is_left_on_another_number_of_processes():
    labels = [0] * 30 + [1] * 10
    one = ClassBalancedSampler(labels)
    list(one)
    third = ClassBalancedSampler(labels, num_replicas=3, rank=2)

    third.load_state_dict(one.state_dict())

    assert list(third) == []
    assert len(list(third)) == 14


def test_the_next_epoch_after_a_resumed_one_is_whole():
    labels = [0] * 30 + [1] * 10
    uninterrupted, resumed = ClassBalancedSampler(labels), ClassBalancedSampler(labels)
    uninterrupted.set_epoch(4)

    resumed.load_state_dict({"epoch": 3, "drawn": 12, "replicas": 1})
    resumed.set_epoch(4)

    assert list(resumed) == list(uninterrupted)


def test_an_epoch_set_between_iter_and_next_is_begun_at_its_beginning():
    labels = [0] * 30 + [1] * 10
    uninterrupted, resumed = ClassBalancedSampler(labels), ClassBalancedSampler(labels)
    uninterrupted.set_epoch(4)
    resumed.load_state_dict({"epoch": 3, "drawn": 12, "replicas": 1})

    iterator = iter(resumed)
    resumed.set_epoch(4)

    assert list(iterator) == list(uninterrupted)


def test_of_an_epoch_at_its_end_nothing_is_left_and_an_epoch_set_before_stays():
    sampler = ClassBalancedSampler([0] * 30 + [1] * 10)
    sampler.set_epoch(4)
    fifth = list(sampler)

    sampler.load_state_dict({"epoch": 3, "drawn": 40, "replicas": 1})

    assert list(sampler) == []
    assert list(sampler) == fifth
    assert sampler.epoch == 4


@pytest.mark.parametrize("drawn", [41, -1])
def test_a_state_of_another_sampler_is_refused(drawn):
    with pytest.raises(ValueError) as error:
        ClassBalancedSampler([0] * 30 + [1] * 10).load_state_dict({"epoch": 0, "drawn": drawn, "replicas": 1})

    assert str(error.value) == (
        f"the state must be that of a sampler with an epoch of 40 on each process, got {drawn} drawn. "
        "Resume with the same data and arguments."
    )


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])  # noqa: S301
def test_a_copy_draws_the_same_and_goes_on_where_its_original_stands(name, copied):
    sampler = EVERY[name]([0] * 30 + [1] * 10)
    sampler.set_epoch(2)
    iterator = iter(sampler)
    begun = [next(iterator) for _ in range(7)]

    twin = copied(sampler)

    assert twin.state_dict() == sampler.state_dict() == {"epoch": 2, "drawn": 7, "replicas": 1}
    whole = list(twin)
    assert whole[:7] == begun
    assert whole[7:] == list(iterator)


@pytest.mark.parametrize(("name", "workers"), [*((name, 0) for name in EVERY), ("balanced", 2)])
def test_a_dataloader_takes_it(name, workers):
    dataset = TensorDataset(torch.arange(40), torch.tensor([0] * 30 + [1] * 10))
    sampler = EVERY[name](dataset)

    loader = DataLoader(dataset, batch_size=8, sampler=sampler, num_workers=workers)

    assert isinstance(sampler, DistributedSampler)
    assert torch.cat([batch for batch, _ in loader]).tolist() == list(sampler)


def test_drawing_the_epoch_needs_no_list_of_it():
    sampler = ClassBalancedSampler([0, 1], num_samples=10**12)

    iterator = iter(sampler)

    assert len(sampler) == 10**12
    assert {next(iterator) for _ in range(100)} == {0, 1}


def test_an_absent_class_is_never_drawn():
    labels = [1] * 5 + [3] * 20

    for make in EVERY.values():
        sampler = make(labels, num_classes=6)
        assert {labels[index] for index in sampler} == {1, 3}
        assert sampler.class_prior[[0, 2, 4, 5]].tolist() == [0] * 4


@pytest.mark.parametrize("name", EVERY)
def test_a_class_alone_is_drawn_whole(name):
    if name == "anew":
        assert len(list(EVERY[name]([0] * 7))) == 7
    else:
        assert sorted(EVERY[name]([0] * 7)) == list(range(7))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (np.array([2] * 20 + [0] * 7 + [1] * 3, dtype=np.uint8), {}),
        (["c"] * 20 + ["a"] * 7 + ["b"] * 3, {"class_names": ["a", "b", "c"]}),
        (torch.tensor([2] * 20 + [0] * 7 + [1] * 3).view(-1, 1), {}),
    ],
    ids=["uint8", "strings", "column"],
)
def test_labels_may_come_in_any_form(name, labels, options):
    plain = EVERY[name]([2] * 20 + [0] * 7 + [1] * 3)

    sampler = EVERY[name](labels, **options)

    assert list(sampler) == list(plain)
    assert sampler.num_labels == 30


def test_ignored_samples_are_never_drawn():
    labels = [0] * 30 + [255] * 20 + [1] * 10

    for make in EVERY.values():
        sampler = make(labels, ignore_index=255)
        assert {labels[index] for index in sampler} == {0, 1}
        assert sampler.num_labels == 60


def test_a_binary_task_has_two_classes():
    labels = torch.tensor([0.0] * 30 + [1.0] * 10)

    sampler = ClassBalancedSampler(labels, task="binary")

    assert labels[list(sampler)].mean() == 0.5
    assert sampler.class_prior.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", EVERY)
def test_a_multilabel_sample_counts_for_its_rarest_label(name):
    rare, frequent, both, none = [1, 0], [0, 1], [1, 1], [0, 0]
    rows = [frequent] * 20 + [rare] * 3 + [both] * 4 + [none] * 6
    plain = EVERY[name]([1] * 20 + [0] * 7 + [2] * 6)

    sampler = EVERY[name](torch.tensor(rows), task="multilabel")

    assert sampler.counts.tolist() == [7, 20, 6]
    assert sampler.class_prior is None
    if name != "repeat":
        assert list(sampler) == list(plain)


def test_the_repr_says_what_is_drawn():
    sampler = UndersamplingSampler([0] * 100 + [1] * 50 + [2] * 20)

    assert repr(sampler) == ("UndersamplingSampler(170 samples ('0' 100, '1' 50, '2' 20), epoch_size=60)")


class Once(ClassSampler):
    """Draws each class once."""

    def expected_draws(self, epoch):
        return torch.ones(len(self.counts), dtype=torch.float64)


def test_a_sampler_of_ones_own_says_how_often_each_class_comes():
    labels = [0] * 9 + [1] * 3

    sampler = Once(labels, num_replicas=2, rank=1)

    assert len(sampler) == 1
    assert sampler.total_size == 2
    assert (sampler.rank, sampler.num_replicas) == (1, 2)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"seed": True}, TypeError, "`seed` must be an integer, got True."),
        ({"seed": 1.0}, TypeError, "`seed` must be an integer, got 1.0."),
        ({"seed": 2**64}, ValueError, f"`seed` must be an integer of at most 64 bits, got {2**64}."),
        ({"num_replicas": 2}, ValueError, "`num_replicas` and `rank` must be given together, got 2 and None."),
        ({"rank": 0}, ValueError, "`num_replicas` and `rank` must be given together, got None and 0."),
        ({"num_replicas": 2, "rank": 2}, ValueError, "`rank` must be below `num_replicas`, 2, got 2."),
        ({"num_replicas": 0, "rank": 0}, ValueError, "`num_replicas` must be an integer from 1 on, got 0."),
        ({"num_replicas": 2, "rank": -1}, ValueError, "`rank` must be an integer from 0 on, got -1."),
        ({"num_replicas": 2.0, "rank": 0}, TypeError, "`num_replicas` must be an integer from 1 on, got 2.0."),
        ({"drop_last": 1}, TypeError, "`drop_last` must be True or False, got 1."),
    ],
)
def test_arguments_that_cannot_work_are_refused(options, kind, message):
    with pytest.raises(kind) as error:
        Once([0, 1], **options)

    assert str(error.value) == message


def test_more_processes_than_draws_are_refused():
    sampler = Once([0, 1], num_replicas=3, rank=0)

    for ask in (len, list):
        with pytest.raises(ValueError) as error:
            ask(sampler)

        assert str(error.value) == (
            "an epoch must have a sample for each process, got 2 for 3. Draw more, or use fewer processes."
        )


@pytest.mark.parametrize("epoch", [1.5, True, -1])
def test_an_epoch_is_counted_from_0(epoch):
    sampler = Once([0, 1])

    with pytest.raises((TypeError, ValueError)) as error:
        sampler.set_epoch(epoch)

    assert str(error.value) == f"`epoch` must be an integer from 0 on, got {epoch}."


def test_integers_of_numpy_and_torch_are_integers():
    plain, sampler = Once([0, 1], seed=3), Once([0, 1], seed=np.int64(3))
    sampler.set_epoch(np.int32(2))
    plain.set_epoch(2)

    assert list(sampler) == list(plain)
    assert type(sampler.state_dict()["epoch"]) is int


def test_no_sampler_is_silent_about_an_argument_that_it_does_not_know():
    with pytest.raises(TypeError, match=re.escape("unexpected keyword argument 'replace'")):
        ClassBalancedSampler([0, 1], replace=True)


def test_chunks_are_invisible(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_CHUNK", 8)
    labels = [0] * 30 + [1] * 10
    whole = list(ClassBalancedSampler(labels))

    for chunk in (1, 7, 39, 40, 41):
        sampler = ClassBalancedSampler(labels)
        sampler._chunk = chunk
        assert list(sampler) == whole
