"""Files of records that may be cut off anywhere by a crash.

A file is a header and blocks; numbers are little-endian.

| header, 40 bytes | |
|---|---|
| 8 | `MTGSEEN` and the version of this format, 1 |
| 4 | how long a record is, in bytes |
| 8 | the file's number: the next file's is higher |
| 16 | the key that the records were made with, the same in all files of a directory |
| 4 | CRC-32 of all that |

| block | |
|---|---|
| 4 | how many records it has, 1 to 65536 |
| 8 | when it was written, in Unix seconds, signed |
| 4 | CRC-32 of these two and of the records |
| | the records |

Each block is one write, of all records since the block before. Bytes after the last complete block are an unfinished
write.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_RECORDS = 65_536
"""The most records in one block; it limits the memory that a reader needs."""

_MAGIC = b"MTGSEEN\x01"
_HEADER = struct.Struct("<8sIQ16s")
_BLOCK = struct.Struct("<Iq")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size
_BLOCK_HEAD_BYTES = _BLOCK.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header."""

    record_bytes: int
    number: int
    key: bytes


def pack_header(header: Header) -> bytes:
    """Return a header's bytes."""
    packed = _HEADER.pack(_MAGIC, header.record_bytes, header.number, header.key)
    return packed + _CRC.pack(zlib.crc32(packed))


def parse_header(data: bytes) -> Header | None:
    """Parse a file's header; None if it is another kind of file, or damaged."""
    packed, crc = data[: _HEADER.size], data[_HEADER.size : HEADER_BYTES]
    if len(crc) != _CRC.size or _CRC.unpack(crc)[0] != zlib.crc32(packed):
        return None
    magic, record_bytes, number, key = _HEADER.unpack(packed)
    return Header(record_bytes, number, key) if magic == _MAGIC else None


def pack_block(records: bytes, record_bytes: int, written_unix: int) -> bytes:
    """Return a block's bytes."""
    head = _BLOCK.pack(len(records) // record_bytes, written_unix)
    return head + _CRC.pack(zlib.crc32(records, zlib.crc32(head))) + records


class Blocks:
    """The whole blocks of a file whose header has been read.

    Attributes:
        end: The end of the last whole block so far, in bytes from the beginning of the file.
        is_damaged: Whether there was anything but whole blocks so far.
    """

    def __init__(self, file: BinaryIO, record_bytes: int) -> None:
        self.end = HEADER_BYTES
        self.is_damaged = False
        self._file = file
        self._record_bytes = record_bytes

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield each block's time of writing and its records."""
        position = HEADER_BYTES
        while head := self._file.read(_BLOCK_HEAD_BYTES):
            packed, crc = head[: _BLOCK.size], head[_BLOCK.size :]
            count, written_unix = _BLOCK.unpack(packed) if len(crc) == _CRC.size else (0, 0)
            records = self._file.read(count * self._record_bytes) if count <= MOST_RECORDS else b""
            if not count or len(records) != count * self._record_bytes:
                self.is_damaged = True  # the beginning of the next one is unknown
                return
            position += len(head) + len(records)
            if _CRC.unpack(crc)[0] != zlib.crc32(records, zlib.crc32(packed)):
                self.is_damaged = True  # perhaps only this one
                continue
            self.end = position
            yield written_unix, records
