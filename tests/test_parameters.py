from __future__ import annotations

import math

import pytest

from lightning_imbalance import losses
from lightning_imbalance.parameters import at_least_one, not_negative, positive, share, whole


@pytest.mark.parametrize(
    ("check", "kept", "refused", "wanted"),
    [
        (not_negative, [0, 0.0, 1e-9, 7], [-1e-9, math.inf, math.nan, "1", None, True], "a finite number from 0 on"),
        (positive, [1e-9, 7], [0, -1, math.inf, math.nan, "1", None, True], "a finite number above 0"),
        (at_least_one, [1, 1.0, 3.5], [0.99, -1, math.inf, math.nan, "1", None, True], "a finite number from 1 on"),
        (whole, [0, 3], [-1, 1.0, math.nan, "1", None, True], "an integer from 0 on"),
        (share, [0, 0.5, 1], [-0.1, 1.1, math.nan, "0.5", None, False], "between 0 and 1"),
    ],
)
def test_numbers_in_range_are_kept_and_others_refused(check, kept, refused, wanted):
    assert [check("x", value) for value in kept] == kept
    for value in refused:
        with pytest.raises(ValueError) as error:
            check("x", value)
        assert str(error.value) == f"`x` must be {wanted}, got {value!r}."


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (losses.FocalLoss, {"gamma": -1}, "`gamma` must be a finite number from 0 on, got -1."),
        (losses.FocalLoss, {"gamma": math.nan}, "`gamma` must be a finite number from 0 on, got nan."),
        (losses.AsymmetricLoss, {"gamma_neg": -1}, "`gamma_neg` must be a finite number from 0 on, got -1."),
        (losses.AsymmetricLoss, {"gamma_pos": -1}, "`gamma_pos` must be a finite number from 0 on, got -1."),
        (losses.AsymmetricLoss, {"clip": -0.1}, "`clip` must be between 0 and 1, got -0.1."),
        (losses.AsymmetricLoss, {"clip": 1}, "`clip` must be below 1, got 1: no negative would cost anything."),
        (
            losses.AsymmetricLoss,
            {"clip": 0.1, "task": "multiclass"},
            '`clip` must be left out with `task="multiclass"`, where nothing depends on it, got 0.1.',
        ),
        (
            losses.AsymmetricLoss,
            {"label_smoothing": 0.1},
            '`label_smoothing` must be left out with `task="multilabel"`, where nothing depends on it, got 0.1.',
        ),
        (
            losses.AsymmetricLoss,
            {"label_smoothing": 2, "task": "multiclass"},
            "`label_smoothing` must be between 0 and 1, got 2.",
        ),
        (losses.LogitAdjustedLoss, {"tau": -1}, "`tau` must be a finite number from 0 on, got -1."),
        (
            losses.LogitAdjustedLoss,
            {"task": "multilabel"},
            "`task` must be 'multiclass' or 'binary' for LogitAdjustedLoss, got 'multilabel'.",
        ),
        (losses.VectorScalingLoss, {"gamma": -1}, "`gamma` must be a finite number from 0 on, got -1."),
        (losses.VectorScalingLoss, {"tau": math.inf}, "`tau` must be a finite number from 0 on, got inf."),
        (losses.LDAMLoss, {"max_margin": 0}, "`max_margin` must be a finite number above 0, got 0."),
        (losses.LDAMLoss, {"scale": -30}, "`scale` must be a finite number above 0, got -30."),
        (losses.SeesawLoss, {"p": -1}, "`p` must be a finite number from 0 on, got -1."),
        (losses.SeesawLoss, {"q": "2"}, "`q` must be a finite number from 0 on, got '2'."),
        (losses.SeesawLoss, {"eps": 0}, "`eps` must be a finite number above 0, got 0."),
        (losses.SeesawLoss, {"eps": 2}, "`eps` must be between 0 and 1, got 2."),
        (losses.LabelAwareSmoothingLoss, {"head": 1.1}, "`head` must be between 0 and 1, got 1.1."),
        (losses.LabelAwareSmoothingLoss, {"tail": -0.1}, "`tail` must be between 0 and 1, got -0.1."),
        (losses.LabelAwareSmoothingLoss, {"tail": 0.4}, "`tail` must be at most `head`, got tail=0.4 and head=0.3."),
        (
            losses.LabelAwareSmoothingLoss,
            {"shape": "flat"},
            "`shape` must be 'concave', 'linear' or 'convex', got 'flat'.",
        ),
        (losses.DistributionBalancedLoss, {"alpha": -1}, "`alpha` must be a finite number from 0 on, got -1."),
        (losses.DistributionBalancedLoss, {"beta": 0}, "`beta` must be a finite number above 0, got 0."),
        (losses.DistributionBalancedLoss, {"mu": math.inf}, "`mu` must be a finite number, got inf."),
        (losses.DistributionBalancedLoss, {"neg_scale": 0}, "`neg_scale` must be a finite number above 0, got 0."),
        (losses.DistributionBalancedLoss, {"bias": -1}, "`bias` must be a finite number from 0 on, got -1."),
        (losses.DistributionBalancedLoss, {"gamma": -1}, "`gamma` must be a finite number from 0 on, got -1."),
        (losses.EqualizationLoss, {"probability": 1.1}, "`probability` must be between 0 and 1, got 1.1."),
        (losses.EqualizationLoss, {"threshold": -1}, "`threshold` must be between 0 and 1, got -1."),
        (losses.CosineClassifier, {"in_features": 2, "num_classes": 2, "scale": 0}, "`scale` must be a finite number above 0, got 0."),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_refused_at_construction(kind, options, message):
    with pytest.raises(ValueError) as error:
        kind(**options)

    assert str(error.value) == message
