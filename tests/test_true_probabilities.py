"""Promise 6, priors are kept: whatever weights, sampler and loss trained a model, its probabilities are true.

Gaussian classes with a common covariance have posteriors that a linear model can be, so that the best is known. 100 : 1
imbalanced, under every combination of weighting, sampler and proper loss.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.losses import BalancedSoftmaxLoss, LogitAdjustedLoss, Loss, WeightedCrossEntropy
from lightning_imbalance.metrics import BalancedAccuracy
from lightning_imbalance.prior import adjust_logits, log_prior
from lightning_imbalance.samplers import ClassBalancedSampler

COUNTS = [20_000, 2_000, 200]
CENTRES = torch.tensor([[0.0, 0.0], [1.8, 0.4], [0.6, 2.0]])
NATURAL = ClassDistribution(COUNTS)

LOSSES = {
    "cross_entropy": WeightedCrossEntropy,
    "balanced_softmax": BalancedSoftmaxLoss,
    "logit_adjusted, tau 0.5": lambda: LogitAdjustedLoss(tau=0.5),
}
WEIGHTINGS = ["uniform", "balanced", "inverse_sqrt"]
SAMPLERS = {"natural": None, "balanced": 0.0, "square root": 0.5}  # by the power of the counts


def draw(counts: list[int], seed: int) -> tuple[Tensor, Tensor]:
    target = torch.arange(3).repeat_interleave(torch.tensor(counts))
    generator = torch.Generator().manual_seed(seed)
    return CENTRES[target] + torch.randn(len(target), 2, generator=generator), target


def bayes(inputs: Tensor, prior: Tensor) -> Tensor:
    """The true posterior: p(x | c) is a Gaussian around the centre of c."""
    return (-torch.cdist(inputs, CENTRES).square() / 2 + prior.log().float()).softmax(1)


def train(loss: Loss, weights: Tensor, power: float | None) -> tuple[nn.Linear, Tensor | None]:
    """Fit a linear model to its optimum; return it, and the class shares of the sampler that drew its samples."""
    inputs, target = draw(COUNTS, seed=0)
    shares = None
    if power is not None:
        sampler = ClassBalancedSampler(target, power)
        chosen, shares = list(sampler), sampler.class_prior
        inputs, target = inputs[chosen], target[chosen]
    torch.manual_seed(0)
    model = nn.Linear(2, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(model(inputs), target, weights)
        value.backward()
        return value

    optimizer.step(closure)
    return model, shares


def calibration_error(probabilities: Tensor, target: Tensor, bins: int = 15) -> float:
    """Expected calibration error, slowly: bins of the confidence, their accuracy against their mean."""
    confidence, predicted = probabilities.max(1)
    error = 0.0
    for low in range(bins):
        inside = (confidence > low / bins) & (confidence <= (low + 1) / bins)
        if inside.any():
            gap = (predicted[inside] == target[inside]).float().mean() - confidence[inside].mean()
            error += inside.float().mean().item() * abs(gap.item())
    return error


def balanced_accuracy(probabilities: Tensor, target: Tensor) -> float:
    metric = BalancedAccuracy(3)
    metric.update(probabilities, target)
    return metric.compute().item()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_probabilities_are_true_for_the_prior_asked_for(name, weighting, sampler):
    weights = class_weights(NATURAL, weighting)
    loss = LOSSES[name]().adapt(NATURAL)
    model, shares = train(loss, weights, SAMPLERS[sampler])
    source = loss.log_prior(NATURAL, weights, shares)
    inputs, target = draw([40_000, 4_000, 400], seed=2)
    even_inputs, even_target = draw([20_000] * 3, seed=3)

    with torch.no_grad():
        logits = model(inputs)
        natural = adjust_logits(logits, source, log_prior("train", NATURAL)).softmax(1)
        even = adjust_logits(model(even_inputs), source, log_prior("uniform", NATURAL)).softmax(1)

    raw = calibration_error(logits.softmax(1), target)
    true = calibration_error(natural, target)
    best = balanced_accuracy(bayes(even_inputs, torch.ones(3) / 3), even_target)
    print(f"{name}, {weighting}, {sampler}: ECE {raw:.3f} uncorrected, {true:.3f} corrected")  # noqa: T201
    assert true <= 0.02
    frequencies = torch.bincount(target) / len(target)
    assert (natural.mean(0) - frequencies).abs().max() <= 0.01
    assert balanced_accuracy(even, even_target) >= best - 0.01


def test_uncorrected_they_are_not():
    weights = class_weights(NATURAL)
    inputs, target = draw([40_000, 4_000, 400], seed=2)

    with torch.no_grad():
        once = train(WeightedCrossEntropy(), weights, None)[0](inputs).softmax(1)
        twice = train(WeightedCrossEntropy(), weights, SAMPLERS["balanced"])[0](inputs).softmax(1)

    # The rare class is 0.9 % of the data. Its mean probability shows what the calibration error of the largest
    # probability alone, 0.005 here, does not.
    assert once[:, 2].mean() > 10 * 400 / 44_400
    assert calibration_error(twice, target) > 0.5
