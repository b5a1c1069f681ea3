"""Rows and columns that print themselves: as text, through rich, as HTML in a notebook.

Class names come from folder names and files, so every cell is text, never markup.
"""

from __future__ import annotations

import html
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_MAX_ROWS = 60
_ELLIPSIS = "…"
_COMMON_WIDTH = 80

# Characters that a terminal obeys, that start a new line, turn the text round or cannot be encoded.
_OBEYED = (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
# They are shown as Python writes them.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in _OBEYED}


@dataclass(frozen=True)
class Column:
    """One column of a :class:`Table`.

    Args:
        header: Text above the column.
        justify: ``"left"`` for names, ``"right"`` for numbers.

    Example:
        >>> Column("count")
        Column(header='count', justify='right')
    """

    header: str
    justify: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """A table as a value, with one renderer for each place where people read tables.

    ``str(table)`` gives text, ``rich`` prints it with styles, a notebook shows HTML. Beyond 60 rows the middle is
    left out, and a row says how many are missing.

    Args:
        columns: The columns from left to right.
        rows: One tuple of cells for each row, as long as ``columns``.
        title: Text above the table.
        caption: Text below it.

    Example:
        >>> print(Table((Column("class", "left"), Column("count")), (("cat", "5"), ("dog", "12")), title="Pets"))
        Pets
         class   count
        ───────────────
         cat         5
         dog        12
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    caption: str = ""

    def __rich__(self) -> RichTable:
        """Return the table as a :class:`rich.table.Table`."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        # Text instead of str: rich reads "[bold]" in a str as markup, and a class may be called that.
        table = RichTable(
            title=Text(printable(self.title)) if self.title else None,
            caption=Text(printable(self.caption)) if self.caption else None,
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            # rich breaks a title at the width of the columns.
            min_width=min(max(len(self.title), len(self.caption)), _COMMON_WIDTH),
        )
        for column in self.columns:
            table.add_column(Text(printable(column.header)), justify=column.justify, overflow="fold")
        for row in self._visible_rows():
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table

    def __str__(self) -> str:
        """Return the table as plain text, as wide as its longest row."""
        from rich.console import Console

        # A notebook's console would show an empty output beside the text, and any width of its own would fold cells.
        console = Console(file=io.StringIO(), color_system=None, force_jupyter=False, force_terminal=False, width=10**9)
        # rich breaks title and caption at the width of the columns.
        columns = replace(self, title="", caption="")
        with console.capture() as capture:
            console.print(columns, width=max(console.measure(columns).maximum, 1))
        lines = [line.rstrip() for line in (printable(self.title), *capture.get().split("\n"), printable(self.caption))]
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        """Return the table as HTML, every cell escaped; notebooks call this."""
        style = [f' style="text-align: {column.justify}"' for column in self.columns]
        head = "".join(f"<th{s}>{html.escape(c.header)}</th>" for s, c in zip(style, self.columns, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{s}>{html.escape(cell)}</td>" for s, cell in zip(style, row, strict=True)) + "</tr>"
            for row in self._visible_rows()
        )
        title = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        caption = f"<p>{html.escape(self.caption)}</p>" if self.caption else ""
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{caption}"

    def _visible_rows(self) -> list[tuple[str, ...]]:
        if len(self.rows) <= _MAX_ROWS:
            return list(self.rows)
        half = _MAX_ROWS // 2
        missing = f"{_ELLIPSIS} {len(self.rows) - 2 * half} more"
        gap = (missing, *[_ELLIPSIS] * (len(self.columns) - 1))
        return [*self.rows[:half], gap, *self.rows[-half:]]


def printable(text: str) -> str:
    r"""Return a text without what a terminal, a browser or a picture would obey: such signs as Python writes them.

    Example:
        >>> print(printable("cat" + chr(10)))
        cat\n
    """
    return text.translate(_CONTROLS)
