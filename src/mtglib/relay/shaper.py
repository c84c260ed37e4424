"""Which records a client gets, and when: a `Shape` for one connection of the pure relay. shaper.rs is the engine's."""

from __future__ import annotations

import random

from ..wire.record_stream import encode_records_of
from ..wire.tls_records import FULL_RECORD_BYTES, PROTECTION_BYTES
from .job import Shape

_SIZES_OF_STEPS = (1369 + PROTECTION_BYTES, 4229 + PROTECTION_BYTES, FULL_RECORD_BYTES)
_RECORDS_A_STEP = 40
_RESET_AFTER_SECONDS = 1.0
_LEAST_BYTES_PER_SECOND = 20e6 / 8
_MAX_RECORDS = 64
_MAX_BYTES = 4 * FULL_RECORD_BYTES
"""The most that is read at once."""
_SHORTEST_SLEEP_SECONDS = 0.001
"""What an event loop can wait for; shorter pauses add up."""


class Shaper:
    """One connection's records to its client.

    Args:
        shape: What they follow.
        now_mono: When the connection began.
    """

    __slots__ = ("_go_on_at_mono", "_records", "_sent_at_mono", "_shape", "_sizes")

    def __init__(self, shape: Shape, now_mono: float) -> None:
        self._shape = shape
        self._records = 0
        self._sizes: list[int] = []
        self._sent_at_mono = self._go_on_at_mono = now_mono

    def plan(self, now_mono: float) -> int:
        """Plan the next records; return how many bytes they have room for."""
        if now_mono - self._sent_at_mono >= _RESET_AFTER_SECONDS:
            self._records = 0
        self._sizes = [self._size(0)]
        if not self._shape.pauses_seconds:
            total_bytes = self._sizes[0]
            while len(self._sizes) < _MAX_RECORDS:
                total_bytes += (size := self._size(len(self._sizes)))
                if total_bytes > _MAX_BYTES:
                    break
                self._sizes.append(size)
        return sum(self._sizes)

    def encode(self, payload: bytes) -> bytes:
        """Wrap payload, no more than there is room for, into the records that were planned."""
        records = encode_records_of(self._sizes, payload)
        self._records += len(records)
        return b"".join(records)

    def note_sent(self, now_mono: float) -> None:
        """Note that the client's kernel took some bytes."""
        self._sent_at_mono = now_mono

    def pause_seconds(self, now_mono: float, sent_bytes: int) -> float:
        """Return how long to wait after a record of so many bytes."""
        if not self._shape.pauses_seconds:
            return 0.0
        pause = random.choice(self._shape.pauses_seconds)  # noqa: S311 - no secret
        begin_mono = max(self._go_on_at_mono, now_mono - _SHORTEST_SLEEP_SECONDS)
        self._go_on_at_mono = begin_mono + min(pause, sent_bytes / _LEAST_BYTES_PER_SECOND)
        left_seconds = self._go_on_at_mono - now_mono
        return left_seconds if left_seconds >= _SHORTEST_SLEEP_SECONDS else 0.0

    def _size(self, ahead: int) -> int:
        """Return a size for the record that comes after `ahead` others."""
        if self._shape.record_sizes_bytes:
            return random.choice(self._shape.record_sizes_bytes)  # noqa: S311 - no secret
        step = (self._records + ahead) // _RECORDS_A_STEP if self._shape.drs else 2
        return _SIZES_OF_STEPS[min(step, 2)]
