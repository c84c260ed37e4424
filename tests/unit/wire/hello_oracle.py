"""What a buffer that should become a ClientHello still can become, said from the rules alone.

A hello is a handshake message of type 1 and 4 to 16 384 bytes, in at most 10 records of type 0x16 and of version
03 00 to 03 04, each of 1 to 16 384 bytes, the last of which ends with the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_MOST = 16384


@dataclass(frozen=True)
class Complete:
    """A whole hello: joined into one record, and how many bytes it took."""

    record: bytes
    length: int


Fate = Complete | Literal["open", "impossible"]


def fate(data: bytes) -> Fate:
    """Say what can become of these bytes: nothing more is needed, more can help, or nothing can."""
    payload, position, version = b"", 0, data[1:3]
    for fragment in range(10):
        header = data[position : position + 5]
        least, most = _lengths(header)
        if least > most:
            return "impossible"
        body = data[position + 5 : position + 5 + most]
        shortest, longest = _messages(payload + body)
        # The record ends within the longest message possible; the last one must end with some message.
        if shortest > longest or len(payload) + least > longest or len(payload + body) > longest:
            return "impossible"
        if fragment == 9 and len(payload) + most < shortest:
            return "impossible"
        if len(header) < 5 or len(body) < most:
            return "open"
        payload, position = payload + body, position + 5 + most
        if shortest == longest == len(payload):
            return Complete(b"\x16" + version + len(payload).to_bytes(2) + payload, position)
    return "impossible"


def _lengths(header: bytes) -> tuple[int, int]:
    """Bounds of a record's length by what is known of its header; an empty range if it can't be right."""
    kind, major, minor = header[0:1], header[1:2], header[2:3]
    if kind not in (b"", b"\x16") or major not in (b"", b"\x03") or minor > b"\x04":
        return 1, 0
    known = header[3:5]
    least = int.from_bytes(known.ljust(2, b"\x00"))
    most = int.from_bytes(known.ljust(2, b"\xff"))
    return max(1, least), (most if len(known) == 2 and most <= _MOST else min(most, _MOST) if len(known) < 2 else 0)


def _messages(payload: bytes) -> tuple[int, int]:
    """Bounds of the message's length, with its header, by what is known of it."""
    if payload[:1] not in (b"", b"\x01"):
        return 1, 0
    known = payload[1:4]
    least, most = (4 + int.from_bytes(known.ljust(3, filler)) for filler in (b"\x00", b"\xff"))
    return max(least, len(payload) if len(known) < 3 else 0), min(most, _MOST)
