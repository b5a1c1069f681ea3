"""Tables that are wider than the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lightning_imbalance.cli.narrow import pieces
from lightning_imbalance.tables import Column, Table

TABLE = Table(
    (Column("remedy", "left"), *(Column(name) for name in ("accuracy", "recall", "precision", "loss"))),
    (("none", "0.1", "0.2", "0.3", "0.4"), ("[bold] softmax", "0.5", "0.6", "0.7", "0.8")),
    title="Figures",
    caption="of a test",
)


@pytest.mark.parametrize("width", [10, 30, 40, 50, 60, 200])
def test_every_cell_is_printed_once_whole_and_beside_its_remedy(width):
    console = Console(file=io.StringIO(), width=width, color_system=None)

    found = pieces(TABLE, console)

    assert [piece.columns[0].header for piece in found] == ["remedy"] * len(found)
    assert [column for piece in found for column in piece.columns[1:]] == list(TABLE.columns[1:])
    for row in range(2):
        assert {piece.rows[row][0] for piece in found} == {TABLE.rows[row][0]}
        assert [cell for piece in found for cell in piece.rows[row][1:]] == list(TABLE.rows[row][1:])
    assert (found[0].title, found[-1].caption) == ("Figures", "of a test")
    if width >= 30:
        for piece in found:
            console.print(piece)
        printed = console.file.getvalue()
        assert max(map(len, printed.splitlines())) <= width
        assert printed.count("[bold] softmax") == len(found)


def test_a_table_that_fits_stays_in_one_piece():
    assert pieces(TABLE, Console(width=200)) == [TABLE]
