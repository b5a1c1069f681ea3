from __future__ import annotations

import math

import pytest
from rich.table import Table as RichTable

from lightning_imbalance.functional import PairedDifference
from lightning_imbalance.synthesis.quality_report import Likeness, QualityReport

NONE = math.nan
CAT = Likeness("cat", 90, 0, NONE, 0.98, NONE, 1.5, NONE, 0, 0, NONE)
EEL = Likeness("<b>eel", 10, 80, 0.9, 0.8, 1.25, 1.5, 0.6, 1600, 2, 0.75)
OWL = Likeness("owl", 40, 50, 1.0, 0.9, 1.5, 1.5, 0.5, 1600, 0, 1.0)

UP, DOWN, NEITHER = (
    PairedDifference(*bounds) for bounds in ((0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), (0.1, -0.1, 0.3))
)


def report(gain: PairedDifference, over: PairedDifference) -> QualityReport:
    accuracy = {"real": (0.7, 0.72), "repeated": (0.8, 0.8), "synthetic": (0.8, 0.82)}
    return QualityReport((CAT, EEL, OWL), accuracy, gain, over, held_out=1200)


LIKE = (
    " A generated sample lies closer to a training sample than a held-out one does in 55% of the pairs (50 % for new "
    "samples, 100 % for copies), and 2 of 130 are as good as copies. Measured with 2 runs of each on 1,200 held-out samples."
)


@pytest.mark.parametrize(
    ("gain", "said", "helped"),
    [
        (
            UP,
            "The generated samples raised balanced accuracy from 0.710 to 0.810 (+0.100, 95 % interval +0.050 to +0.150).",
            True,
        ),
        (
            DOWN,
            "The generated samples lowered balanced accuracy from 0.710 to 0.810 (-0.100, 95 % interval -0.150 to -0.050): they did not help here.",
            False,
        ),
        (
            NEITHER,
            "No difference shown: the generated samples changed balanced accuracy from 0.710 to 0.810 (+0.100, 95 % interval -0.100 to +0.300), no more than other seeds and other samples may do by chance.",
            False,
        ),
    ],
)
def test_the_verdict_says_whether_they_helped(gain, said, helped):
    over = " Repeating real samples as often gives 0.800: no difference shown to that (+0.100, 95 % interval -0.100 to +0.300)."

    assert report(gain, NEITHER).verdict() == said + over + LIKE
    assert report(gain, NEITHER).helped is helped


@pytest.mark.parametrize(
    ("over", "word", "numbers"),
    [(UP, "more", "+0.100, 95 % interval +0.050 to +0.150"), (DOWN, "less", "-0.100, 95 % interval -0.150 to -0.050")],
)
def test_the_verdict_says_whether_repeating_would_have_done(over, word, numbers):
    said = f". That is {word} than repeating real samples as often gives, 0.800 ({numbers}). A generated"

    assert said in report(UP, over).verdict()


def test_the_table_has_a_row_for_each_class():
    lines = str(report(UP, NEITHER)).split("\n")

    assert lines[:6] == [
        "Generated samples beside held-out real ones",
        "  class    real   generated   recognised   held-out   distance   held-out   closer   copies   variety",
        " ─────────────────────────────────────────────────────────────────────────────────────────────────────",
        "  cat        90           0            -        98%          -       1.50        -        -         -",
        "  <b>eel     10          80          90%        80%       1.25       1.50      60%        2      0.75",
        "  owl        40          50         100%        90%       1.50       1.50      50%        0      1.00",
    ]
    assert lines[6] == report(UP, NEITHER).verdict()


def test_it_shows_itself_in_colour_and_in_a_notebook():
    assert isinstance(report(UP, NEITHER).__rich__(), RichTable)
    assert "&lt;b&gt;eel" in report(UP, NEITHER)._repr_html_()


def test_figures_of_all_classes_are_those_of_all_pairs():
    assert report(UP, UP).closer == pytest.approx(0.55)
    assert report(UP, UP).copies == 2
