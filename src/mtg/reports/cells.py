"""Tables without lines around them: one row a line, which `grep` and `awk` can work with, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

Justify = Literal["left", "right"]

GOOD, BAD, DIM = "green", "red", "dim"


def cell(text: object, style: str = "") -> Text:
    """Return text as it is: what it says is no markup, and can't move the cursor."""
    return Text(printable(str(text)), style)


def printable(text: str) -> str:
    """Return text with each character escaped that a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def table(columns: Sequence[tuple[str, Justify]], rows: Iterable[Sequence[Text]]) -> Table:
    """Return a table with a heading.

    Args:
        columns: The name of each column, and the side that its values are on.
        rows: Their cells.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in columns:
        made.add_column(name, justify=justify, no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def facts(rows: Iterable[tuple[str, Text]]) -> Table:
    """Return names and values, one pair a line."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style=DIM, no_wrap=True)
    made.add_column(no_wrap=True)
    for name, value in rows:
        made.add_row(cell(name), value)
    return made
