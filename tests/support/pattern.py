"""Bulk data that both ends make from a seed, so that a stream can be compared without storing it."""

from __future__ import annotations

import hashlib

from support.obfuscated2 import Keystream


class Pattern:
    """The pseudo-random byte stream of a seed: the same seed gives the same bytes, at gigabytes per second.

    It never repeats, so lost, doubled or swapped pieces are always noticed.
    """

    def __init__(self, seed: int) -> None:
        self._keystream = Keystream(hashlib.sha256(b"pattern %d" % seed).digest(), bytes(16))
        self.position_bytes = 0

    def take(self, count_bytes: int) -> bytes:
        """Return the next bytes of the stream."""
        self.position_bytes += count_bytes
        return self._keystream.apply(bytes(count_bytes))

    def check(self, data: bytes) -> None:
        """Compare with the next bytes of the stream; the AssertionError names the first difference."""
        start = self.position_bytes
        wanted = self.take(len(data))
        if data != wanted:
            at = next(i for i, (got, want) in enumerate(zip(data, wanted, strict=True)) if got != want)
            raise AssertionError(f"the stream differs at byte {start + at}: {data[at : at + 16].hex()}")
