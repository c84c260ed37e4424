"""How far a client's connection has followed records that a site has sent. learnt.rs is the engine's."""

from __future__ import annotations

import random

from .job import Records, Shape


class Cursor:
    """A place in the records of a shape that has responses; it begins with an opening, if there is one."""

    __slots__ = ("_at", "_records", "_responses")

    def __init__(self, shape: Shape) -> None:
        self._responses = shape.responses
        self._records = random.choice(shape.openings or shape.responses)  # noqa: S311 - no secret
        self._at = 0

    def ahead(self, most: int) -> Records:
        """Return what comes next in this sequence, at most so many records; there is always one."""
        return self._records[self._at : self._at + most]

    def advance(self, records: int) -> None:
        """Go on by so many records; after the last one, another response begins."""
        self._at += records
        if self._at >= len(self._records):
            self.begin_response()

    def begin_response(self) -> None:
        """Go to the beginning of a response, any one."""
        self._records = random.choice(self._responses)  # noqa: S311 - no secret
        self._at = 0
