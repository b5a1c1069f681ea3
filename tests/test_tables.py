from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from lightning_imbalance.tables import Column, Table

NAME_AND_COUNT = (Column("class", "left"), Column("count"))
MARKUP = ["[bold]x", "[/]", "[red]y[/red]", "[link=http://a.b]z", ":smile:", "\\[b]", "<script>x</script>", "&amp;"]


def table_of(*names: str, title: str = "", caption: str = "") -> Table:
    return Table(NAME_AND_COUNT, tuple((name, str(i)) for i, name in enumerate(names)), title, caption)


def printed(table: Table, width: int = 80) -> str:
    """What a terminal shows, with colors, as rich draws them."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor", record=True)
    console.print(table)
    return console.export_text()


def test_text_has_title_header_rule_rows_and_caption():
    table = Table(NAME_AND_COUNT, (("cat", "5"), ("dog", "12")), title="Pets", caption="of two people")

    assert str(table).split("\n") == [
        "Pets",
        "  class   count",
        " ───────────────",
        "  cat         5",
        "  dog        12",
        "of two people",
    ]


def test_title_and_caption_longer_than_the_columns_stay_on_one_line():
    lines = str(table_of("a", title="猫" * 40, caption="a caption of more words than columns")).split("\n")

    assert lines[0] == "猫" * 40
    assert lines[-1] == "a caption of more words than columns"


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_name_is_shown_as_text(name):
    table = table_of(name, title=name, caption=name)

    lines = str(table).split("\n")
    assert (lines[0], lines[-1]) == (name, name)
    assert lines[-2].split() == [name, "0"]
    assert printed(table).count(name) == 3


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_header_is_shown_as_text(name):
    table = Table((Column(name),), (("0",),))

    assert str(table).split("\n")[0].strip() == name
    assert name in printed(table)


def test_html_escapes_names_title_caption_and_headers():
    evil = "<script>x</script>&\"'"
    html = Table((Column(evil, "left"),), ((evil,),), evil, evil)._repr_html_()

    assert "<script>" not in html
    assert html.count("&lt;script&gt;x&lt;/script&gt;&amp;&quot;&#x27;") == 4


def test_html_is_one_table_with_a_cell_for_each_entry():
    assert table_of("cat", title="Pets")._repr_html_() == (
        "<table><caption>Pets</caption>"
        '<thead><tr><th style="text-align: left">class</th><th style="text-align: right">count</th></tr></thead>'
        '<tbody><tr><td style="text-align: left">cat</td><td style="text-align: right">0</td></tr></tbody></table>'
    )


def test_a_name_cannot_start_a_new_row_or_steer_the_terminal():
    lines = str(table_of("two\nlines", "\n", "\x1b[31mred", "tab\tbed", "\r", "\x85\u2028end")).split("\n")

    assert [line.split() for line in lines[2:]] == [
        ["two\\nlines", "0"],
        ["\\n", "1"],
        ["\\x1b[31mred", "2"],
        ["tab\\tbed", "3"],
        ["\\r", "4"],
        ["\\x85\\u2028end", "5"],
    ]


def test_a_title_cannot_steer_the_terminal():
    assert str(table_of("a", title="\x1b[2Jgone")).split("\n")[0] == "\\x1b[2Jgone"


def test_an_empty_name_keeps_its_row():
    assert str(table_of("", "a")).split("\n")[2].split() == ["0"]


@pytest.mark.parametrize("name", ["猫", "🐈", "naïve", "e\u0301tude", "ﾊﾝｶｸ", "\u202eabc"])
def test_columns_are_aligned_below_names_of_any_width(name):
    lines = str(table_of(name, "a much longer name")).split("\n")

    assert cell_len(lines[2]) == cell_len(lines[3])


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_every_row_of_text_ends_at_the_same_column(names):
    lines = str(table_of(*names)).split("\n")

    assert len(lines) == 2 + len(names)
    assert len({cell_len(line) for line in lines[2:]}) == 1


@pytest.mark.parametrize("rows", [0, 1, 59, 60])
def test_up_to_sixty_rows_are_all_shown(rows):
    assert len(str(table_of(*map(str, range(rows)))).split("\n")) == 2 + rows


@pytest.mark.parametrize(("rows", "missing"), [(61, "1"), (1000, "940")])
def test_beyond_sixty_rows_the_middle_is_left_out_and_counted(rows, missing):
    table = table_of(*(f"class {i}" for i in range(rows)))
    lines = str(table).split("\n")[2:]

    assert len(lines) == 61
    assert lines[30].split() == ["…", missing, "more", "…"]
    assert lines[29].split() == ["class", "29", "29"]
    assert lines[31].split() == ["class", str(rows - 30), str(rows - 30)]
    assert table._repr_html_().count("<tr>") == 62
    assert [line for line in printed(table).split("\n") if "more" in line] == [f" {lines[30]}  "[1:]]


def test_a_very_long_name_is_not_folded_in_text():
    name = "x" * 20_000

    assert str(table_of(name)).split("\n")[2].split() == [name, "0"]


def test_a_name_wider_than_the_terminal_is_folded_not_cut():
    shown = printed(table_of("x" * 300), width=40)

    assert shown.count("x") == 300


def test_text_does_not_depend_on_the_terminal(monkeypatch):
    expected = str(table_of("[bold]x"))
    for name, value in (("COLUMNS", "5"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("JUPYTER_COLUMNS", "5")):
        monkeypatch.setenv(name, value)

    assert str(table_of("[bold]x")) == expected


def test_text_in_a_notebook_shows_nothing_beside_it(monkeypatch):
    shown = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *output: shown.append(output))

    assert str(table_of("cat")).split("\n")[2].split() == ["cat", "0"]
    assert shown == []


def test_a_table_is_a_value():
    assert table_of("a") == table_of("a")
    assert hash(table_of("a")) == hash(table_of("a"))
    assert table_of("a") != table_of("b")
