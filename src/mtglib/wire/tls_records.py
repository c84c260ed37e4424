"""TLS records (RFC 8446, section 5): a type, a version, a length, and a payload."""

from __future__ import annotations

import struct
from typing import Final

CHANGE_CIPHER_SPEC: Final = 0x14
ALERT: Final = 0x15
HANDSHAKE: Final = 0x16
APPLICATION_DATA: Final = 0x17

HEADER_BYTES: Final = 5
MAX_PLAINTEXT_BYTES: Final = 1 << 14
MAX_CIPHERTEXT_BYTES: Final = MAX_PLAINTEXT_BYTES + 256
"""The most that a client may send in one record of application data (RFC 8446, section 5.2)."""
PROTECTION_BYTES: Final = 17
"""What TLS 1.3 adds to the plaintext of a record: its type, and the tag of every suite that is in use."""
FULL_RECORD_BYTES: Final = MAX_PLAINTEXT_BYTES + PROTECTION_BYTES
"""What a full record of TLS 1.3 has on the wire, behind its header: the most that we send in one."""

VERSION: Final = b"\x03\x03"
CHANGE_CIPHER_SPEC_RECORD: Final = b"\x14\x03\x03\x00\x01\x01"

ENCRYPTED_ALERT_BYTES: Final = 2 + 1 + 16
"""The payload of an alert of TLS 1.3: level and description, the real type, and the tag (RFC 8446, section 5.2)."""

_HEADER = struct.Struct(">B2sH")


def unpack_header(data: bytes | bytearray, offset: int) -> tuple[int, bytes, int]:
    """Read (type, version, payload length) of the header at `offset`; five bytes must be there."""
    return _HEADER.unpack_from(data, offset)


def header(record_type: int, length: int) -> bytes:
    """Make the header of a record with TLS 1.2's version, which is also TLS 1.3's on the wire."""
    return _HEADER.pack(record_type, VERSION, length)


def application_data(payload: bytes) -> bytes:
    """Wrap up to 65 535 bytes into one record."""
    return _HEADER.pack(APPLICATION_DATA, VERSION, len(payload)) + payload
