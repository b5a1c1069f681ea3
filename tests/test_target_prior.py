"""Predictions for another class prior: what is refused, what is remembered, what comes out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.losses import FocalLoss, LogitAdjustedLoss, WeightedCrossEntropy

NAMES = ("cat", "dog", "owl")
COUNTS = [12, 6, 2]


class Own(WeightedClassifier):
    """A subclass whose constructor knows nothing of priors."""

    def __init__(self, width: int = 4) -> None:
        super().__init__(num_classes=3)
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, x):
        return self.net(x)


@pytest.fixture
def fitted(tiny_trainer, blobs, tmp_path):
    """Fit a model and give the path of its checkpoint."""

    def fit(model: WeightedClassifier, name: str = "model.ckpt") -> str:
        trainer = tiny_trainer()
        trainer.fit(model, DataLoader(blobs(COUNTS, NAMES), 8))
        trainer.save_checkpoint(tmp_path / name)
        return str(tmp_path / name)

    return fit


def refusal(kind: type[Exception], **arguments: object) -> str:
    with pytest.raises(kind) as error:
        WeightedClassifier(nn.Linear(3, 3), **arguments)
    return str(error.value)


def test_without_one_the_probabilities_are_the_softmax(fitted):
    fitted(model := WeightedClassifier(nn.Linear(3, 3)))
    inputs = torch.randn(5, 3)

    assert model.target_prior is None
    assert torch.equal(model.predict_step(inputs, 0), model(inputs).softmax(1))


@pytest.mark.parametrize(
    ("target", "prior"),
    [
        ("train", [0.6, 0.3, 0.1]),
        ("uniform", [1 / 3] * 3),
        ([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]),
        ({"owl": 0.7, "cat": 0.2, "dog": 0.1}, [0.2, 0.1, 0.7]),
    ],
    ids=str,
)
@pytest.mark.parametrize("arguments", [{}, {"weighting": "uniform"}, {"weighting": "inverse_sqrt"}], ids=str)
def test_the_probabilities_are_bayes_rule_for_the_prior_asked_for(target, prior, arguments, fitted):
    fitted(model := WeightedClassifier(nn.Linear(3, 3), target_prior=target, **arguments))
    inputs = torch.randn(5, 3)

    # Slowly: p(c | x) of the training, divided by its prior, times the one asked for.
    priors = [count * weight for count, weight in zip(COUNTS, model.class_weights.tolist(), strict=True)]
    for row, got in zip(model(inputs).softmax(1).tolist(), model.predict_step(inputs, 0).tolist(), strict=True):
        shares = [p / source * to for p, source, to in zip(row, priors, prior, strict=True)]
        assert got == pytest.approx([share / sum(shares) for share in shares], rel=1e-5, abs=1e-7)


def test_the_training_prior_is_the_data_s_as_weights_and_loss_changed_it(fitted):
    fitted(plain := WeightedClassifier(nn.Linear(3, 3), weighting="uniform"))
    fitted(weighted := WeightedClassifier(nn.Linear(3, 3)))
    fitted(adjusted := WeightedClassifier(nn.Linear(3, 3), weighting="uniform", loss=LogitAdjustedLoss(tau=0.5)))

    assert plain.training_prior.tolist() == pytest.approx([0.6, 0.3, 0.1])
    assert weighted.training_prior.tolist() == pytest.approx([1 / 3] * 3)
    roots = torch.tensor([0.6, 0.3, 0.1]).double().sqrt()
    assert torch.allclose(adjusted.training_prior, roots / roots.sum())


def test_one_logit_moves_by_the_log_odds(fitted, tiny_trainer):
    target = torch.tensor([0] * 18 + [1] * 2)
    model = WeightedClassifier(nn.Linear(3, 1), task="binary", target_prior=[0.995, 0.005])
    tiny_trainer().fit(model, DataLoader(torch.utils.data.TensorDataset(torch.randn(20, 3), target), 8))
    inputs = torch.randn(4, 3)

    odds = model(inputs).squeeze(1).double().exp() * (0.005 / 0.995)  # balanced weights made the odds 1 : 1
    assert torch.allclose(model.predict_step(inputs, 0).double(), odds / (1 + odds), rtol=1e-5)


def test_a_checkpoint_remembers_it(fitted):
    path = fitted(WeightedClassifier(nn.Linear(3, 3), target_prior=torch.tensor([0.9, 0.05, 0.05])))

    loaded = WeightedClassifier.load_from_checkpoint(path, model=nn.Linear(3, 3))

    assert loaded.target_prior == pytest.approx([0.9, 0.05, 0.05])
    assert torch.load(path, weights_only=True)["hyper_parameters"]["target_prior"] == pytest.approx([0.9, 0.05, 0.05])


def test_a_subclass_takes_it_when_it_is_loaded(fitted):
    path = fitted(Own(width=5))

    loaded = Own.load_from_checkpoint(path, target_prior=[0.995, 0.004, 0.001])

    assert loaded.target_prior == [0.995, 0.004, 0.001]
    assert loaded.net[0].out_features == 5
    assert Own.load_from_checkpoint(path).target_prior is None


def test_an_argument_that_nothing_takes_is_refused_when_a_model_is_loaded(fitted):
    path = fitted(Own())

    with pytest.raises(TypeError) as error:
        Own.load_from_checkpoint(path, target_pior=[0.995, 0.004, 0.001])

    assert str(error.value) == "`load_from_checkpoint` must get arguments of Own (`width`), got `target_pior`."


def test_it_can_be_changed_on_a_model(fitted):
    fitted(model := WeightedClassifier(nn.Linear(3, 3)))
    inputs = torch.randn(5, 3)
    before = model.predict_step(inputs, 0)

    model.target_prior = {"cat": 0.1, "dog": 0.1, "owl": 0.8}

    assert (model.predict_step(inputs, 0)[:, 2] > before[:, 2]).all()
    model.class_weights = torch.tensor([1.0, 1.0, 8.0])  # now the model is told to have believed in owls all along
    assert model.predict_step(inputs, 0)[:, 2].mean() < 0.8


def test_numbers_say_how_many_classes_there_are():
    assert WeightedClassifier(nn.Linear(3, 3), target_prior=[0.5, 0.3, 0.2]).num_classes == 3


def test_a_loss_whose_logits_are_no_posteriors_is_refused_at_once():
    assert refusal(ValueError, loss="focal", target_prior="uniform") == (
        "the logits of a model must be class posteriors for a prior to be known, and training with FocalLoss() does not "
        "make them so. Calibrate its probabilities on held-out data instead: temperature scaling."
    )
    assert "label_smoothing=0.1" in refusal(
        ValueError, loss=WeightedCrossEntropy(label_smoothing=0.1), target_prior="train"
    )
    WeightedClassifier(nn.Linear(3, 3), loss=FocalLoss(gamma=0.0), target_prior="train")


def test_what_is_no_prior_is_refused_at_once():
    assert refusal(ValueError, target_prior="even") == (
        "the prior must be 'train', 'uniform', or one probability a class, got 'even'."
    )
    assert refusal(ValueError, target_prior=[0.5, 0.6]) == (
        "the prior must sum to 1, got a sum of 1.1. Divide counts or percentages by their sum."
    )
    for wrong in (3, ["rare"]):
        assert refusal(TypeError, target_prior=wrong) == (
            f"the prior must be 'train', 'uniform', or one probability a class, got {wrong!r}."
        )
    assert refusal(ValueError, num_classes=3, target_prior=[0.5, 0.5]) == (
        "the prior must have one probability for each of the 3 classes, got shape (2,)."
    )
    assert refusal(ValueError, task="multilabel", target_prior="uniform") == (
        '`target_prior` must be left out with `task="multilabel"`, where each label has a prior of its own, got '
        "'uniform'. Use `prior.adjust_logits(logits[:, c], ..., task=\"binary\")` for a label."
    )


def test_a_model_that_knows_no_classes_cannot_predict_for_a_prior():
    model = WeightedClassifier(nn.Linear(3, 3), 3, target_prior="uniform")

    with pytest.raises(RuntimeError) as error:
        model.predict_step(torch.randn(2, 3), 0)

    assert str(error.value) == (
        "the classes that were trained on must be known for a prior, got a model that was neither fitted nor loaded "
        "from a checkpoint of this package."
    )


def test_counts_alone_are_not_enough_for_a_prior(fitted):
    """What the process that started the others has after ``ddp_spawn``."""
    fitted(trained := WeightedClassifier(nn.Linear(3, 3)))
    model = WeightedClassifier(nn.Linear(3, 3))
    model.load_state_dict(trained.state_dict())

    with pytest.raises(RuntimeError) as error:
        model.training_prior  # noqa: B018

    assert str(error.value) == (
        "the sampler and the names of the classes must be known for a prior, got the counts alone, as after "
        "`ddp_spawn`, `ddp_fork` or a `load_state_dict`. Load the checkpoint: `load_from_checkpoint(path)`."
    )


def test_a_prior_for_a_class_without_samples_is_refused_when_it_is_used(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(2, 3), 3, target_prior=[0.5, 0.4, 0.1], weighting="uniform")
    with pytest.warns(UserWarning, match="no training sample"):
        tiny_trainer().fit(model, DataLoader(blobs([6, 4]), 4))

    assert model.distribution == ClassDistribution([6, 4, 0])
    with pytest.raises(ValueError, match="without training samples"):
        model.predict_step(torch.randn(2, 2), 0)


def test_it_does_not_go_with_what_is_fitted_on_validation_data(fitted):
    fitted(model := WeightedClassifier(nn.Linear(3, 3), target_prior="uniform"))
    model.posthoc.append(lambda logits: logits / 2)

    with pytest.raises(ValueError) as error:
        model.predict_step(torch.randn(2, 3), 0)

    assert str(error.value) == (
        "`target_prior` must be None beside what is fitted on validation data and for their class prior, got 'uniform'. "
        "Predict without it, and move the result from the validation data's prior: `prior.adjust_logits`."
    )
    model.target_prior = None
    assert torch.equal(model.predict_step(torch.ones(1, 3), 0), (model(torch.ones(1, 3)) / 2).softmax(1))
