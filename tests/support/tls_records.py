"""TLS records of a client: cutting a stream into records, and parsing records."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"
"""The whole ChangeCipherSpec record."""

HANDSHAKE = 0x16
APPLICATION_DATA = 0x17
HEADER_BYTES = 5

MAX_PAYLOAD_BYTES = 16_384
"""The largest payload that a client usually puts into a record (RFC 8446, 5.1)."""
MAX_RECEIVED_BYTES = 16_401
"""The largest payload of a proxy's record: what a site's full record of TLS 1.3 has on the wire (RFC 8446, 5.2)."""


class RecordError(Exception):
    """The other side sent a record that a real client wouldn't accept."""


@dataclass(frozen=True)
class Record:
    """One record: its type and payload."""

    kind: int
    payload: bytes


def make_record(kind: int, payload: bytes, version: bytes = b"\x03\x03") -> bytes:
    """Return header and payload."""
    return bytes([kind]) + version + len(payload).to_bytes(2, "big") + payload


def looks_like_alert(data: bytes) -> bool:
    """Return whether this is one record, as long as an encrypted alert: level, description, real type, and tag."""
    return data[:HEADER_BYTES] == b"\x17\x03\x03\x00\x13" and len(data) == HEADER_BYTES + 2 + 1 + 16


def cut_records(data: bytes, sizes_bytes: Iterable[int] = (MAX_PAYLOAD_BYTES,)) -> bytes:
    """Frame data as 0x17 records of these sizes, in turn; 0 makes an empty record.

    At least one size must not be 0.
    """
    wire = bytearray()
    start = 0
    for size in itertools.cycle(tuple(sizes_bytes)):
        if start >= len(data):
            break
        wire += make_record(APPLICATION_DATA, data[start : start + size])
        start += size
    return bytes(wire)


class RecordReader:
    """Parses a stream of records, in pieces of any size."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def pending_bytes(self) -> int:
        """The number of bytes of an unfinished record: 0 if the stream may end here."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[Record]:
        """Add bytes, and return the records that are complete now."""
        self._pending += data
        records: list[Record] = []
        start = 0
        while len(self._pending) - start >= HEADER_BYTES:
            header = self._pending[start : start + HEADER_BYTES]
            if header[1:3] != b"\x03\x03":
                raise RecordError(f"record header {header.hex()}: the version is not 0303")
            end = start + HEADER_BYTES + int.from_bytes(header[3:5], "big")
            if len(self._pending) < end:
                break
            records.append(Record(header[0], bytes(memoryview(self._pending)[start + HEADER_BYTES : end])))
            start = end
        del self._pending[:start]
        return records
