"""How often a training loader draws each class, and what the model makes of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.sampled_classes import sampled_classes
from lightning_imbalance.samplers import ClassBalancedSampler, IterableBalancer, ProgressivelyBalancedSampler
from lightning_imbalance.samplers.fixed_draw import FixedDraw

COUNTS = [90, 9, 1]
DISTRIBUTION = ClassDistribution(COUNTS, ["nevus", "keratosis", "melanoma"])
LABELS = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
DATASET = TensorDataset(torch.randn(100, 2, generator=torch.Generator().manual_seed(0)), LABELS)
THIRDS = torch.full((3,), 1 / 3, dtype=torch.float64)

WEIGHTED = WeightedRandomSampler((1 / torch.tensor(COUNTS).double())[LABELS], 100)


class Hidden(Dataset):
    """Labels that come with the sample alone."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index):
        return DATASET[index]


@pytest.mark.parametrize(
    "sampler",
    [
        ClassBalancedSampler(DATASET),
        FixedDraw(ClassBalancedSampler(DATASET)),
        ProgressivelyBalancedSampler(DATASET, end=5),
        WEIGHTED,
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_the_shares_of_a_sampler_are_known(sampler):
    torch.testing.assert_close(sampled_classes(DataLoader(DATASET, sampler=sampler), DISTRIBUTION), THIRDS)


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(DATASET),
        DataLoader(DATASET, shuffle=True),
        DataLoader(DATASET, sampler=ClassBalancedSampler(DATASET, power=1.0)),
        DataLoader(DATASET, sampler=WeightedRandomSampler([1.0] * 100, 100)),
        # Without replacement the weights are no shares; and nobody knows the labels of the last.
        DataLoader(DATASET, sampler=WeightedRandomSampler(WEIGHTED.weights, 100, replacement=False)),
        DataLoader(Hidden(), sampler=WEIGHTED),
        [DataLoader(DATASET)],
    ],
    ids=["in order", "shuffled", "natural", "all alike", "without replacement", "hidden", "a list"],
)
def test_what_changes_nothing_or_is_not_known_is_none(loader):
    assert sampled_classes(loader, DISTRIBUTION) is None


def test_classes_that_the_sampler_has_not_seen_are_not_drawn():
    sampler = ClassBalancedSampler(LABELS[:99])
    loader = DataLoader(TensorDataset(torch.zeros(99, 1), LABELS[:99]), sampler=sampler)

    assert sampled_classes(loader, ClassDistribution([90, 9, 0])).tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            LABELS[:50],
            (
                "the sampler must have a label for each of the 100 samples of the data set, got 50 labels. Make it of "
                "the data set that the loader is given."
            ),
        ),
        (
            torch.arange(100) % 4,
            "the sampler must draw the 3 classes that are trained on, got one for 4. Make it of the training data.",
        ),
    ],
    ids=["another length", "more classes"],
)
def test_a_sampler_for_other_data_is_refused(labels, message):
    with pytest.raises(ValueError) as raised:
        sampled_classes(DataLoader(DATASET, sampler=ClassBalancedSampler(labels)), DISTRIBUTION)

    assert str(raised.value) == message


@pytest.mark.parametrize("sampler", [ClassBalancedSampler(DATASET), WEIGHTED], ids=["ours", "torch's"])
def test_balanced_draws_and_balanced_weights_are_named_with_the_prior_they_lead_to(sampler, tiny_trainer):
    model = WeightedClassifier(nn.Linear(2, 3), class_names=DISTRIBUTION.class_names)

    with pytest.warns(UserWarning, match="corrected for once") as warned:
        tiny_trainer(limit_train_batches=1).fit(model, DataLoader(DATASET, 50, sampler=sampler))

    said = [str(each.message) for each in warned if "corrected" in str(each.message)]
    assert said == [
        (
            "the counts must be corrected for once, got a sampler that draws the rare classes more often and weights. "
            "The model learns the class prior 'nevus' 0.0099, 'keratosis' 0.099, 'melanoma' 0.891. Pass "
            '`weighting="uniform"` and `loss="cross_entropy"`, or leave out the sampler.'
        )
    ]


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (ClassBalancedSampler(DATASET), {"weighting": "uniform"}),
        (ClassBalancedSampler(DATASET, power=0.5), {"weighting": "inverse_sqrt"}),
        (None, {"weighting": "balanced"}),
        # Its logits are no posteriors.
        (ClassBalancedSampler(DATASET), {"loss": "focal", "weighting": "balanced"}),
    ],
    ids=["the sampler alone", "two roots", "weights alone", "no posterior"],
)
def test_one_correction_needs_no_word(sampler, options, tiny_trainer):
    # A warning is a failure.
    loader = DataLoader(DATASET, 50, sampler=sampler)
    tiny_trainer(limit_train_batches=1).fit(WeightedClassifier(nn.Linear(2, 3), **options), loader)


def test_a_second_fit_forgets_the_sampler_of_the_first(tiny_trainer):
    model = WeightedClassifier(nn.Linear(2, 3), weighting="uniform", target_prior="uniform")
    tiny_trainer(limit_train_batches=1).fit(model, DataLoader(DATASET, 50, sampler=ClassBalancedSampler(DATASET)))
    balanced = model.training_prior
    logits = model(torch.ones(1, 2))
    unmoved = model.predict_step(torch.ones(1, 2), 0)

    tiny_trainer(limit_train_batches=0).fit(model, DataLoader(DATASET, 50, shuffle=True))
    tiny_trainer(limit_train_batches=1, max_epochs=1).fit(model, DataLoader(DATASET, 50, shuffle=True))

    torch.testing.assert_close(balanced, THIRDS)
    torch.testing.assert_close(unmoved, logits.softmax(1))
    torch.testing.assert_close(model.training_prior, DISTRIBUTION.priors)


class Stream(IterableDataset):
    def __iter__(self):
        yield from DATASET


def test_a_balanced_stream_has_the_counts_that_it_was_told_and_the_prior_that_it_makes(tiny_trainer):
    model = WeightedClassifier(nn.Linear(2, 3), weighting="uniform")

    tiny_trainer().fit(model, DataLoader(IterableBalancer(Stream(), DISTRIBUTION), batch_size=3))

    assert model.distribution == DISTRIBUTION
    torch.testing.assert_close(model.training_prior, THIRDS)


class Forgetful(WeightedClassifier):
    """Has a hook of its own that does not call the one of the base class."""

    def on_train_start(self) -> None:
        pass


def test_a_hook_that_does_not_call_its_base_loses_nothing(tiny_trainer, tmp_path):
    model, trainer = Forgetful(nn.Linear(2, 3), weighting="uniform"), tiny_trainer(limit_train_batches=1)

    trainer.fit(model, DataLoader(DATASET, 50, sampler=ClassBalancedSampler(DATASET)))
    trainer.save_checkpoint(tmp_path / "balanced.ckpt")

    loaded = Forgetful.load_from_checkpoint(tmp_path / "balanced.ckpt", model=nn.Linear(2, 3))
    for each in (model, loaded):
        torch.testing.assert_close(each.training_prior, THIRDS)
