"""The records that an anti-replay cache keeps on disk, in the order of their arrival."""

from __future__ import annotations

from typing import Protocol, TypeVar

KEY_BYTES = 16
FINGERPRINT_BYTES = 8


class Entries(Protocol):
    """Records in the order of their arrival, for storage on disk. The oldest are forgotten.

    They are numbered from 0. Another thread may call these while entries are added.
    """

    def load(self, records: bytes, seen_unix: int, /) -> None:
        """Add records that an earlier process wrote together, at this Unix time in seconds."""
        ...

    def since(self, sequence: int, most: int, /) -> tuple[int, bytes]:
        """Return records from number `sequence` on, without forgotten ones; before them the number of the first one.

        At most `most` records; none only if there are no more.
        """
        ...

    @property
    def added(self) -> int:
        """The number of records ever added."""
        ...

    @property
    def forgotten(self) -> int:
        """The number of these that are forgotten: always the oldest ones."""
        ...


class DatedEntries(Entries, Protocol):
    """Entries that know how old they are."""

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest was seen, or the first of those that are forgotten next; None if there is none."""
        ...


AnyEntries = TypeVar("AnyEntries", bound=Entries)
AnyDatedEntries = TypeVar("AnyDatedEntries", bound=DatedEntries)
