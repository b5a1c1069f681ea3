from __future__ import annotations

import torch
from torch import nn

from lightning_imbalance.functional import balanced_accuracy, confusion_counts
from lightning_imbalance.synthesis.trials import run_trials


def points(counts, seed):
    target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    noise = torch.randn(len(target), len(counts), generator=torch.Generator().manual_seed(seed))
    return torch.eye(len(counts))[target] * 2 + noise, target


REAL, UNSEEN = points([200, 4], 0), points([100, 100], 1)


def accuracy(predicted, target):
    return [balanced_accuracy(confusion_counts(run, target, 2)).item() for run in predicted]


def trials(generated, **options):
    return run_trials(
        REAL, generated, UNSEEN[0], lambda: nn.Linear(2, 2), **({"runs": 2, "steps": 600, "seed": 0} | options)
    )


def test_more_real_samples_help_and_wrong_ones_do_harm():
    inputs, target = points([0, 196], 2)

    good = trials((inputs, target))
    bad = trials((points([196, 0], 3)[0], target))

    real, repeated, with_good = (accuracy(each, UNSEEN[1]) for each in (good.real, good.repeated, good.synthetic))
    assert max(real) < min(with_good) - 0.1
    assert min(with_good) > 0.8
    assert max(real) < min(repeated)  # four samples, forty-nine times each
    assert max(accuracy(bad.synthetic, UNSEEN[1])) < min(with_good) - 0.1


def test_the_generated_samples_do_not_reach_those_that_are_trained_on_real_ones():
    one, other = (
        trials((inputs, torch.ones(20, dtype=torch.int64)), steps=50)
        for inputs in (torch.full((20, 2), -9.0), torch.full((20, 2), 9.0))
    )

    assert torch.equal(one.real, other.real)
    assert torch.equal(one.repeated, other.repeated)
    assert not torch.equal(one.synthetic, other.synthetic)


def test_the_seed_decides_and_torchs_own_generator_stays():
    generated = points([0, 10], 2)
    before = torch.random.get_rng_state()

    one, two, three = (trials(generated, steps=3, seed=seed) for seed in (5, 5, 6))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(*pair) for pair in zip(one, two, strict=True))
    assert torch.equal(one.real[1], three.real[0])  # the next run counts on
    assert not torch.equal(one.real[0], three.real[0])
