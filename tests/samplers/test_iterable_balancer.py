from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Iterable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional.random_access import permuted, round_keys
from lightning_imbalance.samplers import IterableBalancer

COUNTS = [700, 250, 50]


class Numbered(IterableDataset):
    """Samples (number, label), shared out among the workers."""

    def __init__(self, labels: Iterable[int]) -> None:
        self.labels = list(labels)

    def __iter__(self):
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter([(i, self.labels[i]) for i in range(start, len(self.labels), step)])


def stream_of(counts: list[int], times: int = 1) -> Numbered:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)).repeat(times)
    return Numbered(labels[permuted(torch.arange(len(labels)), torch.tensor(len(labels)), round_keys(0))].tolist())


def slow_acceptance(counts: list[int], shares: list[float]) -> list[float]:
    ratios = [share * sum(counts) / count if count else 0.0 for share, count in zip(shares, counts, strict=True)]
    return [ratio / max(ratios) for ratio in ratios]


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, [1 / 3] * 3),
        ({"power": 0.5}, [c**0.5 / sum(k**0.5 for k in COUNTS) for c in COUNTS]),
        ({"power": 1}, [0.7, 0.25, 0.05]),
        ({"target": [0.2, 0.8, 0]}, [0.2, 0.8, 0]),
    ],
)
def test_rejection_passes_each_class_on_as_often_as_the_formula_says(options, shares):
    stream = stream_of(COUNTS, 20)
    balancer = IterableBalancer(stream, ClassDistribution(COUNTS), **options)

    passed = Counter(label for _, label in balancer)

    accepted = slow_acceptance(COUNTS, shares)
    for label, (count, probability) in enumerate(zip(COUNTS, accepted, strict=True)):
        mean, variance = 20 * count * probability, 20 * count * probability * (1 - probability)
        assert abs(passed[label] - mean) <= 4 * variance**0.5 + 1e-6
    assert balancer.class_prior.tolist() == pytest.approx(shares)
    assert balancer.acceptance == pytest.approx(
        sum(count / sum(COUNTS) * probability for count, probability in zip(COUNTS, accepted, strict=True))
    )


def test_rejection_keeps_the_order_and_repeats_nothing():
    numbers = [number for number, _ in IterableBalancer(stream_of(COUNTS), ClassDistribution(COUNTS))]

    assert numbers == sorted(set(numbers))
    assert 100 < len(numbers) < 200


def test_the_natural_shares_reject_nothing():
    balancer = IterableBalancer(stream_of(COUNTS), ClassDistribution(COUNTS), power=1)

    assert balancer.acceptance == pytest.approx(1)
    assert list(balancer) == list(stream_of(COUNTS))


@pytest.mark.parametrize(("options", "shares"), [({}, [1 / 3] * 3), ({"target": [0.1, 0.2, 0.7]}, [0.1, 0.2, 0.7])])
def test_a_buffer_passes_one_sample_on_for_each_with_the_shares_wanted(options, shares):
    stream = stream_of(COUNTS, 10)
    balancer = IterableBalancer(stream, ClassDistribution(COUNTS), method="buffer", **options)

    passed = Counter(label for _, label in balancer)

    total = len(stream.labels)
    assert sum(passed.values()) == total
    assert balancer.acceptance == 1
    # At the start the rarest class is waited for: about as many draws as one of it takes to come.
    waited = stream.labels.index(2)
    for label, share in enumerate(shares):
        assert abs(passed[label] - total * share) <= 4 * (total * share * (1 - share)) ** 0.5 + waited


def test_a_buffer_never_passes_on_what_has_not_come_and_first_what_is_new():
    stream = stream_of(COUNTS, 5)
    arrived: set[int] = set()

    class Watched(IterableDataset):
        def __iter__(self):
            for sample in stream:
                arrived.add(sample[0])
                yield sample

    seen: Counter[int] = Counter()
    for number, _ in IterableBalancer(Watched(), ClassDistribution(COUNTS), method="buffer"):
        assert number in arrived
        seen[number] += 1

    # More of the frequent class arrive than are drawn: none of it needs to come twice.
    assert max(times for number, times in seen.items() if stream.labels[number] == 0) == 1
    assert max(times for number, times in seen.items() if stream.labels[number] == 2) > 1


def test_until_a_class_has_come_its_share_is_the_others_and_one_of_no_share_is_dropped():
    labels = [0] * 50 + [1] * 50 + [2] * 200
    balancer = IterableBalancer(
        Numbered(labels), ClassDistribution([5, 5, 20]), target=[0, 0.5, 0.5], method="buffer", buffer_size=10
    )

    passed = [label for _, label in balancer]

    assert len(passed) == 250
    assert passed[:50] == [1] * 50
    assert abs(passed[50:].count(1) - 100) <= 4 * 50**0.5


@pytest.mark.parametrize("size", [1, 7])
def test_a_buffer_holds_no_more_than_it_may(size):
    balancer = IterableBalancer(stream_of(COUNTS, 3), ClassDistribution(COUNTS), method="buffer", buffer_size=size)

    iterator = iter(balancer)
    for _ in range(2000):
        next(iterator)
    held = iterator.gi_frame.f_locals["held"]

    assert max(len(each.fresh) + len(each.used) for each in held) == size


METHODS = pytest.mark.parametrize("method", ["rejection", "buffer"])


@METHODS
def test_the_same_seed_and_epoch_pass_the_same_on_and_others_others(method):
    def passed(seed: int, epoch: int) -> tuple:
        balancer = IterableBalancer(stream_of(COUNTS), ClassDistribution(COUNTS), method=method, seed=seed)
        balancer.set_epoch(epoch)
        return tuple(balancer)

    assert passed(3, 1) == passed(3, 1)
    assert len({passed(seed, epoch) for seed in (0, 1) for epoch in (0, 1, 2)}) == 6


@METHODS
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_each_pass_is_another_epoch_and_an_epoch_can_be_set_again(method, workers, persistent):
    if persistent and not workers:
        return
    balancer = IterableBalancer(stream_of([70, 25, 5]), ClassDistribution(COUNTS), method=method)
    loader = DataLoader(balancer, batch_size=None, num_workers=workers, persistent_workers=persistent)

    passes = [[tuple(sample) for sample in loader] for _ in range(2)]
    balancer.set_epoch(1)
    again = [tuple(sample) for sample in loader]
    balancer.set_epoch(0)
    first = [tuple(sample) for sample in loader]

    assert passes[0] != passes[1]
    assert again == passes[1]
    assert first == passes[0]
    assert balancer.epoch == 0


@METHODS
def test_workers_have_random_numbers_of_their_own_and_parts_of_their_own(method):
    # The same labels for both, so that the same numbers would pass the same places on.
    labels = [label for label in stream_of([70, 25, 5]).labels for _ in range(2)]
    balancer = IterableBalancer(Numbered(labels), ClassDistribution(COUNTS), method=method)

    passed = [int(number) for number, _ in DataLoader(balancer, batch_size=None, num_workers=2)]

    first, second = ([number // 2 for number in passed if number % 2 == worker] for worker in range(2))
    assert len(first) > 5
    assert len(second) > 5
    assert first != second


@METHODS
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda balancer: pickle.loads(pickle.dumps(balancer))])  # noqa: S301
def test_a_copy_passes_the_same_on(method, copied):
    balancer = IterableBalancer(stream_of(COUNTS), ClassDistribution(COUNTS), method=method)
    balancer.set_epoch(4)

    assert list(copied(balancer)) == list(balancer)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8), st.floats(0, 1))
def test_acceptance_is_what_the_shares_leave(counts, power):
    balancer = IterableBalancer(stream_of([1, 1]), ClassDistribution(counts), power)

    accepted = slow_acceptance(counts, balancer.class_prior.tolist())
    mean = sum(count * each for count, each in zip(counts, accepted, strict=True)) / sum(counts)
    assert balancer.acceptance == pytest.approx(mean)
    assert 0 < balancer.acceptance <= 1 + 1e-12


def test_classes_go_by_name_where_the_stream_has_names():
    class Photos(IterableDataset):
        def __iter__(self):
            return iter([{"image": 0, "label": "cat"}] * 300 + [{"image": 0, "label": "dog"}] * 100)

    distribution = ClassDistribution([3, 1], class_names=["cat", "dog"])

    passed = Counter(photo["label"] for photo in IterableBalancer(Photos(), distribution))

    assert passed["dog"] == 100
    assert abs(passed["cat"] - 100) <= 4 * (300 * 2 / 9) ** 0.5


def test_a_class_that_was_not_counted_is_refused_when_it_comes():
    balancer = IterableBalancer(Numbered([0, 1, 2]), ClassDistribution([1, 1]), power=1)
    iterator = iter(balancer)
    next(iterator)
    next(iterator)

    with pytest.raises(ValueError) as error:
        next(iterator)

    assert str(error.value) == ("each sample of the stream must be of one of the 2 classes of `distribution`, got 2.")


STREAM = Numbered([0, 1])


@pytest.mark.parametrize(
    ("dataset", "options", "kind", "message"),
    [
        (
            DataLoader(STREAM),
            {},
            TypeError,
            "`dataset` must be a stream of samples, got DataLoader, which gives batches. Pass its `.dataset`.",
        ),
        (
            TensorDataset(torch.zeros(2), torch.tensor([0, 1])),
            {},
            TypeError,
            "`dataset` must be a stream, got TensorDataset, whose samples have indices. Use `ClassBalancedSampler`, which opens no sample in vain.",
        ),
        (
            iter([(0, 0)]),
            {},
            TypeError,
            "`dataset` must be iterable more than once, once an epoch, got list_iterator. Pass an `IterableDataset`.",
        ),
        (
            5,
            {},
            TypeError,
            "`dataset` must be iterable more than once, once an epoch, got int. Pass an `IterableDataset`.",
        ),
        (STREAM, {"method": "reject"}, ValueError, "`method` must be 'rejection' or 'buffer', got 'reject'."),
        (
            STREAM,
            {"buffer_size": 5},
            ValueError,
            '`buffer_size` must be left out with `method="rejection"`, which holds nothing, got 5.',
        ),
        (
            STREAM,
            {"method": "buffer", "buffer_size": 0},
            ValueError,
            "`buffer_size` must be an integer from 1 on, got 0.",
        ),
        (
            STREAM,
            {"target": [0.5, 0.4]},
            ValueError,
            "the prior must sum to 1, got a sum of 0.9. Divide counts or percentages by their sum.",
        ),
        (STREAM, {"seed": 0.5}, TypeError, "`seed` must be an integer, got 0.5."),
    ],
)
def test_arguments_that_cannot_work_are_refused(dataset, options, kind, message):
    with pytest.raises(kind) as error:
        IterableBalancer(dataset, ClassDistribution([1, 1]), **options)

    assert str(error.value) == message


def test_an_epoch_is_counted_from_0():
    with pytest.raises(ValueError) as error:
        IterableBalancer(STREAM, ClassDistribution([1, 1])).set_epoch(-1)

    assert str(error.value) == "`epoch` must be an integer from 0 on, got -1."
