from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lightning_imbalance.samplers import RepeatFactorSampler

CIFAR10_LT = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def factors(rows: list[list[int]], threshold: float) -> list[float]:
    """LVIS, section 3.3, image by image: the largest r_c of its categories; 1 where it has none."""
    shares = [sum(row[label] for row in rows) / len(rows) for label in range(len(rows[0]))]
    of_class = [max(1.0, math.sqrt(threshold / share)) if share else 1.0 for share in shares]
    return [max((of_class[label] for label, has in enumerate(row) if has), default=1.0) for row in rows]


ROWS = st.integers(1, 4).flatmap(
    lambda c: st.lists(st.lists(st.integers(0, 1), min_size=c, max_size=c), min_size=1, max_size=30)
)


@given(ROWS.filter(lambda rows: any(map(any, rows))), st.floats(0.01, 1), st.integers(0, 5))
def test_a_sample_comes_as_often_as_the_most_repeated_of_its_labels(rows, threshold, epoch):
    shares = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    assume(min(share for share in shares if share) < threshold)
    sampler = RepeatFactorSampler(torch.tensor(rows), threshold, task="multilabel")
    sampler.set_epoch(epoch)

    times = torch.tensor(list(sampler)).bincount(minlength=len(rows))

    expected = factors(rows, threshold)
    assert len(sampler) == round(sum(expected)) or abs(sum(expected) % 1 - 0.5) < 1e-9
    scale = len(sampler) / sum(expected)
    groups = sampler._members
    for group in range(len(rows[0]) + 1):
        for index in groups.of(group).tolist():
            # Of a class whose draws are rounded together, each sample comes that often, rounded up or down.
            together = len(groups.of(group)) * expected[index] * scale
            least, most = (
                math.floor(together + 1e-9) // len(groups.of(group)),
                -(-math.ceil(together - 1e-9) // len(groups.of(group))),
            )
            assert least <= times[index] <= most


@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.floats(0.05, 1))
def test_of_one_label_a_sample_the_factor_is_that_of_its_class(sizes, threshold):
    assume(min(sizes) / sum(sizes) < threshold)
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))

    expected = RepeatFactorSampler(labels, threshold).expected_draws(0)

    of_class = [size * max(1.0, math.sqrt(threshold * sum(sizes) / size)) for size in sizes]
    rounding = round(sum(of_class)) / sum(of_class)
    assert expected.tolist() == pytest.approx([each * rounding for each in of_class])


def test_the_factors_of_the_long_tailed_cifar_are_those_of_the_formula():
    labels = torch.arange(10).repeat_interleave(torch.tensor(CIFAR10_LT))

    repeated = RepeatFactorSampler(labels, 0.1).expected_draws(0) / torch.tensor(CIFAR10_LT)

    expected = [1, 1, 1, 1.0733, 1.3869, 1.7904, 2.3124, 2.9875, 3.8661, 4.9812]
    assert repeated.tolist() == pytest.approx(expected, abs=1e-4)


def test_auto_is_the_share_that_all_would_have_alike():
    assert RepeatFactorSampler([0] * 70 + [1] * 20 + [2] * 10, "auto").threshold == pytest.approx(1 / 3)
    # Of the classes that there are.
    assert RepeatFactorSampler([0] * 70 + [2] * 30, "auto", num_classes=5).threshold == pytest.approx(1 / 2)
    rows = torch.tensor([[1, 1, 0]] * 6 + [[1, 0, 0]] * 4)
    assert RepeatFactorSampler(rows, "auto", task="multilabel").threshold == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("threshold", "kind"),
    [
        (0, ValueError),
        (1.5, ValueError),
        (math.nan, ValueError),
        ("automatic", ValueError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_a_threshold_that_is_no_share_is_refused(threshold, kind):
    with pytest.raises(kind) as error:
        RepeatFactorSampler([0, 0, 1], threshold)

    assert str(error.value) == f"`threshold` must be a share above 0 and up to 1, or 'auto', got {threshold!r}."


def test_a_threshold_that_repeats_nothing_is_refused():
    labels = torch.arange(10).repeat_interleave(torch.tensor(CIFAR10_LT))

    with pytest.raises(ValueError) as error:
        RepeatFactorSampler(labels, 0.001)

    assert str(error.value) == (
        "`threshold` must be above the share of the rarest class for a sample to be repeated, 0.00403, got 0.001. "
        "Pass a larger one, or 'auto'."
    )


def test_the_threshold_has_no_default():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'threshold'"):
        RepeatFactorSampler([0, 0, 1])
