"""How far a client's connection has followed the pages that a site has sent. learnt.rs is the engine's."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .job import PageRecords, TimedRecord


class Cursor:
    """A place in one of some pages: at first, at the opening of any."""

    __slots__ = ("_at", "_page", "_pages")

    def __init__(self, pages: Sequence[PageRecords]) -> None:
        self._pages = pages
        self._page = random.choice(pages)  # noqa: S311 - no secret
        self._at = 0

    def ahead(self, most: int) -> tuple[TimedRecord, ...]:
        """Return what comes next in this page, at most so many records; there is always one."""
        return self._page.records[self._at : self._at + most]

    def advance(self, records: int) -> None:
        """Go on by so many records; after the last one, another page begins."""
        self._at += records
        if self._at >= len(self._page.records):
            self.begin_page()

    def begin_page(self) -> None:
        """Go to the beginning of any page, behind its opening."""
        self._page = random.choice(self._pages)  # noqa: S311 - no secret
        self._at = self._page.opening
