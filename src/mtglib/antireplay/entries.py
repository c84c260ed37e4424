"""What is kept on disk: records in the order in which they came."""

from __future__ import annotations

from typing import Protocol, TypeVar

KEY_BYTES = 16
FINGERPRINT_BYTES = 8


class Entries(Protocol):
    """Records in the order in which they came, of which the oldest are forgotten: what is kept on disk.

    They are numbered from 0. Another thread may call these while entries are added.
    """

    def load(self, records: bytes, seen_unix: int, /) -> None:
        """Add records of an earlier life, which were written together, this many seconds after 1970."""
        ...

    def since(self, sequence: int, most: int, /) -> tuple[int, bytes]:
        """Return records from this number on, or from the first that isn't forgotten, and the number of the first.

        At most so many; none only if there are none.
        """
        ...

    @property
    def added(self) -> int:
        """How many there ever were."""
        ...

    @property
    def forgotten(self) -> int:
        """How many of those are forgotten: the first ones."""
        ...


class DatedEntries(Entries, Protocol):
    """Entries that know how old they are."""

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest was seen, or the first of those that are forgotten next; None if there is none."""
        ...


AnyEntries = TypeVar("AnyEntries", bound=Entries)
AnyDatedEntries = TypeVar("AnyDatedEntries", bound=DatedEntries)
