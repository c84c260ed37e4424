"""The file in which the records of a site's pages are kept over restarts: a line of JSON for each time one was loaded.

Its first line says which pages. Lines have named fields: a newer version may add some, and an older one finds its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..ground.checks import is_number
from ..page_urls import Page
from ..relay.job import PageRecords, Shape, TimedRecord
from .site_store import FileKind

MOST_PAGES: Final = 64
"""How many times a page was loaded are kept."""

_MICROSECONDS: Final = 1e6
_DAMAGED: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def name_of(pages: Sequence[Page]) -> str:
    """Return a name for these pages that doesn't tell them: a target may hold a token."""
    targets = sorted(f"{page.host} {page.target}" for page in pages)
    return hashlib.sha256("\n".join(targets).encode()).hexdigest()


def write_pages(name: str, pages: Iterable[PageRecords]) -> bytes:
    """Make the file's bytes, with what was loaded in the given order."""
    lines = [{"pages": name}, *(_to_line(page) for page in pages)]
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def read_pages(name: str, data: bytes) -> tuple[list[PageRecords], int]:
    """Read a file's bytes; return what can be read, and the number of lines that can't.

    Raises:
        ValueError: Its first line says that it isn't such a file, or that of other pages.
    """
    first, *lines = data.splitlines() or [b""]
    try:
        is_of_pages = json.loads(first)["pages"] == name
    except _DAMAGED:
        is_of_pages = False
    if not is_of_pages:
        raise ValueError("a file of something else")
    pages = []
    for line in lines[-MOST_PAGES:]:
        try:
            pages.append(_from_line(json.loads(line)))
        except _DAMAGED:
            continue
    return pages, len(lines) - len(pages)


PAGES: Final = FileKind("pages", "doppelganger", read_pages, write_pages)
"""How `SiteStore` keeps them."""


def _to_line(page: PageRecords) -> dict[str, Any]:
    """Most records have no pause, so these are few."""
    pauses = {
        number: round(record.pause_seconds * _MICROSECONDS)
        for number, record in enumerate(page.records)
        if record.pause_seconds
    }
    return {"opening": page.opening, "sizes": [record.size_bytes for record in page.records], "pauses_us": pauses}


def _from_line(line: Mapping[str, Any]) -> PageRecords:
    sizes, pauses_us, opening = line["sizes"], line["pauses_us"], line["opening"]
    numbers = [*sizes, opening, *pauses_us.values()]
    if not all(isinstance(number, int) and is_number(number, 0) for number in numbers):
        raise ValueError("no numbers")
    known: dict[TimedRecord, TimedRecord] = {}  # most are alike, and are kept for hours
    records = []
    for number, size in enumerate(sizes):
        record = TimedRecord(size, pauses_us.get(str(number), 0) / _MICROSECONDS)
        records.append(known.setdefault(record, record))
    page = PageRecords(tuple(records), opening)
    Shape(pages=(page,))  # which refuses what no site sends
    return page
