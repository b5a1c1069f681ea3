"""The deployment prior, against EM by hand, against another maximiser, and against simulation."""

from __future__ import annotations

import importlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lightning_imbalance.prior import PriorEstimate, adjust_logits, estimate

estimation = importlib.import_module("lightning_imbalance.prior.estimation")


def refusal(kind: type[Exception], *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        estimate(*arguments, **keywords)
    return str(error.value)


def gaussians(num_rows: int, source: Tensor, target: Tensor, apart: float, generator: torch.Generator) -> Tensor:
    """What a perfect model says, that learned under one prior, of samples that were drawn under another.

    Class c has the mean ``apart`` on axis c and a standard deviation of 1, so that log p(x | c) is ``apart * x_c`` plus
    what is the same for all classes.
    """
    label = torch.multinomial(target, num_rows, replacement=True, generator=generator)
    noise = torch.randn(num_rows, len(target), dtype=torch.float64, generator=generator)
    x = noise + apart * torch.eye(len(target), dtype=torch.float64)[label]
    return (apart * x + source.log()).softmax(1)


def double(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def em_step(rows: list[list[float]], source: list[float], prior: list[float]) -> list[float]:
    """One round of Saerens, Latinne & Decaestecker 2002: adjust every prediction, average."""
    mean = [0.0] * len(source)
    for row in rows:
        joint = [p * t / s for p, s, t in zip(row, source, prior, strict=True)]
        for c, value in enumerate(joint):
            mean[c] += value / math.fsum(joint) / len(rows)
    return mean


def log_likelihood(rows: list[list[float]], source: list[float], prior: list[float]) -> float:
    terms = [math.log(math.fsum(p * t / s for p, s, t in zip(row, source, prior, strict=True))) for row in rows]
    return math.fsum(terms) / len(rows)


def gradient(rows: Tensor, source: Tensor, prior: Tensor) -> Tensor:
    """What EM multiplies each share by; no prior's log likelihood is higher by more than the log of its maximum."""
    ratio = rows / source
    return (ratio / (ratio @ prior)[:, None]).mean(0)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Rows that no model made, and a source prior."""
    num_classes = draw(st.integers(2, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    num_rows = draw(st.integers(num_classes, 30))
    sharpness = draw(st.floats(1, 5))
    logits = torch.randn(num_rows + 1, num_classes, dtype=torch.float64, generator=generator)
    rows = (sharpness * logits).softmax(1)
    return rows[1:], rows[0]


@given(cases())
@settings(max_examples=30)
def test_it_is_where_em_by_hand_ends(case) -> None:
    rows, source = case
    prior = source.tolist()
    for _ in range(300):
        prior = em_step(rows.tolist(), source.tolist(), prior)

    result = estimate(rows, source, resamples=0)

    # EM may still be on its way, so that it is never ahead, and after 300 rounds it is near.
    by_hand = log_likelihood(rows.tolist(), source.tolist(), prior)
    found = log_likelihood(rows.tolist(), source.tolist(), result.prior.tolist())
    assert by_hand - 1e-10 <= found <= by_hand + 0.01


def test_em_by_hand_that_is_given_the_time_ends_there_to_nine_digits() -> None:
    generator = torch.Generator().manual_seed(0)
    source, target = double([0.5, 0.3, 0.2]), double([0.1, 0.2, 0.7])
    rows = gaussians(100, source, target, 2.0, generator)
    prior = source.tolist()
    for _ in range(500):
        prior = em_step(rows.tolist(), source.tolist(), prior)

    result = estimate(rows, source, resamples=0, tolerance=1e-12)

    assert result.prior.tolist() == pytest.approx(prior, rel=0, abs=1e-6)
    # Nearer than the iteration by hand stands still: the tolerance is on the likelihood, whose top is flat.
    assert log_likelihood(rows.tolist(), source.tolist(), result.prior.tolist()) == pytest.approx(
        log_likelihood(rows.tolist(), source.tolist(), prior), rel=0, abs=2e-12
    )


@given(cases())
def test_it_is_a_fixed_point_of_em(case) -> None:
    rows, source = case

    prior = estimate(rows, source, resamples=0).prior.tolist()

    # A step gains at least the Kullback-Leibler divergence between its ends, and there is no more than 1e-10 to gain.
    step = em_step(rows.tolist(), source.tolist(), prior)
    assert sum(abs(new - old) for new, old in zip(step, prior, strict=True)) <= math.sqrt(2 * 1.01e-10)


@given(cases(), st.integers(0, 2**31))
def test_no_other_prior_is_more_likely(case, seed) -> None:
    rows, source = case
    generator = torch.Generator().manual_seed(seed)
    others = torch.rand(20, len(source), dtype=torch.float64, generator=generator)

    prior = estimate(rows, source, resamples=0).prior.tolist()

    best = log_likelihood(rows.tolist(), source.tolist(), prior)
    near_one = torch.eye(len(source), dtype=torch.float64) + 1e-4
    for other in torch.cat([others, near_one]):
        assert log_likelihood(rows.tolist(), source.tolist(), (other / other.sum()).tolist()) <= best + 1e-10


def test_two_classes_have_the_prior_that_halving_an_interval_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.9, 0.1])
    rows = gaussians(400, source, double([0.3, 0.7]), 0.5, generator)
    ratio = rows[:, 1] / source[1] - rows[:, 0] / source[0]
    low, high = 0.0, 1.0
    for _ in range(60):
        # The slope of the log likelihood over the share of the positive class falls from left to right.
        middle = (low + high) / 2
        slope = (ratio / (rows[:, 0] / source[0] + middle * ratio)).mean().item()
        low, high = (middle, high) if slope > 0 else (low, middle)

    result = estimate(rows, source, resamples=0, tolerance=1e-12)

    assert result.prior[1].item() == pytest.approx(low, abs=1e-5)


@pytest.mark.parametrize("apart", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("target", [[0.6, 0.3, 0.1], [0.05, 0.15, 0.8], [1 / 3] * 3])
def test_a_shifted_prior_of_gaussian_classes_is_recovered(apart, target) -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.6, 0.3, 0.1])
    rows = gaussians(5000, source, double(target), apart, generator)

    result = estimate(rows, source, confidence=0.99)

    assert result.prior.sum().item() == pytest.approx(1, abs=1e-12)
    assert (result.low <= double(target)).all()
    assert (double(target) <= result.high).all()
    assert (result.high - result.low).max() < 0.2


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = torch.Generator().manual_seed(0)
    source, target = double([0.7, 0.2, 0.1]), double([0.3, 0.3, 0.4])
    covered = torch.zeros(3)
    for seed in range(400):
        rows = gaussians(200, source, target, 2.0, generator)
        result = estimate(rows, source, seed=seed)
        covered += (result.low <= target) & (target <= result.high)

    # 0.95, and four standard deviations of 400 trials on either side.
    assert (covered / 400).tolist() == pytest.approx([0.95] * 3, abs=4 * math.sqrt(0.95 * 0.05 / 400))


def test_each_resample_is_estimated_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.5, 0.3, 0.2])
    rows = gaussians(50, source, double([0.1, 0.2, 0.7]), 1.5, generator)
    draws = torch.Generator().manual_seed(7)
    drawn = [rows[torch.randint(50, (50,), generator=draws)] for _ in range(39)]
    alone = torch.stack([estimate(resample, source, resamples=0, tolerance=1e-12).prior for resample in drawn])

    whole = estimate(rows, source, resamples=39, seed=7, tolerance=1e-12)
    monkeypatch.setattr(estimation, "_CELLS", 150)
    in_parts = estimate(rows, source, resamples=39, seed=7, tolerance=1e-12)

    # 39 resamples at 95 %: the lowest and the highest.
    for result in (whole, in_parts):
        assert torch.allclose(result.low, alone.min(0).values, rtol=0, atol=1e-5)
        assert torch.allclose(result.high, alone.max(0).values, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("resamples", "confidence", "rank"), [(199, 0.95, 5), (199, 0.9, 10), (999, 0.95, 25), (39, 0.95, 1)]
)
def test_the_bounds_are_efrons_and_tibshiranis(resamples, confidence, rank) -> None:
    assert estimation._rank(resamples, confidence) == rank


def test_the_interval_depends_on_the_seed_alone() -> None:
    rows, source = torch.rand(50).double(), [0.5, 0.5]
    torch.manual_seed(1)
    first = estimate(rows, source, seed=3)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again = estimate(rows, source, seed=3)

    assert torch.equal(first.low, again.low)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first.low, estimate(rows, source, seed=4).low)


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0], [1, 2, 0]])
def test_renaming_the_classes_permutes_the_estimate_and_its_interval(order) -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.5, 0.3, 0.2])
    rows = gaussians(100, source, double([0.1, 0.2, 0.7]), 2.0, generator)

    result = estimate(rows, source)
    renamed = estimate(rows[:, order], source[order])

    for field in ("prior", "low", "high"):
        assert torch.allclose(getattr(renamed, field), getattr(result, field)[order], rtol=0, atol=1e-4)


def test_the_order_of_the_samples_and_a_second_copy_of_each_change_no_estimate() -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.5, 0.3, 0.2])
    rows = gaussians(100, source, double([0.1, 0.2, 0.7]), 2.0, generator)

    prior = estimate(rows, source, resamples=0).prior

    for same in (rows.flip(0), rows.repeat(2, 1)):
        assert torch.allclose(estimate(same, source, resamples=0).prior, prior, rtol=0, atol=1e-4)


def test_predictions_that_were_adjusted_to_the_estimate_average_it() -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.7, 0.2, 0.1])
    rows = gaussians(500, source, double([0.2, 0.3, 0.5]), 2.0, generator)

    prior = estimate(rows, source, resamples=0).prior

    adjusted = adjust_logits(rows.log(), source.log(), prior.log()).softmax(1)
    assert torch.allclose(adjusted.mean(0), prior, rtol=0, atol=1e-5)
    assert torch.allclose(estimate(adjusted, prior, resamples=0).prior, prior, rtol=0, atol=1e-5)


def test_the_positive_class_alone_is_enough() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = gaussians(100, double([0.5, 0.5]), double([0.2, 0.8]), 1.0, generator)
    both = estimate(rows, [0.5, 0.5])

    for positive in (rows[:, 1], rows[:, 1:]):
        alone = estimate(positive, [0.5, 0.5])
        assert torch.allclose(alone.prior, both.prior, rtol=0, atol=1e-6)
        assert torch.allclose(alone.low, both.low, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_probabilities_are_rounded_and_no_more(dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    source = double([0.5, 0.3, 0.2])
    rows = gaussians(300, source, double([0.1, 0.2, 0.7]), 2.0, generator)

    narrow = estimate(rows.to(dtype), source.to(dtype), resamples=0)

    assert narrow.prior.dtype == torch.float64
    assert torch.allclose(narrow.prior, estimate(rows, source, resamples=0).prior, rtol=0, atol=0.01)


def test_certain_predictions_are_counted() -> None:
    rows = torch.eye(3)[[0] * 5 + [1] * 3 + [2] * 2]

    result = estimate(rows, [0.2, 0.2, 0.6])

    assert result.prior.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=1e-12)
    assert ((result.low >= 0) & (result.high <= 1)).all()


def test_a_class_that_is_never_there_is_estimated_at_0() -> None:
    rows = double([[0.6, 0.4, 0.0]] * 3 + [[0.3, 0.7, 0.0]] * 4)

    result = estimate(rows, [0.4, 0.4, 0.2])

    assert (result.prior[2], result.low[2], result.high[2]) == (0, 0, 0)


def test_without_resamples_there_is_no_interval() -> None:
    result = estimate(torch.rand(9), [0.5, 0.5], resamples=0)

    assert result.low.isnan().all()
    assert result.high.isnan().all()
    assert result.low.shape == result.high.shape == (2,)


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_estimate(seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    source = double([0.7, 0.2, 0.1])

    result = estimate(gaussians(20, source, source, 1.0, generator), source, resamples=3, confidence=0.5)

    assert ((result.low <= result.prior) & (result.prior <= result.high)).all()


def overlapping() -> tuple[Tensor, Tensor]:
    """Classes that lie so near each other that EM takes short steps."""
    generator = torch.Generator().manual_seed(0)
    source = double([0.5, 0.3, 0.2])
    return gaussians(2000, source, double([0.1, 0.2, 0.7]), 0.3, generator), source


def test_where_em_takes_short_steps_it_is_still_proven_to_be_at_the_top() -> None:
    rows, source = overlapping()
    plain, steps = source, 0
    while (factor := gradient(rows, source, plain)).max().log() > 1e-10:
        plain, steps = plain * factor, steps + 1

    result = estimate(rows, source, resamples=0)

    assert result.iterations < steps / 10
    assert gradient(rows, source, result.prior).max().log() <= 1.001e-10


def test_what_has_not_converged_says_so() -> None:
    rows, source = overlapping()

    with pytest.warns(UserWarning, match="did not converge") as caught:
        result = estimate(rows, source, resamples=0, max_iterations=2)

    assert result.iterations == 2
    lacking = gradient(rows, source, result.prior).max().log()
    assert str(caught[0].message) == (
        f"the estimate did not converge in 2 iterations: its mean log likelihood may be {lacking:.1e} below the maximum. "
        "Pass a larger `max_iterations`, or a larger `tolerance` if that is near enough."
    )
    assert caught[0].filename == __file__


def test_a_resample_that_has_not_converged_says_so() -> None:
    rows, source = overlapping()
    enough = estimate(rows, source, resamples=0).iterations

    with pytest.warns(UserWarning, match="did not converge") as caught:
        estimate(rows, source, resamples=39, max_iterations=enough)

    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("the estimate of ")
    assert (
        f" of 39 bootstrap samples did not converge in {enough} iterations: its mean log likelihood may be " in message
    )


def test_a_value_cannot_be_exchanged_and_shows_its_shares() -> None:
    share = torch.full((12,), 1 / 12)
    value = PriorEstimate(share, share, share, 3)
    shown = "[" + "0.08333, " * 10 + "...]"

    with pytest.raises(AttributeError):
        value.prior = share
    assert repr(value) == f"PriorEstimate(prior={shown}, low={shown}, high={shown}, iterations=3)"


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        ([[0.5, 0.5], [0.5, math.nan]], "[0.5, nan] in row 1"),
        ([[0.5, 0.5], [2.0, -1.0]], "[2, -1] in row 1"),
        ([[0.5, 0.6], [0.5, 0.5]], "[0.5, 0.6] in row 0"),
        ([[0.0, 0.0], [0.5, 0.5]], "[0, 0] in row 0"),
        ([0.5, 1.5], "[1.5] in row 1"),
        ([0.5, -0.5], "[-0.5] in row 1"),
        ([0.5, math.nan], "[nan] in row 1"),
    ],
)
def test_rows_that_are_no_probabilities_are_refused(rows, got) -> None:
    assert refusal(ValueError, torch.tensor(rows), [0.5, 0.5]) == (
        "`probabilities` must be from 0 to 1, and sum to 1 over the classes, "
        f"got {got}. Take the softmax (sigmoid) of logits first."
    )


@pytest.mark.parametrize("shape", [(), (4, 2, 5)])
def test_other_shapes_are_refused(shape) -> None:
    assert refusal(ValueError, torch.full(shape, 0.5), [0.5, 0.5]) == (
        f"`probabilities` must have shape (N, C), or (N,) for the positive class alone, got {shape}."
    )


@pytest.mark.parametrize(("shape", "classes"), [((2, 3), 3), ((1,), 2), ((0, 2), 2), ((0,), 2)])
def test_fewer_rows_than_classes_are_refused(shape, classes) -> None:
    assert refusal(ValueError, torch.full(shape, 1 / classes), [1 / classes] * classes) == (
        f"`probabilities` must have at least as many rows as classes, {classes}, got {shape[0]}."
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            [1.0, 0.0],
            "must be above 0 for each class, got 0 for class 1. Leave out the column of a class that the model cannot know.",
        ),
        ([0.5, 0.3, 0.2], "must have one probability for each of the 2 classes, got shape (3,)."),
        ([0.9, 0.2], "must sum to 1, got a sum of 1.1. Divide counts or percentages by their sum."),
        ([1.5, -0.5], "must have probabilities from 0 to 1, got -0.5 for class 1."),
    ],
)
def test_a_source_prior_that_does_not_fit_is_refused(source, expected) -> None:
    assert refusal(ValueError, torch.full((4, 2), 0.5), source) == f"`source_prior` {expected}"


def test_a_source_prior_in_words_is_refused() -> None:
    assert refusal(TypeError, torch.full((4, 2), 0.5), "train") == (
        "`source_prior` must be one probability a class, got str: 'train'."
    )


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"resamples": -1}, "`resamples` must be an integer from 0 on, got -1."),
        ({"resamples": 9.5}, "`resamples` must be an integer from 0 on, got 9.5."),
        ({"resamples": 38}, "`resamples` must be at least 39 for a confidence of 0.95, or 0 for no interval, got 38."),
        (
            {"confidence": 0.999},
            "`resamples` must be at least 1,999 for a confidence of 0.999, or 0 for no interval, got 199.",
        ),
        ({"confidence": 95}, "`confidence` must be between 0 and 1, got 95."),
        ({"confidence": math.nan}, "`confidence` must be between 0 and 1, got nan."),
        ({"tolerance": 0}, "`tolerance` must be a finite number from 1e-12 on, got 0."),
        ({"tolerance": math.inf}, "`tolerance` must be a finite number from 1e-12 on, got inf."),
        ({"max_iterations": 0}, "`max_iterations` must be an integer from 1 on, got 0."),
        ({"max_iterations": 1.5}, "`max_iterations` must be an integer from 1 on, got 1.5."),
    ],
)
def test_an_option_out_of_its_range_is_refused(option, expected) -> None:
    assert refusal(ValueError, torch.full((4, 2), 0.5), [0.5, 0.5], **option) == expected
