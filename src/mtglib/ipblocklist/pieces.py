"""A long text, split into pieces of whole lines.

The allocator doesn't return one block of 20 MB: lists that are refreshed would take several times their size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


class Pieces:
    """Splits a text that arrives bit by bit.

    Args:
        least_bytes: The length that all pieces but the last have at least.

    Attributes:
        size_bytes: The size of the text so far.
    """

    def __init__(self, least_bytes: int = 256 * 1024) -> None:
        self._least_bytes = least_bytes
        self.size_bytes = 0
        self._whole: list[bytes] = []
        self._rest = bytearray()

    def add(self, text: bytes) -> None:
        """Add the next bytes."""
        self.size_bytes += len(text)
        self._rest += text
        if len(self._rest) >= self._least_bytes and b"\n" in text:
            end = self._rest.rindex(b"\n") + 1
            self._whole.append(bytes(self._rest[:end]))
            del self._rest[:end]

    def done(self) -> list[bytes]:
        """Return all that came: at least one piece, each but the last with a line's end at its own."""
        return [*self._whole, bytes(self._rest)]


def sha256(pieces: Iterable[bytes]) -> bytes:
    """Return the digest of all pieces together."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
