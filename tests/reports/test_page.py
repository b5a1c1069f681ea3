"""A page holds what it is given as text, asks for nothing, and can be found one's way in."""

from __future__ import annotations

import base64
import hashlib
import re
import sys

import pytest

from lightning_imbalance import ClassDistribution, plots
from lightning_imbalance.reports import Code, DataTable, Facts, Notice, Page, Picture, Section, Text
from lightning_imbalance.tables import Column, Table, printable


def page(names=("cat", "dog"), **settings):
    counts = [3 + index for index in range(len(names))]
    rows = tuple((name, f"{count:,}", name) for name, count in zip(names, counts, strict=True))
    columns = (Column("class", "left"), Column("count"), Column(names[0], "left"))
    table = Table(columns, rows, title=f"Table of {names[0]}", caption=f"below {names[-1]}")
    picture = Picture(plots.counts(ClassDistribution(counts, list(names))), f"Bars of {names[0]}.")
    said = " and ".join(names)
    sections = [
        Section(f"All of {names[0]}", [Text(said), Notice(said), Code(f"{said}\nsecond line"), DataTable(table)]),
        Section("Pictures", [picture, picture, Facts(((names[0], names[-1]),))]),
        Section("Plain", [DataTable(Table(columns, rows), sortable=False)]),
    ]
    return Page(said, said, sections, **{"facts": Facts(((said, said),)), "command": f"run {said}", **settings})


def texts(elements, *tags):
    return [element.text for element in elements if element.tag in tags]


def test_everything_that_a_page_is_given_stands_in_it(elements_of):
    elements = elements_of(page().html())

    assert texts(elements, "title", "h1") == ["cat and dog"] * 2
    assert texts(elements, "h2") == ["All of cat", "Pictures", "Plain", "Make it again"]
    assert texts(elements, "h3") == ["Table of cat"]
    assert texts(elements, "p") == [
        "cat and dog", "cat and dog", "cat and dog", "below dog", f"lightning-imbalance {sys.modules['lightning_imbalance'].__version__}",
    ]  # fmt: skip
    assert texts(elements, "code") == ["cat and dogsecond line", "run cat and dog"]
    assert texts(elements, "dt", "dd") == ["cat and dog", "cat and dog", "cat", "dog"]
    assert texts(elements, "figcaption") == ["Bars of cat."] * 2
    assert texts(elements, "span")[:6] == ["cat", "3", "cat", "dog", "4", "dog"]


def test_hostile_names_are_text_wherever_they_stand(elements_of, hostile):
    names = hostile(15)
    html = page(names).html()
    elements = elements_of(html)

    shown = [printable(name) for name in names]
    assert [text for text in texts(elements, "span") if not text.isdigit()][::2][: len(names)] == shown
    assert texts(elements, "h1") == [" and ".join(shown)]
    assert len(texts(elements, "script")) == len(texts(elements, "style")) == 1
    plain = elements_of(page().html())
    assert {element.tag for element in elements} == {element.tag for element in plain}
    used = {name for element in elements for name in element.attributes}
    assert [name for name in used if name.startswith("on") or name in {"style", "src"}] == []
    assert not any(code < 0x20 and code != 0x0A for code in map(ord, html))
    html.encode("utf-8")  # a lone surrogate would not


def test_the_policy_allows_its_own_style_and_script_and_nothing_from_outside(elements_of):
    elements = elements_of(page().html())

    (policy,) = (each.attributes["content"] for each in elements if "http-equiv" in each.attributes)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    (style,), (script,) = texts(elements, "style"), texts(elements, "script")
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digests[0]}'",
        "script-src": f"'sha256-{digests[1]}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "</" not in script
    assert "url(" not in style
    assert "@import" not in style


def test_nothing_is_asked_for_over_the_network(elements_of):
    elements = elements_of(page().html())

    addresses = [each.attributes[name] for each in elements for name in ("href", "src") if name in each.attributes]
    assert [address for address in addresses if not address.startswith(("#", "data:,"))] == []
    assert not re.search(r"https?://", page().html())


def test_each_id_is_there_once_and_each_reference_finds_one(elements_of):
    elements = elements_of(page().html())

    ids = [each.attributes["id"] for each in elements if "id" in each.attributes]
    wanted = {each.attributes[name] for each in elements for name in ("aria-labelledby",) if name in each.attributes}
    wanted |= {each.attributes["href"][1:] for each in elements if each.attributes.get("href", "")[:1] == "#"}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page().html()))
    assert len(ids) == len(set(ids))
    assert wanted - set(ids) == set()


def test_who_does_not_see_the_page_is_told_what_is_on_it(elements_of):
    elements = elements_of(page().html())

    assert [each.attributes["lang"] for each in elements if each.tag == "html"] == ["en"]
    pictures = [each.attributes for each in elements if each.tag == "svg"]
    assert [picture["role"] for picture in pictures] == ["img", "img"]
    said = {each.attributes.get("id"): each.text for each in elements}
    assert [said[picture["aria-labelledby"]] for picture in pictures] == ["Bars of cat."] * 2
    scrolled = [each.attributes for each in elements if each.attributes.get("class") == "scroll" and each.tag == "div"]
    assert len(scrolled) == 4
    assert all(box["tabindex"] == "0" and said[box["aria-labelledby"]] for box in scrolled)
    assert {each.attributes["scope"] for each in elements if each.tag == "th"} == {"col", "row"}


def test_a_page_without_the_optional_parts_has_no_empty_ones(elements_of):
    elements = elements_of(Page("title", "", [Section("one", [])]).html())

    assert texts(elements, "h2") == ["one"]
    assert not {"nav", "dl", "pre"} & {each.tag for each in elements}
    assert [each.attributes.get("class") for each in elements if each.tag == "p"] == [None]


@pytest.mark.parametrize(("rows", "searchable"), [(20, False), (21, True)])
def test_a_table_is_searched_where_there_are_many_rows(elements_of, rows, searchable):
    table = Table((Column("class", "left"),), tuple((str(row),) for row in range(rows)))
    elements = elements_of(Page("t", "", [Section("s", [DataTable(table)])]).html())

    assert DataTable(table).searchable is searchable
    assert any("data-searchable" in each.attributes for each in elements) is searchable
    assert any("data-sortable" in each.attributes for each in elements)
    assert not DataTable(table, sortable=False).searchable


def test_all_rows_of_a_long_table_are_there(elements_of):
    table = Table((Column("class", "left"),), tuple((str(row),) for row in range(1000)))
    elements = elements_of(Page("t", "", [Section("s", [DataTable(table)])]).html())

    assert texts(elements, "span") == [str(row) for row in range(1000)]


def test_the_same_page_is_written_with_the_same_characters(tmp_path):
    page().write(tmp_path / "a.html")
    page().write(tmp_path / "b.html")

    written = (tmp_path / "a.html").read_bytes()
    assert written == (tmp_path / "b.html").read_bytes()
    assert written.decode("utf-8") == page().html()
    assert b"\r" not in written


def test_without_jinja_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(ModuleNotFoundError) as error:
        page().html()

    assert str(error.value) == (
        "a report must have jinja2, which writes the page, and it is not installed. "
        'Run: pip install "lightning-imbalance[plots]"'
    )


def test_without_matplotlib_a_page_without_pictures_is_written(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    assert "<h1>t</h1>" in Page("t", "", [Section("s", [Text("a")])]).html()
