"""A matplotlib figure as SVG inside an HTML page: text that can be searched, ink that follows the page."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightning_imbalance.drawing import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

_INK = "currentColor"
_MIDDLE = 0x80
_SOFT = 0.75
_NOT_SHOWN = {"metadata", "title", "desc", "style"}
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_GREY = re.compile(r"#([0-9a-f]{2})\1\1")
_REFERENCE = re.compile(r"#([\w-]+)")


def inline_svg(figure: Figure, prefix: str, described_by: str) -> str:
    """Return a figure as an ``<svg>`` element.

    Black and dark grey become the colour of the surrounding text and white paper becomes none, so that a picture can be
    read on a light page and on a dark one. Text stays text in the page's font. Nothing is left that a content security
    policy would have to allow: no style, no script, no address. The same figure gives the same characters.

    Args:
        figure: Any figure; it is left as it is.
        prefix: Begins the ids of this picture, which may not be those of another one on the page.
        described_by: The id of the element that says what is to be seen.

    Returns:
        The element, as wide as what it stands in.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> from lightning_imbalance import ClassDistribution, plots
        >>> svg = inline_svg(plots.counts(ClassDistribution([9, 1], ["a & b", "<c>"])), "counts", "said")
        >>> svg.startswith('<svg viewBox="0 0 504 '), "a &amp; b" in svg, "&lt;c&gt;" in svg, "<c>" in svg
        (True, True, True, False)
    """
    require_matplotlib("reports.svg")
    import matplotlib as mpl

    file = io.StringIO()
    # Fonts stay text: outlines of 1,000 names would be large, and nobody could search them.
    with _without_paper(figure), mpl.rc_context({"svg.fonttype": "none", "svg.image_inline": True}):
        figure.savefig(file, format="svg")
    root = ET.fromstring(file.getvalue())  # noqa: S314  # written by matplotlib, one line above
    _tidy(root)
    _rename_ids(root, prefix)
    shown = {"role": "img", "aria-labelledby": described_by, "fill": _INK, "stroke-linejoin": "round"}
    root.attrib = {"viewBox": root.attrib["viewBox"], **shown}
    return ET.tostring(root, encoding="unicode")


@contextmanager
def _without_paper(figure: Figure) -> Iterator[None]:
    """Hide the white behind a figure and its axes; another colour there means something."""
    from matplotlib.colors import to_hex

    patches: list[Artist] = [figure.patch]
    patches += [axes.patch for axes in figure.axes if to_hex(axes.get_facecolor()) == "#ffffff"]
    visible = [patch.get_visible() for patch in patches]
    try:
        for patch in patches:
            patch.set_visible(False)
        yield
    finally:
        for patch, was in zip(patches, visible, strict=True):
            patch.set_visible(was)


def _tidy(element: ET.Element) -> None:
    """Turn matplotlib's SVG file into what HTML reads: no name spaces, attributes in the place of styles."""
    for child in list(element):
        if _local(child.tag) in _NOT_SHOWN:
            element.remove(child)
        else:
            _tidy(child)
    element.tag = _local(element.tag)
    is_text = element.tag == "text"
    if not is_text:
        element.text = None
    element.tail = None
    attributes = {_local(name): _short(value) for name, value in element.attrib.items() if name != "style"}
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    element.attrib = attributes | _presentation(element.attrib.get("style", ""), is_text=is_text)


def _presentation(style: str, *, is_text: bool) -> dict[str, str]:
    """Return a style's properties as attributes, which no content security policy forbids."""
    pairs = (each.partition(":") for each in style.split(";") if ":" in each)
    found = {name.strip(): value.strip() for name, _, value in pairs}
    # matplotlib before 3.11 writes "font: 10px 'DejaVu Sans', ..."; the family is the page's.
    short = found.pop("font", "")
    found.pop("font-family", None)
    if short:
        found["font-size"] = re.findall(r"[\d.]+(?=px)", short)[0]
        if "bold" in short or "700" in short:
            found["font-weight"] = "bold"
    if "font-size" in found:
        found["font-size"] = _short(found["font-size"].removesuffix("px"))
    for property_ in ("fill", "stroke"):
        grey = _GREY.fullmatch(found.get(property_, ""))
        share = None if grey is None else _share_of_ink(int(grey[1], 16), is_text=is_text)
        if share is None:
            continue
        found[property_] = _INK
        opacity = float(found.get(f"{property_}-opacity", 1)) * share
        if opacity < 1:
            found[f"{property_}-opacity"] = f"{opacity:.3g}"
    return found


def _share_of_ink(level: int, *, is_text: bool) -> float | None:
    """Return how much ink, thinned out, is a grey from 0 to 255; ``None`` where it must stay what it is."""
    if not is_text:
        # A middle grey can be seen on light and on dark.
        return 1 - level / 255 if level < _MIDDLE else None
    if level == 0:
        return 1
    # Small grey text is hard to read. Nearly black or nearly white, it stands on a coloured ground.
    return _SOFT if _MIDDLE // 2 < level < _MIDDLE * 3 // 2 else None


def _rename_ids(root: ET.Element, prefix: str) -> None:
    used = {name for each in root.iter() for value in each.attrib.values() for name in _REFERENCE.findall(value)}
    ids = [each.attrib["id"] for each in root.iter() if each.attrib.get("id") in used]
    renamed = {old: f"{prefix}-{place}" for place, old in enumerate(ids)}
    for element in root.iter():
        if "id" in element.attrib and element.attrib["id"] not in renamed:
            del element.attrib["id"]
        elif "id" in element.attrib:
            element.attrib["id"] = renamed[element.attrib["id"]]
        for name in ("href", "clip-path"):
            if name in element.attrib:
                element.attrib[name] = _REFERENCE.sub(lambda found: f"#{renamed[found[1]]}", element.attrib[name])


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _short(value: str) -> str:
    return " ".join(_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value).split())
