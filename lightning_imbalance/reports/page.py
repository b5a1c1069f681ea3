"""A report as one HTML file: what is in it is a value here, how it looks stands in the files beside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_imbalance.__about__ import __version__
from lightning_imbalance.reports.svg import inline_svg
from lightning_imbalance.tables import Table, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEARCHED_FROM = 20


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Args:
        text: Any text.

    Example:
        >>> Text("Two classes have no sample.").kind
        'text'
    """

    text: str
    kind = "text"


@dataclass(frozen=True)
class Notice:
    """A warning, set apart from the text around it.

    Args:
        text: Any text.

    Example:
        >>> Notice("No training sample of 'cat'.").kind
        'notice'
    """

    text: str
    kind = "notice"


@dataclass(frozen=True)
class Code:
    """A command or a program to copy.

    Args:
        text: Any text, of one line or of several.

    Example:
        >>> Code("lightning-imbalance inspect photos/").kind
        'code'
    """

    text: str
    kind = "code"


@dataclass(frozen=True)
class Facts:
    """A few figures that a reader should see first, each with its name.

    Args:
        facts: Pairs of a name and what it is, in the order of importance.

    Example:
        >>> Facts((("classes", "10"), ("imbalance ratio", "20"))).kind
        'facts'
    """

    facts: tuple[tuple[str, str], ...]
    kind = "facts"


@dataclass(frozen=True)
class DataTable:
    """A table with all its rows; a browser sorts it by any column, and searches it where there are many rows.

    Args:
        table: Rows and columns. A column that is justified to the right is sorted by the numbers that its cells begin
            with: ``"1,234"``, ``"12.3%"``, ``"+0.05"``; ``"-"`` and empty cells come last.
        sortable: Whether the order of the rows may change.

    Example:
        >>> from lightning_imbalance.tables import Column
        >>> DataTable(Table((Column("class", "left"),), (("cat",),))).searchable
        False
    """

    table: Table
    sortable: bool = True
    kind = "table"

    @property
    def searchable(self) -> bool:
        """Whether there are so many rows that one looks for a row instead of at the table."""
        return self.sortable and len(self.table.rows) > _SEARCHED_FROM


@dataclass(frozen=True)
class Picture:
    """A figure, and what is to be seen in it.

    Args:
        figure: A figure of matplotlib.
        description: A sentence below the picture, which is also read to those who do not see it.

    Example:
        >>> from lightning_imbalance import ClassDistribution, plots
        >>> Picture(plots.counts(ClassDistribution([9, 1])), "Samples of each class.").kind
        'picture'
    """

    figure: Figure
    description: str
    kind = "picture"


Block = Text | Notice | Code | Facts | DataTable | Picture


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Args:
        title: The heading.
        blocks: What stands below it, from the top.

    Example:
        >>> Section("Classes", (Text("There are two."),)).title
        'Classes'
    """

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report.

    All text is text: a class called ``<script>`` is shown by that name. The file needs nothing beside it and asks for
    nothing over the network; its content security policy forbids both, and any script but its own.

    Args:
        title: The heading of the whole.
        lead: What the report found, in a few sentences.
        sections: Its parts.
        facts: The figures to see first.
        command: The command that makes the report again.

    Example:
        >>> page = Page("Classes of <photos>", "Two classes.", [Section("Warnings", [Notice("Few samples of '<b>'.")])])
        >>> html = page.html()
        >>> "<h1>Classes of &lt;photos&gt;</h1>" in html, "&lt;b&gt;" in html
        (True, True)
    """

    title: str
    lead: str
    sections: Sequence[Section]
    facts: Facts | None = None
    command: str | None = None

    def html(self) -> str:
        """Return the report as the content of an HTML file.

        Raises:
            ModuleNotFoundError: jinja2 or, where there is a picture, matplotlib is not installed.
        """
        environment = _environment()
        style, script = _beside("page.css"), _beside("page.js")
        policy = (
            f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        trusted: Any = environment.filters["trusted"]
        template = environment.from_string(_beside("page.html"))
        return str(
            template.render(page=self, policy=policy, style=trusted(style), script=trusted(script), version=__version__)
        )

    def write(self, path: str | Path) -> None:
        """Write the report into a file.

        Args:
            path: The file, which is replaced.

        Raises:
            ModuleNotFoundError: jinja2 or, where there is a picture, matplotlib is not installed.
            OSError: The file cannot be written.
        """
        # The policy has a hash of style and script, which other ends of lines would change.
        Path(path).write_text(self.html(), encoding="utf-8", newline="\n")


def _environment() -> Any:
    try:
        import jinja2
        from markupsafe import Markup
    except ModuleNotFoundError as error:
        msg = (
            "a report must have jinja2, which writes the page, and it is not installed. "
            'Run: pip install "lightning-imbalance[plots]"'
        )
        raise ModuleNotFoundError(msg, name=error.name) from error

    def shown(value: object) -> object:
        return value if isinstance(value, Markup) else printable(str(value))

    environment = jinja2.Environment(
        autoescape=True, finalize=shown, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["trusted"] = Markup
    environment.filters["svg"] = lambda figure, prefix, said: Markup(inline_svg(figure, prefix, said))  # noqa: S704
    return environment


def _beside(name: str) -> str:
    """Return the text of a file in this folder, with the ends of lines that the page will have."""
    return files("lightning_imbalance.reports").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
