from __future__ import annotations

import pytest

from lightning_imbalance import ClassDistribution, plots

LONG_TAIL = ClassDistribution([10, 100, 1000], class_names=["c", "b", "a"])


def legend_of(axes):
    (legend,) = axes.figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_both_halves_are_the_pictures_of_their_own():
    left, right = plots.overview(LONG_TAIL, ["uniform", "balanced"]).axes
    (counts,), (priors,) = plots.counts(LONG_TAIL).axes, plots.priors(LONG_TAIL, ["uniform", "balanced"]).axes

    assert [bar.get_width() for bar in left.patches if bar.get_width() > 1] == [
        bar.get_width() for bar in counts.patches if bar.get_width() > 1
    ]
    assert [line.get_xydata().tolist() for line in right.lines] == [line.get_xydata().tolist() for line in priors.lines]
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b", "c"]
    assert left.get_ylim() == right.get_ylim()
    assert [legend_of(axes) for axes in (left, right)] == [legend_of(axes) for axes in (counts, priors)]


def test_each_half_says_what_it_is():
    labels = ClassDistribution([50, 5], task="multilabel", num_samples=100)

    for distribution, counted, dotted in (
        (LONG_TAIL, "Samples", "all equally likely"),
        (labels, "Positives", "yes as likely as no"),
    ):
        left, right = plots.overview(distribution).axes
        assert left.get_title(loc="left") == f"{counted} of each class"
        assert right.get_title(loc="left") == "Class prior that each weighting makes a model believe in"
        assert right.get_xlabel() == f"share (logarithmic); dotted: {dotted}"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_it_can_be_written(tmp_path, ending):
    plots.overview(LONG_TAIL).savefig(tmp_path / f"o.{ending}")

    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert (tmp_path / f"o.{ending}").read_bytes().startswith(begins)


def test_what_are_no_weightings_is_refused():
    with pytest.raises(TypeError) as error:
        plots.overview(LONG_TAIL, "balanced")

    assert str(error.value) == (
        "`schemes` must be several weightings in a list, or a mapping from name to weighting, got 'balanced'."
    )
