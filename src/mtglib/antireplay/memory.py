"""The memory of an exact cache: the engine's or, if that isn't built, the one in pure Python."""

from __future__ import annotations

from typing import Protocol

from .entries import Entries


class Memory(Entries, Protocol):
    """Remembers 64-bit fingerprints of the latest of what it was asked about, in eight generations or some more.

    A fingerprint is the first 8 bytes, as a little-endian number, of SHA-256 over the key and the data: whoever doesn't
    have the key can't make two with one. It never has more than `max_entries`; once it has seen so many, it never has
    fewer than 7/8 of that.
    """

    def __init__(self, key: bytes, max_entries: int) -> None: ...

    def seen(self, data: bytes, now_unix: int, /) -> bool:
        """Return whether `data` is remembered, and remember it if not."""
        ...

    @property
    def oldest_unix(self) -> int | None:
        """When the first one was seen of the generation that is forgotten next; None if it is empty."""
        ...


def _implementation() -> type[Memory]:
    try:
        from .._engine import ReplayMemory
    except ImportError:
        from . import pure

        return pure.ReplayMemory
    return ReplayMemory


ReplayMemory = _implementation()
