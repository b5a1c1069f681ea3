"""What a model remembers of its classes, and what it does when the data of a resumed fit are others."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights

NAMES = ("cat", "dog", "owl")
OLD, NEW = [12, 6, 2], [4, 6, 10]
CHANGED = (
    "the training data must be those of the checkpoint for the same weights, got others: it was trained on 20 samples "
    "('cat' 12, 'dog' 6, 'owl' 2), and now there are 20 samples ('cat' 4, 'dog' 6, 'owl' 10)."
)


def network(classes: int = 3) -> nn.Module:
    return nn.Linear(3, classes)


@pytest.fixture
def resume(tiny_trainer, blobs, tmp_path):
    """Fit on the old counts, then resume on the new ones; return the resumed model."""

    def run(new=NEW, names=NAMES, **arguments) -> WeightedClassifier:
        first = tiny_trainer()
        first.fit(WeightedClassifier(network(), **arguments), DataLoader(blobs(OLD, NAMES), 8))
        first.save_checkpoint(tmp_path / "old.ckpt")
        model = WeightedClassifier(network(), **arguments)
        tiny_trainer(max_epochs=2).fit(model, DataLoader(blobs(new, names), 8), ckpt_path=tmp_path / "old.ckpt")
        return model

    return run


def test_the_weights_of_the_checkpoint_are_kept_and_one_warning_shows_both_distributions(resume):
    with pytest.warns(UserWarning, match="must be those") as warned:
        model = resume()

    kept = 'The checkpoint\'s weights are kept; `on_changed_data="recompute"` takes those of the new data.'
    ours = [text for warning in warned if (text := str(warning.message)).startswith("the training data")]
    assert ours == [f"{CHANGED} {kept}"]
    assert model.class_counts.tolist() == OLD
    assert torch.equal(model.class_weights, class_weights(ClassDistribution(OLD)))
    assert model.distribution == ClassDistribution(OLD, NAMES)


def test_the_weights_are_recomputed_when_asked(resume):
    model = resume(on_changed_data="recompute")

    assert model.class_counts.tolist() == NEW
    assert torch.equal(model.class_weights, class_weights(ClassDistribution(NEW)))
    assert model.distribution == ClassDistribution(NEW, NAMES)


def test_the_loss_takes_the_new_counts_too(resume):
    model = resume(on_changed_data="recompute", loss="balanced_softmax", weighting="uniform")

    assert model._loss.class_counts.tolist() == NEW


def test_changed_data_are_an_error_when_asked(resume):
    with pytest.raises(ValueError, match="must be those") as error:
        resume(on_changed_data="error")

    assert str(error.value) == (
        f'{CHANGED} Resume with the data it was trained on, or pass `on_changed_data="keep"` or `"recompute"`.'
    )


def test_classes_in_another_order_are_changed_data(resume):
    with pytest.raises(ValueError, match="must be those"):
        resume(OLD, names=("owl", "dog", "cat"), on_changed_data="error")


@pytest.mark.parametrize("policy", ["keep", "recompute"])
def test_another_number_of_classes_needs_another_model(resume, policy):
    with pytest.raises(ValueError, match="must be those") as error:
        resume([4, 6], ("cat", "dog"), on_changed_data=policy)

    assert str(error.value) == (
        "the training data must be those of the checkpoint for the same weights, got others: it was trained on 20 "
        "samples ('cat' 12, 'dog' 6, 'owl' 2), and now there are 10 samples ('cat' 4, 'dog' 6). A model keeps its 3 "
        "classes: fit a new one."
    )


def test_the_same_data_need_no_word(resume):
    assert resume(OLD).distribution == ClassDistribution(OLD, NAMES)


def test_a_policy_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="on_changed_data") as error:
        WeightedClassifier(network(), on_changed_data="ask")

    assert str(error.value) == "`on_changed_data` must be 'keep', 'recompute' or 'error', got 'ask'."


# As it does in the tests of an older Lightning.
@pytest.mark.filterwarnings("ignore:The loaded checkpoint was produced with Lightning")
def test_a_checkpoint_of_version_0_1_0_still_loads_and_goes_on(tiny_trainer, blobs):
    path = Path(__file__).parent / "data" / "weighted_classifier-0.1.0.ckpt"

    model = WeightedClassifier.load_from_checkpoint(path, model=network())

    assert model.distribution == ClassDistribution([12, 6, 2], NAMES)
    assert torch.equal(model.class_weights, class_weights(model.distribution))
    trainer = tiny_trainer(max_epochs=3)
    model = WeightedClassifier(network(), optimizer=partial(torch.optim.SGD, lr=0.1))
    trainer.fit(model, DataLoader(blobs([12, 6, 2], NAMES), 5), ckpt_path=path)
    assert trainer.current_epoch == 3
