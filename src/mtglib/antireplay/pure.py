"""An exact cache's memory in pure Python, used if the engine isn't built: about 100 bytes for each hello.

Tests check that it remembers the same fingerprints as `rust/src/replay.rs`; change both together.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from hashlib import sha256

from .entries import FINGERPRINT_BYTES

_GENERATIONS = 8


class FingerprintBlock:
    """An eighth of all entries, forgotten together."""

    __slots__ = ("entries", "first_unix", "known", "start")

    def __init__(self, start: int, first_unix: int) -> None:
        self.start = start
        self.first_unix = first_unix
        self.entries = array("Q")
        self.known: set[int] = set()


class FingerprintLog:
    """The latest fingerprints, in the order of their arrival: see `entries.Entries`.

    Args:
        max_entries: The most; once there were so many, there are never fewer than 7/8 of that.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._generation_entries = max(max_entries // _GENERATIONS, 1)
        self._generations: deque[FingerprintBlock] = deque()
        self.added = 0

    @property
    def forgotten(self) -> int:
        """The number of forgotten entries."""
        return self._generations[0].start if self._generations else self.added

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest one was seen."""
        return self._generations[0].first_unix if self._generations else None

    def since(self, sequence: int, most: int) -> tuple[int, bytes]:
        """Return fingerprints, 8 bytes each, little-endian."""
        for generation in tuple(self._generations):
            sequence = max(sequence, generation.start)
            skipped = sequence - generation.start
            if found := generation.entries[skipped : skipped + most]:
                return sequence, _little_endian(found).tobytes()
        return sequence, b""

    def load(self, records: bytes, seen_unix: int) -> None:
        """Add fingerprints of an earlier process."""
        fingerprints = array("Q")
        fingerprints.frombytes(records)
        _little_endian(fingerprints)
        while fingerprints:
            latest = self._with_room(seen_unix)
            fitting = fingerprints[: self._generation_entries - len(latest.entries)]
            fitting = fitting[: max(self._max_entries - (self.added - self.forgotten), 1)]
            self._extend(latest, fitting)
            fingerprints = fingerprints[len(fitting) :]

    def add(self, fingerprint: int, now_unix: int) -> None:
        """Add one."""
        self._with_room(now_unix).entries.append(fingerprint)
        self.added += 1

    def _extend(self, generation: FingerprintBlock, fingerprints: array[int]) -> None:
        generation.entries.extend(fingerprints)
        self.added += len(fingerprints)

    def _with_room(self, now_unix: int) -> FingerprintBlock:
        """Return the latest generation, after making room for one more in it."""
        # In this order, so that another thread that reads them meanwhile always finds a generation.
        if not self._generations or len(self._generations[-1].entries) >= self._generation_entries:
            self._generations.append(FingerprintBlock(self.added, now_unix))
        if self.added - self.forgotten >= self._max_entries:
            self._generations.popleft()
        return self._generations[-1]


class PureReplayMemory(FingerprintLog):
    """See `memory.Memory`.

    Args:
        key: 16 bytes.
        max_entries: At least 1.
    """

    def __init__(self, key: bytes, max_entries: int) -> None:
        super().__init__(max_entries)
        self._key = key

    def seen(self, data: bytes, now_unix: int) -> bool:
        """Return whether `data` is remembered, and remember it if not."""
        fingerprint = keyed_fingerprint(self._key, data)
        for generation in self._generations:
            if fingerprint in generation.known:
                return True
        latest = self._with_room(now_unix)
        latest.known.add(fingerprint)
        latest.entries.append(fingerprint)
        self.added += 1
        return False

    def _extend(self, generation: FingerprintBlock, fingerprints: array[int]) -> None:
        generation.known.update(fingerprints)
        super()._extend(generation, fingerprints)


def keyed_fingerprint(key: bytes, data: bytes) -> int:
    """Return a 64-bit number that can't be predicted without the key."""
    return int.from_bytes(sha256(key + data).digest()[:FINGERPRINT_BYTES], "little")


def _little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
