"""Which records a client gets, and when: a `Shape` for one connection of the pure relay. shaper.rs is the engine's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, count, islice

from ..wire.record_stream import encode_records_of
from ..wire.tls_records import FULL_RECORD_BYTES, PROTECTION_BYTES
from .job import Shape, TimedRecord
from .learnt import Cursor

_SIZES_OF_STEPS = (1369 + PROTECTION_BYTES, 4229 + PROTECTION_BYTES, FULL_RECORD_BYTES)
_RECORDS_A_STEP = 40
_RESET_AFTER_SECONDS = 1.0
_LEAST_BYTES_PER_SECOND = 20e6 / 8
_MAX_RECORDS = 64
_MAX_BYTES = 4 * FULL_RECORD_BYTES
"""The most that is read at once; waits and pauses after it are the longest."""
_SHORTEST_SLEEP_SECONDS = 0.001
"""What an event loop can wait for; shorter pauses add up."""


class Shaper:
    """One connection's records to its client.

    Args:
        shape: What they follow.
        now_mono: When the connection began.
    """

    __slots__ = ("_complete_by_mono", "_cursor", "_drs", "_go_on_at_mono", "_records", "_sent_at_mono", "_sizes")

    def __init__(self, shape: Shape, now_mono: float) -> None:
        self._drs = shape.drs
        self._cursor = Cursor(shape.pages) if shape.pages else None
        self._records = 0  # since the connection began, or since the last second without a byte sent
        self._sizes: list[int] = []
        self._sent_at_mono = self._go_on_at_mono = now_mono
        self._complete_by_mono = now_mono  # how long a learnt record may wait for the bytes that it lacks

    @property
    def waits(self) -> bool:
        """Whether records may wait for their bytes."""
        return self._cursor is not None

    @property
    def planned_bytes(self) -> int:
        """How many bytes the planned records have room for."""
        return sum(self._sizes)

    def plan(self, now_mono: float, unread_bytes: int) -> float:
        """Plan the next records: of learnt ones, those that pauses don't part and that `unread_bytes` fill.

        Returns:
            How long it is better to wait for a byte more, in seconds; 0 if the records are planned.
        """
        if self._records and now_mono - self._sent_at_mono >= _RESET_AFTER_SECONDS:
            self._records = 0
            if self._cursor is not None:
                self._cursor.begin_page()
        if self._cursor is None:
            self._sizes = _first(self._steps())
            return 0.0
        planned = _first(_unparted(self._cursor.ahead(_MAX_RECORDS)))
        self._sizes = [size for size, end in zip(planned, accumulate(planned), strict=True) if end <= unread_bytes]
        if not self._sizes and unread_bytes and now_mono + _SHORTEST_SLEEP_SECONDS <= self._complete_by_mono:
            return _SHORTEST_SLEEP_SECONDS
        self._sizes = self._sizes or planned[:1]
        return 0.0

    def encode(self, payload: bytes) -> bytes:
        """Wrap payload, no more than there is room for, into the records that were planned."""
        records = encode_records_of(self._sizes, payload)
        self._records += len(records)
        if self._cursor is not None:
            self._cursor.advance(len(records))
        return b"".join(records)

    def note_sent(self, now_mono: float) -> None:
        """Note that the client's kernel took some bytes."""
        self._sent_at_mono = now_mono

    def begin_pause(self, now_mono: float, payload_bytes: int) -> float:
        """Begin the pause after records with so many bytes; return how long it is, in seconds."""
        if self._cursor is None:
            return 0.0
        longest_seconds = payload_bytes / _LEAST_BYTES_PER_SECOND
        self._complete_by_mono = max(self._complete_by_mono, now_mono + longest_seconds)
        begin_mono = max(self._go_on_at_mono, now_mono - _SHORTEST_SLEEP_SECONDS)
        self._go_on_at_mono = begin_mono + min(self._cursor.ahead(1)[0].pause_seconds, longest_seconds)
        left_seconds = self._go_on_at_mono - now_mono
        return left_seconds if left_seconds >= _SHORTEST_SLEEP_SECONDS else 0.0

    def _steps(self) -> Iterator[int]:
        """Yield the sizes of dynamic record sizing, or of full records."""
        for record in count(self._records):
            step = record // _RECORDS_A_STEP if self._drs else 2
            yield _SIZES_OF_STEPS[min(step, 2)]


def _unparted(records: Iterable[TimedRecord]) -> Iterator[int]:
    """Yield the sizes up to the next pause."""
    for index, record in enumerate(records):
        if index and record.pause_seconds:
            return
        yield record.size_bytes


def _first(sizes: Iterable[int]) -> list[int]:
    """Return as many as are read at once, but one at least."""
    first, total_bytes = list[int](), 0
    for size in islice(sizes, _MAX_RECORDS):
        total_bytes += size
        if first and total_bytes > _MAX_BYTES:
            break
        first.append(size)
    return first
