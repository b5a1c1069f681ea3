from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lightning_imbalance.functional import expected_calibration_error, fit_temperature, temperature_scaled


def drawn(n: int, classes: int, sharpness: float, seed: int = 0):
    """Logits that are `sharpness` times too sure, and targets that were drawn from the right ones."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, classes, generator=generator, dtype=torch.float64)
    target = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return sharpness * logits, target


def golden(function, low, high):
    """The minimum of a function of one number with one valley, by golden sections."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(100):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return (low + high) / 2


@pytest.mark.parametrize("sharpness", [0.2, 1.0, 5.0, 40.0])
def test_it_is_the_minimum_found_in_plain_python(sharpness, plain_log_softmax):
    logits, target = drawn(50, 3, sharpness)
    pairs = list(zip(logits.tolist(), target.tolist(), strict=True))

    def nll(log_t):
        return sum(-plain_log_softmax([v / math.exp(log_t) for v in z])[y] for z, y in pairs) / len(pairs)

    fitted = fit_temperature(logits, target)

    assert math.log(fitted.temperature) == pytest.approx(golden(nll, -5, 8), abs=1e-5)
    assert fitted.nll_before == pytest.approx(nll(0), rel=1e-9)
    assert fitted.nll_after == pytest.approx(nll(math.log(fitted.temperature)), rel=1e-9)
    assert fitted.bias is None


@pytest.mark.parametrize("bias", [False, True])
def test_for_binary_it_is_an_unregularised_logistic_regression(bias):
    generator = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(400, generator=generator, dtype=torch.float64)
    target = (torch.rand(400, generator=generator) < (logits / 2 - 0.5).sigmoid()).long()

    fitted = fit_temperature(logits, target, "binary", per_class_bias=bias)

    reference = LogisticRegression(C=1e12, fit_intercept=bias, tol=1e-10).fit(logits[:, None].numpy(), target.numpy())
    assert fitted.temperature == pytest.approx(1 / reference.coef_.item(), rel=1e-4)
    if bias:
        assert fitted.bias.tolist() == pytest.approx(reference.intercept_.tolist(), abs=1e-4)


def test_the_temperature_that_the_targets_were_drawn_with_comes_back():
    logits, target = drawn(20_000, 4, 3.0)

    fitted = fit_temperature(logits, target)

    assert fitted.temperature == pytest.approx(3.0, rel=0.05)
    before = expected_calibration_error(logits.softmax(1), target)
    after = expected_calibration_error(temperature_scaled(logits, fitted.temperature).softmax(1), target)
    assert after < 0.02 < before


def test_with_a_bias_the_mean_probabilities_are_the_shares_of_the_classes():
    logits, target = drawn(2000, 3, 2.0)
    moved = logits + torch.tensor([3.0, 0.0, -3.0], dtype=torch.float64)

    fitted = fit_temperature(moved, target, per_class_bias=True)

    probabilities = temperature_scaled(moved, fitted.temperature, fitted.bias).softmax(1)
    assert probabilities.mean(0).tolist() == pytest.approx((torch.bincount(target) / 2000).tolist(), abs=1e-6)
    assert fitted.nll_after == pytest.approx(F.cross_entropy(probabilities.log(), target).item(), rel=1e-9)


def test_labels_share_one_temperature_and_have_a_bias_each():
    generator = torch.Generator().manual_seed(2)
    logits = 2 * torch.randn(300, 3, generator=generator, dtype=torch.float64)
    target = (torch.rand(300, 3, generator=generator) < (logits / 3 + torch.tensor([1.0, 0.0, -1.0])).sigmoid()).long()

    fitted = fit_temperature(logits, target, "multilabel", per_class_bias=True)
    shared = fit_temperature(logits, target, "multilabel")

    flat = fit_temperature(logits.flatten(), target.flatten(), "binary")
    assert shared.temperature == pytest.approx(flat.temperature, rel=1e-6)
    scaled = temperature_scaled(logits, fitted.temperature, fitted.bias)
    assert scaled.sigmoid().mean(0).tolist() == pytest.approx(target.double().mean(0).tolist(), abs=1e-6)


@given(st.integers(0, 10_000), st.floats(0.05, 50), st.booleans())
def test_the_likelihood_never_falls_and_t_stays_above_0(seed, sharpness, bias):
    logits, target = drawn(40, 3, sharpness, seed)
    # One sample that is wrong and one of each class, so that there is a minimum.
    logits = torch.cat([logits, sharpness * torch.eye(3), sharpness * torch.eye(3)])
    target = torch.cat([target, torch.tensor([0, 1, 2, 1, 2, 0])])

    fitted = fit_temperature(logits, target, per_class_bias=bias)

    assert fitted.temperature > 0
    assert fitted.nll_after <= fitted.nll_before + 1e-12


def test_pixels_are_samples_and_ignored_ones_are_not():
    logits, target = drawn(48, 3, 2.0)
    target[::5] = 255
    pictures, truths = logits.view(3, 4, 4, 3).movedim(-1, 1), target.view(3, 4, 4)

    fitted = fit_temperature(pictures, truths, ignore_index=255)

    alone = fit_temperature(logits[target < 255], target[target < 255])
    assert fitted.temperature == pytest.approx(alone.temperature, rel=1e-9)


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_ignored_answers_are_left_out(task):
    logits, target = torch.tensor([[3.0, -1.0, 1.0, 0.3]]).T, torch.tensor([[1, 1, 0, -1]]).T

    fitted = fit_temperature(logits, target, task, ignore_index=-1)

    alone = fit_temperature(logits[:3], target[:3], task)
    assert fitted[2:] == pytest.approx(alone[2:])
    assert fitted.temperature == pytest.approx(alone.temperature)


def test_it_is_fitted_in_inference_mode_and_changes_nothing_it_was_given():
    with torch.inference_mode():
        logits, target = drawn(30, 3, 2.0)
        before = logits.clone()
        fitted = fit_temperature(logits.float(), target)

    assert torch.equal(logits, before)
    assert fitted.temperature > 0


def test_a_bias_is_added_along_the_classes():
    logits = torch.randn(2, 3, 4)

    scaled = temperature_scaled(logits, 2.0, torch.tensor([1.0, 2.0, 3.0]))

    assert torch.allclose(scaled[:, 2], logits[:, 2] / 2 + 3)


def test_half_precision_is_scaled_in_float32():
    assert temperature_scaled(torch.ones(2, dtype=torch.bfloat16), 2.0).dtype == torch.float32


HELD_OUT = "Fit on other held-out data."
MAXIMUM = "the likelihood must have a maximum for a temperature to be fitted, got"


@pytest.mark.parametrize(
    ("logits", "target", "options", "message"),
    [
        (
            [[3.0, 0.0], [0.0, 1.0]],
            [0, 1],
            {},
            f"{MAXIMUM} only right predictions, for which T would be 0. {HELD_OUT}",
        ),
        ([[3.0, 0.0], [0.0, 1.0]], [1, 0], {}, f"{MAXIMUM} logits that say no more than chance. {HELD_OUT}"),
        (
            [2.0, -1.0],
            [1, 0],
            {"task": "binary"},
            f"{MAXIMUM} only right predictions, for which T would be 0. {HELD_OUT}",
        ),
        ([2.0, -1.0], [0, 1], {"task": "binary"}, f"{MAXIMUM} logits that say no more than chance. {HELD_OUT}"),
        (
            [[1.0, torch.nan], [1.0, 0.0]],
            [0, 1],
            {},
            "the logits must be finite for a temperature to be fitted, got NaN or inf in 1 of 2.",
        ),
        ([[1.0, 0.0]], [-1], {"ignore_index": -1}, "there must be held-out targets to fit a temperature on, got none."),
        (
            [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            [0, 1],
            {"per_class_bias": True},
            "`per_class_bias` needs held-out samples of each class, got none for 2. Fit without it, or on more samples.",
        ),
        (
            [[3.0, 0.0], [0.0, 1.0]],
            [[1, 0], [1, 1]],
            {"per_class_bias": True, "task": "multilabel"},
            "`per_class_bias` needs held-out positives and negatives of each label, got none for 0. Fit without it, or on more samples.",
        ),
        (
            [[1.0, 0.0]],
            [[0.5, 0.5]],
            {},
            "`target` must be class indices for a temperature to be fitted, got class probabilities.",
        ),
        (
            [[1.0, 0.0]],
            [2],
            {},
            "targets must be class indices from 0 to 1, got 2. Pass a larger `num_classes` if it is a class, or `ignore_index=2` to leave such targets out.",
        ),
    ],
)
def test_what_cannot_be_fitted_is_named(logits, target, options, message):
    with pytest.raises(ValueError) as error:
        fit_temperature(torch.tensor(logits), torch.tensor(target), **options)

    assert str(error.value) == message


def test_a_search_that_ends_before_the_minimum_is_named():
    with pytest.raises(ValueError, match=r"got T = .* with a slope of .* after at most 1 iterations. Fit on more"):
        fit_temperature(*drawn(50, 3, 40.0), max_iter=1)
