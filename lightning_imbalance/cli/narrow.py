"""A table that is wider than the terminal, in pieces."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from lightning_imbalance.tables import Table


def pieces(table: Table, console: Console) -> list[Table]:
    """Cut a table between its columns until each piece fits; each begins with the first column.

    Args:
        table: The table.
        console: Where it will be printed.

    Returns:
        The pieces: the first has the title, the last the caption. One column beside the first is never cut.

    Example:
        >>> from lightning_imbalance.tables import Column
        >>> table = Table((Column("remedy"), Column("recall"), Column("precision")), (("none", "0.5", "0.7"),))
        >>> [[column.header for column in piece.columns] for piece in pieces(table, Console(width=20))]
        [['remedy', 'recall'], ['remedy', 'precision']]
    """
    cut: list[list[int]] = [[0]]
    for place in range(1, len(table.columns)):
        if len(cut[-1]) > 1 and not _fits(_only(table, [*cut[-1], place]), console):
            cut.append([0])
        cut[-1].append(place)
    found = [_only(table, places) for places in cut]
    found[0] = replace(found[0], title=table.title)
    found[-1] = replace(found[-1], caption=table.caption)
    return found


def _only(table: Table, places: list[int]) -> Table:
    columns = tuple(table.columns[place] for place in places)
    return Table(columns, tuple(tuple(row[place] for place in places) for row in table.rows))


def _fits(table: Table, console: Console) -> bool:
    # Measured for a console that is wide enough, since rich measures no more than there is.
    return console.measure(table, options=console.options.update(max_width=10**6)).maximum <= console.width
