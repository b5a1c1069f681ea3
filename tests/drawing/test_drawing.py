"""What all pictures share: no pyplot, no markup in names, colours that print."""

from __future__ import annotations

import pickle
import sys

import pytest

from lightning_imbalance import ClassDistribution, plots
from lightning_imbalance.drawing import (
    COLOURS,
    DASHES,
    MARKERS,
    NAMED_ROWS,
    class_rows,
    legend_below,
    new_picture,
    require_matplotlib,
    rows_by_frequency,
    shade_groups,
    shown_name,
)

HOSTILE = ["$x_1$", "$", "_private", "<script>", "a\nb", "\\frac{", "%", "&amp;", "x" * 500, " ", "{}", "é→☃"]


def test_a_picture_is_a_figure_that_pyplot_does_not_know_and_a_notebook_shows():
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    figure = new_picture(3, 2, "a test")

    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(figure)).get_size_inches().tolist() == [3, 2]  # noqa: S301


def test_drawing_changes_no_setting_of_matplotlib():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.confusion([[3, 1], [0, 2]]).as_png()
    ClassDistribution([200, 5]).plot().as_png()

    assert dict(mpl.rcParams) == before


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ModuleNotFoundError) as error:
        require_matplotlib("plots.recall")

    assert str(error.value) == (
        "`plots.recall` must have matplotlib, which draws it, and it is not installed. "
        'Run: pip install "lightning-imbalance[plots]"'
    )


@pytest.mark.parametrize("usetex", [False, True])
def test_names_are_drawn_as_they_are(usetex):
    import matplotlib as mpl

    names = HOSTILE[:-1]  # the fonts of some machine may lack the signs of the last
    with mpl.rc_context({"text.usetex": False}):
        figure, axes = class_rows(names, "a test")
        (line,) = axes.plot([0, 1])
        legend_below(figure, [line] * len(names), names)
        labels = [*axes.get_yticklabels(), *figure.legends[0].get_texts()]
        if usetex:  # a user's setting for formulas leaves names alone
            assert not any(label.get_usetex() for label in labels)
        figure.as_png()

    assert [label.get_text() for label in axes.get_yticklabels()] == list(map(shown_name, names))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert not any(label.get_parse_math() for label in labels)


def test_names_have_no_signs_that_break_a_line_and_keep_both_ends():
    assert shown_name("a\nb\x1b") == "a\\nb\\x1b"
    assert shown_name("begin" + "x" * 100 + "end") == "begin" + "x" * 14 + "…" + "x" * 9 + "end"
    assert len(shown_name("y" * 33)) == 32
    assert shown_name("y" * 32) == "y" * 32
    assert shown_name("abcdefghijk", 6) == "abc…jk"


def test_rows_go_from_frequent_to_rare_and_equal_ones_keep_their_order():
    assert rows_by_frequency([3, 0, 7, 3]) == [2, 0, 3, 1]


@pytest.mark.parametrize("rows", [1, 2, NAMED_ROWS])
def test_each_of_few_classes_is_named(rows):
    figure, axes = class_rows([f"class {row}" for row in range(rows)], "a test")

    assert [label.get_text() for label in axes.get_yticklabels()] == [f"class {row}" for row in range(rows)]
    assert axes.get_ylim() == (rows - 0.5, -0.5)
    assert axes.get_ylabel() == ""
    assert figure.get_size_inches()[1] <= 11


@pytest.mark.parametrize("rows", [NAMED_ROWS + 1, 1000, 10_000])
def test_of_many_classes_the_first_the_last_and_some_between_are_named(rows):
    figure, axes = class_rows([str(row) for row in range(rows)], "a test")

    named = [int(label.get_text()) for label in axes.get_yticklabels()]
    assert named == axes.get_yticks().tolist()
    assert (named[0], named[-1], len(named)) == (0, rows - 1, 25)
    assert axes.get_ylabel() == f"{rows:,} classes, of which 25 are named"
    assert figure.get_size_inches()[1] == pytest.approx(9.2)


def test_groups_are_shaded_one_below_the_other_and_empty_ones_are_not():
    _, axes = class_rows(list("abcde"), "a test")

    areas = shade_groups(axes, {"many": 2, "medium": 0, "few": 3})

    spans = {group: (area.get_y(), area.get_height()) for group, area in areas.items()}
    assert spans == {"many": (-0.5, 2), "few": (1.5, 3)}
    assert areas["many"].get_alpha() > areas["few"].get_alpha()


def test_lines_differ_in_more_than_colour_and_none_is_invisible_on_paper():
    from matplotlib.colors import to_rgb

    assert len(set(COLOURS)) == len(set(MARKERS)) == len(set(DASHES)) == 8
    red, green, blue = zip(*map(to_rgb, COLOURS), strict=True)
    brightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in zip(red, green, blue, strict=True)]
    assert max(brightness) < 0.75
