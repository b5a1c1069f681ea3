"""What is said about a distribution follows from its numbers."""

from __future__ import annotations

import json
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.data import stratified_split
from lightning_imbalance.inspection import Inspection, split_off

COUNTS = st.lists(st.integers(1, 2000), min_size=2, max_size=12)


def effects(*counts: int) -> dict[str, float]:
    return {effect.name: effect.ratio for effect in Inspection(ClassDistribution(list(counts))).schemes}


def test_the_ratio_of_each_scheme_is_that_of_its_counts_times_its_weights():
    ratios = effects(900, 90, 10)

    assert ratios["uniform"] == pytest.approx(90)
    assert [ratios[name] for name in ("balanced", "inverse", "median_frequency")] == pytest.approx([1, 1, 1])
    assert ratios["inverse_sqrt"] == pytest.approx(90**0.5)
    assert ratios["complement"] == pytest.approx(90 * 0.1 / 0.99)


def test_the_complement_hardly_moves_the_prior_of_many_classes():
    looked_at = Inspection(ClassDistribution([100, 60, 36, 22, 13, 8, 5, 3, 2, 1]))

    assert looked_at.complement == (
        "The weights 1 - n_c/n ('complement') take the ratio from 100 to 60.2; 'balanced' takes it to 1."
    )


def test_the_width_is_that_of_wilsons_interval_at_one_half():
    widths = Inspection(ClassDistribution([9, 9, 9]), torch.tensor([25, 1, 0])).interval_widths
    z = NormalDist().inv_cdf(0.975)

    expected = [2 * z / (1 + z**2 / n) * (0.25 / n + z**2 / (4 * n**2)) ** 0.5 for n in (25, 1)]
    assert widths[:2].tolist() == pytest.approx(expected)
    assert widths[2].isnan()


def test_a_share_of_a_thousandth_is_not_shown_as_nothing_and_no_ratio_as_a_power():
    looked_at = Inspection(ClassDistribution([999_600, 90_000, 1000, 0]))

    assert [row[2] for row in looked_at.classes_table().rows] == ["91.7%", "8.3%", "0.092%", "0.0%"]
    assert looked_at.schemes_table().rows[0] == ("uniform", "1 x", "91.7%", "0.092%", "1,000 : 1")
    assert looked_at.ratio == "1,000"


@given(COUNTS)
def test_about_as_many_validate_as_the_split_leaves(counts):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    _, val, _ = stratified_split(labels, [0.7, 0.15, 0.15])
    real = torch.bincount(labels[val], minlength=len(counts))

    assert (split_off(ClassDistribution(counts)) - real).abs().max() <= 1


@given(COUNTS)
def test_everything_is_plain_and_finite(counts):
    distribution = ClassDistribution(counts)

    found = json.loads(json.dumps(Inspection(distribution, split_off(distribution)).to_dict(), allow_nan=False))

    assert found["counts"] == counts
    for scheme in found["schemes"].values():
        assert sum(scheme["effective_prior"]) == pytest.approx(1)
        assert 1 - 1e-5 <= scheme["ratio"] <= found["imbalance_ratio"] * (1 + 1e-5)


def test_a_class_that_is_absent_or_cannot_be_validated_is_a_warning():
    distribution = ClassDistribution([500, 30, 0, 2], class_names=["oak", "elm", "ash", "yew"])

    assert Inspection(distribution).warnings == (
        "No training sample of 'ash': no remedy can teach a class that is not there.",
    )
    assert Inspection(distribution, split_off(distribution)).warnings == (
        "No training sample of 'ash': no remedy can teach a class that is not there.",
        "No validation sample of 'yew': nobody will see whether it is found.",
        "Too few validation samples to measure the recall of 'elm': of 'elm' there are 4, and the 95 % interval of its recall will be 0.70 wide. Validate on more, or across several splits.",
    )


def test_a_class_with_enough_to_validate_is_none():
    distribution = ClassDistribution([500, 300])

    assert Inspection(distribution, split_off(distribution)).warnings == ()


@pytest.mark.parametrize(
    ("counts", "weighting", "loss", "reason"),
    [
        ([120, 100], "uniform", "cross_entropy", "The most frequent class has 1.2 times the samples of the rarest: there is little to correct."),
        ([500, 50], "balanced", "cross_entropy", "The most frequent class has 10 times the samples of the rarest. Balanced weights make all classes equally likely for the model, and a sample of the rarest counts 10 times one of the most frequent, which trains calmly."),
        ([500, 5], "uniform", "logit_adjusted", "The most frequent class has 100 times the samples of the rarest. Balanced weights would let a single sample of '1' count 100 times one of the most frequent class, and training easily becomes unstable. The logit-adjusted loss reaches the same class prior without weighing single samples. No remedy replaces samples: of '1' there are 5."),
    ],
)  # fmt: skip
def test_the_suggestion_follows_the_ratio_and_says_so(counts, weighting, loss, reason):
    suggestion = Inspection(ClassDistribution(counts)).suggestion

    assert (suggestion.weighting, suggestion.loss, suggestion.reason) == (weighting, loss, reason)


def test_the_tables_say_the_numbers():
    looked_at = Inspection(ClassDistribution([900, 90, 10], class_names=["a", "b", "c"]), torch.tensor([90, 9, 0]))

    def lines(table) -> list[str]:
        return [" ".join(line.split()) for line in str(table).splitlines() if "─" not in line]

    assert lines(looked_at.classes_table()) == [
        "3 classes, 1,000 samples, imbalance ratio 90",
        "class count share group validation recall, 95 %",
        "a 900 90.0% many 90 0.20 wide",
        "b 90 9.0% medium 9 0.55 wide",
        "c 10 1.0% few 0 -",
    ]
    assert lines(looked_at.schemes_table())[:5] == [
        "Class prior that each weighting makes a model believe in",
        "weighting rare weighs prior, frequent prior, rare ratio",
        "uniform 1 x 90.0% 1.0% 90 : 1",
        "balanced 90 x 33.3% 33.3% 1 : 1",
        "complement 9.9 x 49.5% 5.4% 9.09 : 1",
    ]
    assert lines(looked_at.schemes_table())[-1] == "frequent: 'a', rare: 'c'"
    assert len(lines(Inspection(looked_at.train).classes_table())[1].split()) == 4


def test_one_class_is_refused_as_weights_refuse_it():
    with pytest.raises(ValueError, match="the training data must hold samples of at least 2 classes, got only"):
        _ = Inspection(ClassDistribution([5, 0])).schemes
