"""Writes docs/contract.md, the readable form of docs/contract.toml: `python docs/contract.py`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent
_INTRODUCTION = """# The contract, name by name

mtglib brings the API of the Go package `mtglib` (mtg 2.x) to Python. Every exported name of that package is here, with
its counterpart. A note says how the two differ, if they differ in more than spelling: options and events are
dataclasses, errors are exceptions, methods that may wait are coroutines, durations are seconds.

`python docs/contract.py` writes this page from [contract.toml](contract.toml); a test compares the two with the
library.
"""


class Row(NamedTuple):
    """A name of the contract, the dotted path of its counterpart, and how they differ, if they do."""

    section: str
    contract: str
    python: str
    note: str


def read_rows() -> list[Row]:
    """Read the table, in its order."""
    sections = tomllib.loads((_FOLDER / "contract.toml").read_text())
    return [
        Row(section, contract, entry, "")
        if isinstance(entry, str)
        else Row(section, contract, entry["python"], entry["note"])
        for section, entries in sections.items()
        for contract, entry in entries.items()
    ]


def render() -> str:
    """Make the page."""
    lines, section = [_INTRODUCTION], ""
    for row in read_rows():
        if row.section != section:
            section = row.section
            lines.append(f"\n## {section}\n\n| contract | Python | note |\n|---|---|---|\n")
        lines.append(f"| `{row.contract}` | `{row.python}` | {row.note} |\n")
    return "".join(lines)


if __name__ == "__main__":
    (_FOLDER / "contract.md").write_text(render())
