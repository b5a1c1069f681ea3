"""One run: its decisions, its probabilities and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.callbacks import TemperatureScaling
from lightning_imbalance.comparison import Remedy
from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.remedies import NAMED
from lightning_imbalance.comparison.training import judged, run

Make = Callable[..., Experiment]


def conv_or_linear(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, num_classes))


def quick(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=0.1)


@pytest.mark.parametrize(
    "name", [name for name, remedy in NAMED.items() if remedy.of is None and name != "cutmix_minority"]
)
def test_each_remedy_trains_and_leaves_a_checkpoint_and_a_log(experiment: Make, folder: Path, name: str) -> None:
    remedies = ["none"] if name == "none" else ["none", name]
    made = experiment([*remedies, "posthoc"], model=conv_or_linear, max_epochs=2)

    trained = run(made, made.remedy(name), 0, folder)

    assert trained.evidence.predicted.shape == (34,)
    assert 0 <= trained.validation <= 1
    assert trained.for_training_prior == (name not in {"focal", "vector_scaling", "ldam_drw", "mixup", "remix"})
    assert (folder / "checkpoint.ckpt").exists()
    assert (folder / "log" / "metrics.csv").exists()


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(experiment: Make, tmp_path: Path) -> None:
    made = experiment()
    folders = [tmp_path / str(number) for number in range(3)]
    for each in folders:
        each.mkdir()
    before = torch.get_rng_state()

    first, again, other = (
        run(made, made.remedy("none"), seed, each).evidence for seed, each in zip((0, 0, 1), folders, strict=True)
    )

    assert torch.equal(first.log_loss, again.log_loss)
    assert not torch.equal(first.log_loss, other.log_loss)
    assert torch.equal(torch.get_rng_state(), before)


def test_remedies_start_from_the_same_network(experiment: Make, tmp_path: Path) -> None:
    made = experiment(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1e-12))
    losses = []
    for name in ("none", "weighted"):
        (tmp_path / name).mkdir()
        run(made, made.remedy(name), 3, tmp_path / name)
        state = torch.load(tmp_path / name / "checkpoint.ckpt", weights_only=True)["state_dict"]
        losses.append(state["model.weight"])

    torch.testing.assert_close(*losses)


def test_what_takes_networks_judges_the_checkpoint_of_the_other(experiment: Make, folder: Path) -> None:
    scaled = Remedy("scaled", of="none", callbacks=lambda: [TemperatureScaling()])
    made = experiment(["none", "posthoc", "tau_norm", scaled], max_epochs=3, optimizer=quick)
    plain = run(made, made.remedy("none"), 0, folder)

    posthoc, _, warm = (
        run(made, made.remedy(name), 0, folder, networks=folder) for name in ("posthoc", "tau_norm", "scaled")
    )

    # The same probabilities for the class prior of the training data, and other decisions.
    torch.testing.assert_close(posthoc.evidence.log_loss, plain.evidence.log_loss)
    assert not torch.equal(posthoc.evidence.predicted, plain.evidence.predicted)
    assert torch.equal(warm.evidence.predicted, plain.evidence.predicted)
    assert not torch.allclose(warm.evidence.log_loss, plain.evidence.log_loss)


def test_probabilities_are_those_for_the_training_prior_and_decisions_the_models_own() -> None:
    model = WeightedClassifier(nn.Identity(), 2, weighting="balanced")
    distribution = ClassDistribution([90, 10])
    model.adopt(distribution)
    model.fill(distribution, torch.tensor([1.0, 9.0]))  # it believes in as many of both
    logits = torch.tensor([[0.0, 1.0]])

    evidence, comparable = judged(model, Remedy("weighted"), logits, torch.tensor([1]), [])

    odds = torch.e / 9
    assert comparable
    assert evidence.predicted.tolist() == [1]
    assert evidence.confident_in.tolist() == [0]
    assert evidence.confidence.item() == pytest.approx(1 / (1 + odds))
    assert evidence.log_loss.exp().item() == pytest.approx((1 + odds) / odds)


def test_decisions_are_made_for_the_prior_that_a_remedy_names() -> None:
    model = WeightedClassifier(nn.Identity(), 2, weighting="uniform")
    distribution = ClassDistribution([90, 10])
    model.adopt(distribution)
    model.fill(distribution, torch.ones(2))
    logits = torch.tensor([[1.0, 0.0]])

    evidence, _ = judged(model, Remedy("late", of="none", decide_for="uniform"), logits, torch.tensor([1]), [])

    assert evidence.predicted.tolist() == [1]
    assert evidence.confidence.item() == pytest.approx(torch.e / (1 + torch.e))
