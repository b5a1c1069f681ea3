from __future__ import annotations

import pickle
from types import SimpleNamespace

import lightning as L
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset, random_split

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.callbacks import TemperatureScaling
from lightning_imbalance.data import Digits
from lightning_imbalance.synthesis import SyntheticDataset


class Constant:
    """Makes samples whose inputs are their class."""

    def __init__(self, shape=(2,)):
        self.shape = shape

    def generate(self, counts, *, seed):
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        return target.float().view(-1, *[1] * len(self.shape)).expand(-1, *self.shape) + 0.25, target


def test_real_samples_come_first_and_generated_ones_then(points, oracle):
    real = points([5, 2, 3])

    data = SyntheticDataset(real, oracle, seed=4)

    assert len(data) == 15
    assert oracle.asked == [([0, 3, 2], 4)]
    assert data.added.tolist() == [0, 3, 2]
    assert all(torch.equal(data[i][0], real[i][0]) for i in range(10))
    made, target = points([0, 3, 2], seed=104).tensors
    assert torch.equal(torch.stack([data[i][0] for i in range(10, 15)]), made)
    assert [int(data[i][1]) for i in range(10, 15)] == target.tolist()
    assert data.is_synthetic.tolist() == [False] * 10 + [True] * 5
    assert torch.equal(data.synthetic()[0], made)
    assert repr(data) == "SyntheticDataset(10 real and 5 generated samples)"


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.data())
def test_the_classes_have_as_many_samples_as_were_asked_for(present, draw):
    added = draw.draw(st.lists(st.integers(0, 9), min_size=len(present), max_size=len(present)).filter(any))
    target = torch.arange(len(present)).repeat_interleave(torch.tensor(present))

    data = SyntheticDataset(TensorDataset(torch.zeros(len(target), 2), target), Constant(), added)

    assert ClassDistribution.from_dataset(data).counts.tolist() == [a + b for a, b in zip(present, added, strict=True)]
    labels = data.class_labels().values
    assert [int(data[i][1]) for i in range(len(data))] == labels.tolist()
    assert all((data[i][0] == labels[i] + 0.25).all() for i in range(len(data)) if data.is_synthetic[i])


def test_the_labels_are_read_without_opening_a_sample(points, oracle):
    data = SyntheticDataset(points([5, 2]), oracle)
    data.__class__ = type("Closed", (SyntheticDataset,), {"__getitem__": None})

    assert ClassDistribution.from_dataset(data).counts.tolist() == [5, 5]


def test_names_are_those_of_the_real_data():
    digits = Subset(Digits(), list(range(30)))

    data = SyntheticDataset(digits, Constant((1, 8, 8)), {"7": 3})

    assert data.classes == [str(digit) for digit in range(10)]
    assert ClassDistribution.from_dataset(data).class_names == tuple(data.classes)
    assert type(data[31][1]) is int


def test_integers_stay_integers():
    real = TensorDataset(torch.zeros(3, 2, dtype=torch.uint8), torch.tensor([0, 0, 1], dtype=torch.int32))

    data = SyntheticDataset(real, Constant())

    inputs, target = data[3]
    assert inputs.dtype == torch.uint8
    assert inputs.tolist() == [1, 1]
    assert target.dtype == torch.int32


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataloader_gives_every_sample(workers, points, oracle):
    data = SyntheticDataset(points([8, 2]), oracle)

    batches = list(DataLoader(data, batch_size=4, num_workers=workers))

    assert torch.equal(torch.cat([target for _, target in batches]), data.class_labels().values)
    assert torch.equal(torch.cat([inputs for inputs, _ in batches])[10:], data.synthetic()[0])


def test_indices_are_those_of_a_list(points, oracle):
    data = SyntheticDataset(points([3, 1]), oracle)

    assert torch.equal(data[-1][0], data[5][0])
    with pytest.raises(IndexError):
        data[6]
    assert len(list(iter(data))) == 6


def test_it_can_be_sent_to_another_process_without_its_source(points, oracle):
    data = pickle.loads(pickle.dumps(SyntheticDataset(points([3, 1]), oracle)))  # noqa: S301  # our own

    assert len(data) == 6
    assert not any(value is oracle for value in vars(data).values())


def test_it_is_balanced_already_when_trained_on(points, oracle, tiny_trainer):
    model = WeightedClassifier(nn.Linear(2, 2))

    tiny_trainer().fit(model, DataLoader(SyntheticDataset(points([30, 3]), oracle), 16, shuffle=True))

    assert model.class_counts.tolist() == [30, 30]


# --- nothing synthetic is evaluated on ---------------------------------------------------------------------------


@pytest.fixture
def mixed(points, oracle):
    return SyntheticDataset(points([30, 3]), oracle)


STAGES = [(callback, how) for callback in (None, ImbalanceMonitor) for how in ("fit", "validate", "test")]
STAGES += [(TemperatureScaling, "fit"), (TemperatureScaling, "validate")]


@pytest.mark.parametrize("what", ["itself", "a split of it", "joined to others"])
@pytest.mark.parametrize(("callback", "how"), STAGES)
def test_evaluating_on_generated_samples_is_an_error(callback, what, how, mixed, points, tiny_trainer):
    if what == "a split of it":
        evaluated: Dataset = random_split(mixed, [0.5, 0.5], torch.Generator().manual_seed(0))[1]
    else:
        evaluated = mixed if what == "itself" else ConcatDataset([points([2, 2]), mixed])
    model = Bare() if callback else WeightedClassifier(nn.Linear(2, 2), num_classes=2)
    steps = []
    model.training_step = lambda *_: steps.append(1)
    trainer = tiny_trainer(callbacks=[] if callback is None else [callback()])
    loaders = [DataLoader(points([10, 10])), DataLoader(evaluated)] if how == "fit" else [DataLoader(evaluated)]

    with pytest.raises(ValueError) as error:
        getattr(trainer, how)(model, *loaders)

    stage = "test" if how == "test" else "validation"
    assert str(error.value) == (
        f"{stage} data must be real samples, got a SyntheticDataset, which holds synthetic ones. Split the data first, and make more of the training part alone."
    )
    assert steps == []  # in the sanity check, before anything is trained


class Bare(L.LightningModule):
    """Somebody's module, which knows nothing of this package."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def training_step(self, batch, batch_idx):
        return None

    def validation_step(self, batch, batch_idx):
        return {"logits": self.layer(batch[0]), "target": batch[1]}

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_the_real_part_of_it_may_be_evaluated_on(mixed, tiny_trainer):
    real = Subset(mixed, (~mixed.is_synthetic).nonzero().flatten().tolist())

    tiny_trainer().validate(WeightedClassifier(nn.Linear(2, 2), num_classes=2), DataLoader(real), verbose=False)


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_source_that_makes_nothing_is_refused(points):
    with pytest.raises(TypeError) as error:
        SyntheticDataset(points([3, 1]), nn.Linear(1, 1))

    assert str(error.value) == "`source` must have a method `generate(counts, seed=...)`, got Linear."


def test_a_source_that_makes_something_else_is_refused(points):
    source = SimpleNamespace(generate=lambda counts, seed: (torch.zeros(3, 2), torch.tensor([0, 1, 1])))

    with pytest.raises(ValueError) as error:
        SyntheticDataset(points([3, 1]), source)

    assert str(error.value) == (
        "`source` must make as many samples of each class as it is asked for, [0, 2], got [1, 2] in 3 samples."
    )


def test_a_source_for_other_classes_is_refused(oracle):
    oracle.distribution = ClassDistribution([5, 5, 5], class_names=["a", "b", "c"])
    digits = Subset(Digits(), list(range(30)))

    with pytest.raises(ValueError) as error:
        SyntheticDataset(digits, oracle)

    assert str(error.value) == (
        "`source` must be made for the classes of the dataset, got one for 'a', 'b', 'c'; the dataset has "
        "'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'."
    )


def test_a_class_that_the_dataset_lacks_is_known_to_the_source(points, oracle):
    oracle.distribution = ClassDistribution([5, 5, 5], class_names=["a", "b", "c"])

    data = SyntheticDataset(TensorDataset(torch.zeros(4, 3), torch.tensor([0, 0, 0, 1])), oracle)

    assert data.classes == ["a", "b", "c"]
    assert data.added.tolist() == [0, 2, 0]


@pytest.mark.parametrize(
    "target", [torch.zeros(4, 2, dtype=torch.int64), ["a", "b", "a", "a"]], ids=["several labels", "names"]
)
def test_labels_of_another_form_are_refused(target, oracle):
    data = SimpleNamespace(class_labels=lambda: target)
    dataset = type("Named", (TensorDataset,), {"class_labels": lambda self: data.class_labels()})(torch.zeros(4, 2))

    with pytest.raises(TypeError) as error:
        SyntheticDataset(dataset, oracle)

    assert str(error.value) == (
        "the dataset must have one class index a sample to be added to, got labels of another form."
    )
