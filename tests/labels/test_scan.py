"""Labels by opening every sample."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lightning_imbalance.labels.scan import scan


class Counting(Dataset):
    """Notes which samples were opened."""

    def __init__(self, targets):
        self.hidden, self.opened = targets, []

    def __len__(self):
        return len(self.hidden)

    def __getitem__(self, index):
        self.opened.append(index)
        return torch.zeros(3), self.hidden[index]


class Endless(IterableDataset):
    def __init__(self):
        self.opened = 0

    def __iter__(self):
        while True:
            self.opened += 1
            yield 0.0, self.opened


class Sized(Endless):
    def __len__(self):
        return 3

    def __iter__(self):
        return iter([(0.0, 7), (0.0, 8), (0.0, 9)])


def _flat(chunks):
    return [label for chunk in chunks for label in (chunk.tolist() if isinstance(chunk, torch.Tensor) else chunk)]


ADVICE = (
    "They come from {0}: give it a `class_labels()` method that returns one label a sample, register a reader: "
    "`lightning_imbalance.labels.register({0}, reader)`, or override a model's `class_distribution()`. Its "
    "`unpack_batch` is not asked for labels."
)


def test_every_sample_is_opened_once_and_in_order():
    dataset = Counting([3, 1, 2] * 50)
    assert _flat(scan(dataset)) == dataset.hidden
    assert dataset.opened == list(range(150))


def test_nothing_is_opened_before_the_first_chunk():
    dataset = Counting([0])
    scan(dataset)
    assert dataset.opened == []


def test_only_the_chosen_samples_are_opened():
    dataset = Counting([3, 1, 2])
    assert _flat(scan(dataset, indices=torch.tensor([2, 2, 0]))) == [2, 2, 3]
    assert dataset.opened == [2, 2, 0]


def test_max_samples_stops_exactly_there():
    dataset = Counting(list(range(200)))
    assert _flat(scan(dataset, max_samples=70)) == list(range(70))
    assert dataset.opened == list(range(70))
    endless = Endless()
    assert _flat(scan(endless, max_samples=70)) == list(range(1, 71))
    assert endless.opened == 70


def test_max_samples_beyond_the_end_is_all_of_them():
    assert _flat(scan(Counting([1, 2]), max_samples=9)) == [1, 2]
    assert _flat(scan(Sized(), max_samples=9)) == [7, 8, 9]


def test_an_empty_dataset_gives_no_chunk():
    assert list(scan(Counting([]))) == []


def test_strings_and_masks_of_different_sizes_are_scanned():
    assert list(scan(Counting(["cat", "dog"]))) == [["cat", "dog"]]
    masks = [torch.ones(1, 2), torch.zeros(2, 1)]
    assert [tuple(chunk.shape) for chunk in scan(Counting(masks))] == [(1, 1, 2), (1, 2, 1)]


def test_mappings_of_which_only_the_target_is_known_are_scanned():
    samples = [{"input_ids": [1, 2], "attention_mask": [1, 1], "label": 4}]
    assert _flat(scan(samples)) == [4]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_workers_of_the_loader_do_the_work(workers):
    dataset = Counting([3, 1, 2, 0, 5])
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, shuffle=True)
    assert [chunk.tolist() for chunk in scan(dataset, loader=loader)] == [[3, 1], [2, 0], [5]]
    assert (dataset.opened == []) == (workers > 0)


@pytest.mark.parametrize("workers", [0, 1])
def test_samples_without_a_target_are_refused_in_the_same_words_by_workers(workers):
    dataset = TensorDataset(torch.zeros(2), torch.zeros(2), torch.zeros(2))
    with pytest.raises(TypeError) as error:
        list(scan(dataset, loader=DataLoader(dataset, num_workers=workers)))
    assert str(error.value) == (
        "samples must be (inputs, target) pairs, or mappings with one usual target key (label, target, y, ...), "
        "got a tuple of 3. " + ADVICE.format("TensorDataset")
    )


def test_targets_that_are_no_labels_are_refused():
    with pytest.raises(TypeError) as error:
        list(scan(Counting([{"boxes": 1}])))
    assert str(error.value) == (
        "`labels` must be one number, one string or one array of equal shape a sample, got dict. "
        + ADVICE.format("Counting")
    )


def test_the_loaders_own_collate_may_make_the_pairs():
    samples = [(0.0, 0.0, 4), (0.0, 0.0, 2)]
    loader = DataLoader(samples, batch_size=2, collate_fn=lambda rows: (None, torch.tensor([row[2] for row in rows])))
    assert _flat(scan(samples, loader=loader)) == [4, 2]


def test_an_iterable_dataset_is_read_through_its_own_batches():
    loader = DataLoader(Sized(), batch_size=2)
    assert [chunk.tolist() for chunk in scan(loader.dataset, loader=loader)] == [[7, 8], [9]]
    single = DataLoader(Sized(), batch_size=None)
    assert _flat(scan(single.dataset, loader=single)) == [7, 8, 9]
    assert _flat(scan(loader.dataset, loader=loader, max_samples=1)) == [7]


def test_no_batch_is_loaded_beyond_max_samples():
    dataset = Endless()
    assert _flat(scan(dataset, loader=DataLoader(dataset, batch_size=4), max_samples=8)) == list(range(1, 9))
    assert dataset.opened == 8


def test_a_scan_of_an_endless_iterable_is_refused_at_once():
    with pytest.raises(ValueError, match=r"^`max_samples`") as error:
        scan(Endless())
    assert str(error.value) == (
        "`max_samples` must be given to scan a Endless, which has no length and may be endless, got None. "
        "Give the dataset a `class_labels()` method or a `__len__`, say how many samples are enough, or override a model's `class_distribution()`."
    )


def test_an_index_outside_is_refused():
    with pytest.raises(ValueError, match=r"^`indices`") as error:
        scan(Counting([1]), indices=torch.tensor([1]))
    assert str(error.value) == "`indices` must be within the 1 samples of the dataset, got 1."


def test_a_scan_leaves_the_random_numbers_of_training_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(scan(Counting([1, 2, 3])))
    assert torch.equal(torch.rand(3), expected)


def test_a_long_scan_says_how_to_avoid_it(capsys):
    ticks = iter([0.0, 5.0])
    with pytest.warns(UserWarning, match=r"^reading the labels") as caught:
        list(scan(Counting([1, 2]), clock=lambda: next(ticks)))
    (message,) = [str(warning.message) for warning in caught]
    assert message == (
        "reading the labels of Counting opens every sample. To make it instant, give the dataset a `class_labels()` "
        "method that returns one label a sample, or register a reader: "
        "`lightning_imbalance.labels.register(Counting, reader)`."
    )
    assert "Reading the labels of Counting" in capsys.readouterr().err
