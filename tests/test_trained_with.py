from __future__ import annotations

import warnings

import pytest

from lightning_imbalance.trained_with import warn_of_changes

MINE = {"loss": "FocalLoss()", "weighting": "'balanced'", "batch_transform": "None"}


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (
            {"loss": "LDAMLoss()"},
            "`loss` must be given again where it is no hyper-parameter: the checkpoint was trained with LDAMLoss(), and this model has FocalLoss(). Predictions are the same; the losses it logs are not.",
        ),
        (
            {"weighting": "<lambda>"},
            "`weighting` must be given again where it is no hyper-parameter: the checkpoint was trained with <lambda>, and this model has 'balanced'. Its weights are the checkpoint's; a new fit would use its own.",
        ),
        (
            {"batch_transform": "Own()"},
            "`batch_transform` must be given again where it is no hyper-parameter: the checkpoint was trained with Own(), and this model has None. Predictions are the same, and for another class prior they are wrong if labels were mixed.",
        ),
    ],
    ids=["loss", "weighting", "batch transform"],
)
def test_what_has_changed_is_named(saved, message):
    with pytest.warns(UserWarning, match="given again") as caught:
        warn_of_changes(MINE | saved, MINE)

    assert [str(warning.message) for warning in caught] == [message]


@pytest.mark.parametrize("saved", [MINE, {}], ids=["the same", "a checkpoint that says nothing"])
def test_nothing_is_said_where_nothing_has_changed(saved):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_changes(saved, MINE)
