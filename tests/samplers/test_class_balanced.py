from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance.samplers import ClassBalancedSampler

LABELS = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)


@given(st.integers(1, 400), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_epoch_is_as_long_as_asked(num_samples, power):
    sampler = ClassBalancedSampler(LABELS, power, num_samples=num_samples)

    assert len(list(sampler)) == len(sampler) == num_samples


def test_by_default_the_epoch_is_as_long_as_there_are_samples_to_draw():
    assert len(ClassBalancedSampler(LABELS)) == 170
    assert len(ClassBalancedSampler(LABELS, ignore_index=1)) == 120


def test_the_natural_power_draws_every_sample_once():
    assert sorted(ClassBalancedSampler(LABELS, power=1)) == list(range(170))


def test_a_target_is_met_exactly_where_it_can_be():
    sampler = ClassBalancedSampler(LABELS, target=[0.1, 0.2, 0.7], num_samples=200)

    assert LABELS[list(sampler)].bincount().tolist() == [20, 40, 140]
    assert sampler.class_prior.tolist() == pytest.approx([0.1, 0.2, 0.7])


def test_a_class_that_the_target_leaves_out_is_never_drawn():
    for replacement in (False, True):
        sampler = ClassBalancedSampler(LABELS, target=[0.5, 0.5, 0], replacement=replacement)
        assert set(LABELS[list(sampler)].tolist()) == {0, 1}


@pytest.mark.parametrize("target", [[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3], [0, 0.999, 0.001]])
def test_drawn_anew_each_class_comes_within_4_sigma_of_its_share(target):
    draws = 40_000
    sampler = ClassBalancedSampler(LABELS, target=target, replacement=True, num_samples=draws)

    counts = LABELS[list(sampler)].bincount(minlength=3).double()

    share = sampler.class_prior
    sigma = (share * (1 - share) * draws).sqrt()
    assert bool(((counts - share * draws).abs() <= 4 * sigma + 1e-9).all())


def test_drawn_anew_each_sample_of_a_class_comes_within_5_sigma_of_its_share():
    draws = 60_000
    sampler = ClassBalancedSampler(LABELS, replacement=True, num_samples=draws)

    times = torch.tensor(list(sampler)).bincount(minlength=170)

    share = (1 / 3 / sampler.counts)[LABELS]
    assert bool(((times - share * draws).abs() <= 5 * (share * (1 - share) * draws).sqrt()).all())


def test_drawn_anew_samples_repeat_as_coins_have_it():
    sampler = ClassBalancedSampler([0] * 1000, replacement=True)

    # Of n draws from n, a share of 1 / e is left out.
    assert len(set(sampler)) / 1000 == pytest.approx(1 - 1 / torch.e, abs=0.05)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"num_samples": 0}, ValueError, "`num_samples` must be an integer from 1 on, got 0."),
        ({"num_samples": True}, TypeError, "`num_samples` must be an integer from 1 on, got True."),
        ({"num_samples": 1e3}, TypeError, "`num_samples` must be an integer from 1 on, got 1000.0."),
        ({"replacement": "no"}, TypeError, "`replacement` must be True or False, got 'no'."),
        (
            {"target": {"0": 0.5, "1": 0.5}},
            ValueError,
            "the prior must give a probability to each class ('0', '1', '2') and to nothing else, got no probability for '2'.",
        ),
    ],
)
def test_arguments_that_cannot_work_are_refused(options, kind, message):
    with pytest.raises(kind) as error:
        ClassBalancedSampler(LABELS, **options)

    assert str(error.value) == message
