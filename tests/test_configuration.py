"""Objects as plain mappings, and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.configuration import from_config, is_config, loggable, to_config
from lightning_imbalance.weighting import EffectiveNumber, Power, as_hyperparameter, as_scheme

KNOWN = {"somewhere.EffectiveNumber": EffectiveNumber}


def test_an_object_comes_back_equal():
    config = to_config(EffectiveNumber(beta=0.9), KNOWN)

    assert config == {"class_path": "somewhere.EffectiveNumber", "init_args": {"beta": 0.9}}
    assert from_config(config, KNOWN) == EffectiveNumber(beta=0.9)


def test_arguments_left_out_are_the_defaults():
    assert from_config({"class_path": "somewhere.EffectiveNumber"}, KNOWN) == EffectiveNumber()


def test_an_object_of_another_class_has_no_form():
    assert to_config(Power(0.5), KNOWN) is None


@pytest.mark.parametrize("value", [None, "balanced", [1.0], {"cat": 1.0}, {"class_path": "a", "other": 1}], ids=str)
def test_other_values_are_no_form(value):
    assert not is_config(value)


def test_a_path_that_is_not_known_is_refused_and_never_imported():
    with pytest.raises(ValueError, match="class_path") as error:
        from_config({"class_path": "os.system", "init_args": {"command": "true"}}, KNOWN)

    assert str(error.value) == "`class_path` must be one of 'somewhere.EffectiveNumber', got 'os.system'."


@pytest.mark.parametrize("scheme", [EffectiveNumber(beta=0.99), Power(exponent=0.3)], ids=str)
def test_a_parametrised_scheme_can_be_written_in_a_file(scheme: Callable[[ClassDistribution], torch.Tensor]):
    distribution = ClassDistribution([60, 30, 10])
    written = as_hyperparameter(scheme)

    assert as_scheme(written) == scheme
    assert as_hyperparameter(written) == written
    assert torch.equal(class_weights(distribution, written), class_weights(distribution, scheme))


def test_what_a_logger_gets_is_text_where_names_are_the_users_and_the_same_elsewhere():
    config = {"class_path": "somewhere.EffectiveNumber", "init_args": {"beta": 0.9}}
    settings = {"weighting": {"cat (wild)": 2.0, "größe": 1.0}, "loss": config, "classes": ("a", "b"), "num_classes": 2}

    given = loggable(settings)

    assert given == settings | {"weighting": '{"cat (wild)": 2.0, "größe": 1.0}'}
    assert settings["weighting"] == {"cat (wild)": 2.0, "größe": 1.0}
