"""Every sample counts once, however many processes pad the data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import TensorDataset
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAveragePrecision, MulticlassCohenKappa

pytestmark = pytest.mark.xdist_group("processes")

NAMES = ["cat", "dog", "owl"]


def dataset(size: int, seed: int = 0, *pixels: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(
        torch.randn(size, 3, *pixels, generator=generator), torch.randint(3, (size, *pixels), generator=generator)
    )


@pytest.mark.parametrize("size", [2, 3])
def test_any_number_of_processes_says_what_one_says(size, crew):
    @settings(max_examples=20)
    @given(st.lists(st.integers(1, 23), min_size=1, max_size=2), st.integers(1, 9), st.integers(0, 2**16))
    def check(sizes, batch_size, seed):
        parts = [dataset(each, seed + index) for index, each in enumerate(sizes)]

        (alone,) = crew(1).run("evaluate", parts, batch_size, names=NAMES)
        together = crew(size).run("evaluate", parts, batch_size, names=NAMES)

        for result in together:
            assert result["counts"] == alone["counts"]
            # To the last digit of what is logged, float32.
            assert result["logged"] == pytest.approx(alone["logged"], rel=1.2e-7)

    check()


def test_twenty_one_samples_on_two_processes_are_twenty_one(crew):
    for result in crew(2).run("evaluate", [dataset(21)], 4, names=NAMES):
        assert sum(result["counts"]["val"].values()) == 21


def test_fewer_samples_than_processes_are_counted_once(crew):
    for result in crew(3).run("evaluate", [dataset(1)], 4, names=NAMES):
        assert sum(result["counts"]["val"].values()) == 1


def test_pixels_of_a_repeated_picture_do_not_count(crew):
    pictures = dataset(5, 0, 7)

    (alone,) = crew(1).run("evaluate", [pictures], 2, names=NAMES, dense=True)
    for result in crew(2).run("evaluate", [pictures], 2, names=NAMES, dense=True):
        assert sum(result["counts"]["val"].values()) == 5 * 7
        assert result["counts"] == alone["counts"]
        assert result["logged"] == pytest.approx(alone["logged"], rel=1.2e-7)


def test_a_sampler_that_lightning_wraps_repeats_nothing_that_counts(crew):
    (alone,) = crew(1).run("evaluate", [dataset(11)], 3, names=NAMES, sampler="own")
    for result in crew(2).run("evaluate", [dataset(11)], 3, names=NAMES, sampler="own"):
        assert result["counts"] == alone["counts"]
        assert result["logged"] == pytest.approx(alone["logged"], rel=1.2e-7)


@pytest.mark.parametrize("own_loss", [False, True], ids=["the package's loss", "an override"])
def test_a_process_without_a_batch_keeps_nobody_waiting(own_loss, crew):
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 2, 0])), (torch.randn(3, 3), torch.tensor([0, 1, 2]))]

    (alone,) = crew(1).run("evaluate_unevenly", [batches], own_loss=own_loss)
    for result in crew(2).run("evaluate_unevenly", [batches, []], own_loss=own_loss):
        assert result["counts"] == alone["counts"]
        assert result["logged"] == pytest.approx(alone["logged"], rel=1.2e-7)


def test_a_process_that_holds_only_repeats_keeps_nobody_waiting_for_an_override(crew):
    for result in crew(2).run("evaluate", [dataset(1)], 4, names=NAMES, own_loss=True):
        assert sum(result["counts"]["val"].values()) == 1


def extra():
    """Metrics of this package, one of torchmetrics with sums, and one that keeps every score."""
    kept = {"kappa": MulticlassCohenKappa(3), "exact": MulticlassAveragePrecision(3, average=None)}
    return ["average_precision", "auroc", MetricCollection(kept)]


@pytest.mark.parametrize(("size", "samples"), [(2, 21), (3, 8)])
def test_metrics_of_the_users_choice_and_the_matrix_take_each_sample_once(size, samples, crew):
    (alone,) = crew(1).run("evaluate", [dataset(samples)], 4, names=NAMES, extra=extra(), plot=True)
    for result in crew(size).run("evaluate", [dataset(samples)], 4, names=NAMES, extra=extra(), plot=True):
        assert "val_exact/owl" in result["logged"]
        assert "val_auroc/owl" in result["logged"]
        assert result["logged"] == pytest.approx(alone["logged"], rel=1e-6)
        assert result["confusion"] == alone["confusion"]
        assert sum(map(sum, result["confusion"]["val"])) == samples


def test_a_process_without_a_batch_waits_for_the_metrics_of_the_others(crew):
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 2, 0])), (torch.randn(3, 3), torch.tensor([0, 1, 2]))]

    # Not one that keeps every score: torchmetrics cannot put the scores of a process together with none of another.
    sums = ["average_precision", "auroc", MulticlassCohenKappa(3)]

    (alone,) = crew(1).run("evaluate_unevenly", [batches], extra=sums, plot=True)
    for result in crew(2).run("evaluate_unevenly", [batches, []], extra=sums, plot=True):
        assert result["logged"] == pytest.approx(alone["logged"], rel=1e-6)


@pytest.mark.parametrize("samples", [21, 17])
def test_what_a_watched_network_returns_counts_once_too(samples, crew):
    (alone,) = crew(1).run("evaluate", [dataset(samples)], 4, names=NAMES)
    for result in crew(2).run("evaluate", [dataset(samples)], 4, names=NAMES, logits_from="model"):
        assert result["logged"] == pytest.approx(alone["logged"], rel=1e-6)
        assert result["counts"] == alone["counts"]
