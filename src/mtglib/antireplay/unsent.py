"""The keys of hellos that arrived while the server was down and still have to be sent."""

from __future__ import annotations

from .entries import Entries

RECORD_BYTES = 16

_FORGOTTEN_AT_ONCE = 8


class Unsent(Entries):
    """Records of 16 bytes in the order of their arrival; see `entries.Entries`.

    Args:
        max_records: If there are more, the oldest eighth is forgotten.
    """

    def __init__(self, max_records: int) -> None:
        self._max_records = max_records
        self._kept = (0, bytearray())  # one tuple, as another thread reads both

    def __len__(self) -> int:
        return len(self._kept[1]) // RECORD_BYTES

    @property
    def added(self) -> int:
        """The number of hellos ever added."""
        forgotten, records = self._kept
        return forgotten + len(records) // RECORD_BYTES

    @property
    def forgotten(self) -> int:
        """The number of hellos that were sent or forgotten."""
        return self._kept[0]

    def add(self, record: bytes) -> None:
        """Add one."""
        if len(self) >= self._max_records:
            self.forget(max(self._max_records // _FORGOTTEN_AT_ONCE, 1))
        self._kept[1].extend(record)

    def forget(self, count: int) -> None:
        """Forget the `count` oldest ones."""
        forgotten, records = self._kept
        count = max(0, min(count, len(self)))
        self._kept = (forgotten + count, records[count * RECORD_BYTES :])

    def load(self, records: bytes, seen_unix: int, /) -> None:
        """Add records of an earlier process."""
        for start in range(0, len(records), RECORD_BYTES):
            self.add(records[start : start + RECORD_BYTES])

    def since(self, sequence: int, most: int, /) -> tuple[int, bytes]:
        """Return records from this number on."""
        forgotten, records = self._kept
        sequence = max(sequence, forgotten)
        start = (sequence - forgotten) * RECORD_BYTES
        return sequence, bytes(records[start : start + most * RECORD_BYTES])
