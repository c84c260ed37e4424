"""The memory of an exact cache: the engine's or, if that isn't built, the one in pure Python."""

from __future__ import annotations

from typing import Protocol

from .entries import DatedEntries


class Memory(DatedEntries, Protocol):
    """Remembers the latest 64-bit fingerprints, in eight or a few more generations.

    A fingerprint is the first 8 bytes, as a little-endian number, of SHA-256 over the key and the data: without the
    key, nobody can make two inputs with the same fingerprint. It never holds more than `max_entries`; once it has seen
    that many, it never holds fewer than 7/8 of that.
    """

    def __init__(self, key: bytes, max_entries: int) -> None: ...

    def seen(self, data: bytes, now_unix: int, /) -> bool:
        """Return whether `data` is remembered, and remember it if not."""
        ...

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest entry of the generation to be forgotten next was seen; None if it is empty."""
        ...


def _implementation() -> type[Memory]:
    try:
        from .._engine import ReplayMemory
    except ImportError:
        from . import pure

        return pure.PureReplayMemory
    return ReplayMemory


ReplayMemory = _implementation()
