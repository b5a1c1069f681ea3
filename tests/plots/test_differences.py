from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import plots
from lightning_imbalance.functional import PairedDifference

GAINS = {
    "weighted": PairedDifference(0.04, 0.01, 0.07),
    "focal": PairedDifference(-0.03, -0.05, -0.01),
    "posthoc": PairedDifference(0.01, -0.02, 0.04),
    "sampler": PairedDifference(0.06, 0.02, 0.10),
}


def rows(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_largest_is_at_the_top_and_what_is_shown_is_told_apart():
    figure = plots.differences(GAINS)
    (axes,) = figure.axes

    assert rows(axes) == ["sampler", "weighted", "posthoc", "focal"]
    assert legend(figure) == ["higher: 2", "lower: 1", "no difference shown: 1"]
    *points, zero = axes.lines
    drawn = [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in points]
    assert drawn == [[(0.06, 0), (0.04, 1)], [(-0.03, 3)], [(0.01, 2)]]
    assert len({(line.get_marker(), line.get_markerfacecolor()) for line in points}) == 3
    assert zero.get_xdata() == [0, 0]


def test_the_bars_are_the_intervals():
    (axes,) = plots.differences(GAINS).axes

    ends = sorted(tuple(end) for bars in axes.collections for bar in bars.get_segments() for end in bar)
    assert ends == sorted(
        (end, float(row)) for row, name in enumerate(rows(axes)) for end in (GAINS[name].low, GAINS[name].high)
    )


def test_single_runs_are_marked_below_their_row():
    figure = plots.differences(GAINS, {name: [gain.difference, 0.0] for name, gain in GAINS.items()}, label="recall")
    single = figure.axes[0].lines[3]

    assert single.get_xdata().tolist() == [0.06, 0, 0.04, 0, 0.01, 0, -0.03, 0]
    assert [math.floor(row) for row in single.get_ydata()] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert legend(figure)[-1] == "single runs"
    assert figure.axes[0].get_xlabel() == "recall"


def test_a_difference_without_an_interval_says_so():
    figure = plots.differences({"diverged": PairedDifference(0.2, math.nan, math.nan)})

    assert [text.get_text() for text in figure.axes[0].texts] == ["no interval"]
    assert legend(figure) == ["no difference shown: 1"]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.2]


def test_what_is_no_number_comes_last_and_has_a_row():
    nothing = PairedDifference(math.nan, math.nan, math.nan)
    (axes,) = plots.differences({"a": nothing, "b": GAINS["focal"], "c": nothing, "d": GAINS["weighted"]}).axes

    assert rows(axes) == ["d", "b", "a", "c"]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [("no interval", (0, 2)), ("no interval", (0, 3))]


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6))
def test_each_difference_is_one_kind_and_no_other(found):
    gains = {str(i): PairedDifference(x, x - below, x + above) for i, (x, below, above) in enumerate(found)}

    counted = dict(label.split(": ") for label in legend(plots.differences(gains)))
    shown = [gain for gain in gains.values() if gain.shown]
    assert sum(map(int, counted.values())) == len(gains)
    assert int(counted.get("higher", 0)) + int(counted.get("lower", 0)) == len(shown)


@pytest.mark.parametrize(
    ("gains", "runs", "message"),
    [
        ({}, None, "`gains` must have a difference at least, got none."),
        (
            {"a": GAINS["focal"], "b": GAINS["focal"]},
            {"a": [0.1]},
            "`runs` must have the names of `gains` ('a', 'b'), got 'a'.",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(gains, runs, message):
    with pytest.raises(ValueError) as error:
        plots.differences(gains, runs)

    assert str(error.value) == message
