"""A picture inside a page: its text is text, its ink the page's, and it needs no style."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
import torch

from lightning_imbalance import ClassDistribution, plots
from lightning_imbalance.drawing import new_picture
from lightning_imbalance.reports.svg import inline_svg


def drawn(figure, prefix="p"):
    return ET.fromstring(inline_svg(figure, prefix, "said"))  # noqa: S314  # what we wrote ourselves


def line(**style):
    figure = new_picture(3, 2, "a test")
    figure.subplots().plot([0, 1], gid="line", **style)
    svg = drawn(figure)
    return [each.attrib for each in svg.iter("path") if each.attrib.get("stroke-width") == "7"]


def text(colour):
    figure = new_picture(3, 2, "a test")
    figure.subplots().text(0.5, 0.5, "here", color=colour)
    return next(each.attrib for each in drawn(figure).iter("text") if each.text == "here")


def test_every_text_of_a_figure_is_text_in_the_picture(hostile):
    names = [name for name in hostile(14) if len(name) < 30]
    figure = plots.counts(ClassDistribution(list(range(1, len(names) + 1)), names))

    found = {each.text for each in drawn(figure).iter("text")}
    for label in figure.axes[0].get_yticklabels():
        assert label.get_text() in found


@pytest.mark.parametrize("classes", [2, 1000])
@pytest.mark.parametrize("name", ["counts", "priors", "overview"])
def test_nothing_is_left_that_a_policy_would_have_to_allow(name, classes):
    svg = inline_svg(getattr(plots, name)(ClassDistribution([2 + index for index in range(classes)])), "p", "said")

    assert not re.search(r"<(style|script|metadata|title)\b|style=|xmlns|xlink|<\w+:|\son\w+=", svg)
    assert re.findall(r'(?:href|src)="(?!#)', svg) == []
    assert "#000000" not in svg
    assert [path for path in re.findall(r' d="([^"]+)"', svg) if re.search(r"\d\.\d{3}|\n", path)] == []


def test_black_and_dark_grey_are_the_page_s_ink_and_colours_stay():
    (black,), (dark,), (middle,), (blue,) = (line(color=c, lw=7) for c in ("black", "0.25", "0.5", "#0072B2"))

    assert (black["stroke"], "stroke-opacity" in black) == ("currentColor", False)
    assert dark["stroke"] == "currentColor"
    # 0.25 on white is three quarters of black.
    assert float(dark["stroke-opacity"]) == pytest.approx(0.75, abs=0.01)
    assert middle["stroke"] == "#808080"
    assert blue["stroke"] == "#0072b2"


def test_a_transparent_grey_stays_as_transparent():
    (both,) = line(color="0.25", alpha=0.4, lw=7)

    assert float(both["stroke-opacity"]) == pytest.approx(0.3, abs=0.01)


def test_text_keeps_a_colour_that_it_has_for_the_sake_of_its_ground():
    assert "fill" not in text("black")  # the whole picture's is the ink
    assert text("white")["fill"] == "#ffffff"
    assert text("0.1")["fill"] == "#1a1a1a"
    assert text("0.5")["fill"] == "currentColor"


def test_paper_is_left_out_and_another_ground_is_kept():
    def filled(figure):
        return [each.attrib["fill"] for each in drawn(figure).iter("path") if each.attrib.get("fill", "none") != "none"]

    figure = new_picture(3, 2, "a test")
    axes = figure.subplots()
    axes.axis("off")
    assert filled(figure) == []
    axes.axis("on")
    axes.set_facecolor("0.85")
    assert "#d9d9d9" in filled(figure)


def test_the_figure_is_left_as_it_is():
    figure = plots.counts(ClassDistribution([9, 1]))
    before = figure.as_png()
    inline_svg(figure, "p", "said")

    assert figure.patch.get_visible()
    assert figure.axes[0].patch.get_visible()
    assert figure.as_png() == before


def test_the_same_figure_gives_the_same_characters_and_ids_of_its_own():
    def make(prefix):
        return inline_svg(plots.priors(ClassDistribution([90, 10])), prefix, "said")

    def ids(svg):
        return set(re.findall(r'\bid="([^"]+)"', svg))

    assert make("a") == make("a")
    assert ids(make("a"))
    assert all(name.startswith("a-") for name in ids(make("a")))
    assert not ids(make("a")) & ids(make("b"))


def test_a_picture_with_an_image_has_it_inside():
    svg = drawn(plots.confusion(torch.tensor([[8, 2], [0, 0]]), ["cat", "dog"]))

    images = [each.attrib["href"] for each in svg.iter("image")]
    assert images
    assert all(image.startswith("data:image/png;base64,") for image in images)


@pytest.mark.parametrize(
    "style", ["font: bold 12px 'DejaVu Sans', serif; text-anchor: end", "font-size: 12px; font-weight: bold; text-anchor: end"]
)  # fmt: skip
def test_text_is_in_the_page_s_font_at_its_size_whatever_matplotlib_wrote(style):
    from lightning_imbalance.reports.svg import _presentation

    expected = {"font-size": "12", "font-weight": "bold", "text-anchor": "end"}
    assert _presentation(style, is_text=True) == expected
