"""What TLS's handshake messages consist of (RFC 8446, sections 3.4 and 4): vectors, and lists of numbered ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

SERVER_NAME: Final = 0x0000
SUPPORTED_GROUPS: Final = 0x000A
SIGNATURE_ALGORITHMS: Final = 0x000D
ALPN: Final = 0x0010
PADDING: Final = 0x0015
SESSION_TICKET: Final = 0x0023
PRE_SHARED_KEY: Final = 0x0029
EARLY_DATA: Final = 0x002A
SUPPORTED_VERSIONS: Final = 0x002B
PSK_MODES: Final = 0x002D
KEY_SHARE: Final = 0x0033
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
"""Types of extensions."""

GREASE: Final = tuple(0x0A0A + 0x1010 * n for n in range(16))
"""Numbers that mean nothing, in their order (RFC 8701)."""

RANDOM: Final = slice(11, 43)
"""Where a hello's record has its random: behind two headers and the version (RFC 8446, section 4.1.2)."""

_number_and_length: Final = struct.Struct(">HH").unpack_from


class NamedGroup(IntEnum):
    """The groups of TLS that we have key shares of (RFC 8446, section 4.2.7; draft-ietf-tls-ecdhe-mlkem)."""

    SECP256R1 = 0x0017
    SECP384R1 = 0x0018
    SECP521R1 = 0x0019
    X25519 = 0x001D
    X448 = 0x001E
    SECP256R1_MLKEM768 = 0x11EB
    X25519_MLKEM768 = 0x11EC


def read_vector(data: bytes, at: int, length_bytes: int) -> tuple[bytes, int]:
    """Read a vector with its length in front; return it and where it ends.

    Raises:
        ValueError: The data ends before it; the message says so.
    """
    start = at + length_bytes
    end = start + int.from_bytes(data[at:start])
    if len(data) < end:
        raise ValueError("a field that ends too early")
    return data[start:end], end


def read_entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Read a list of extensions or key shares: a number and a vector each.

    Raises:
        ValueError: The data ends in the middle of one; the message says so.
    """
    at, size = 0, len(data)
    while at + 4 <= size:
        number, length = _number_and_length(data, at)
        start = at + 4
        at = start + length
        yield number, data[start:at]
    if at != size:
        raise ValueError("an extension or key share that ends too early")


def read_before_extensions(record: bytes) -> tuple[bytes, bytes, bytes, int]:
    """Read a joined record's session id, suites and compression methods; return them, and where they end.

    Raises:
        ValueError: One of them ends too early.
    """
    session_id, at = read_vector(record, RANDOM.stop, 1)
    cipher_suites, at = read_vector(record, at, 2)
    compression_methods, at = read_vector(record, at, 1)
    return session_id, cipher_suites, compression_methods, at


def vector(body: bytes, length_bytes: int) -> bytes:
    """Make a vector: the body with its length in front."""
    return len(body).to_bytes(length_bytes) + body


def entry(number: int, body: bytes) -> bytes:
    """Make an entry of a list of extensions or key shares."""
    return number.to_bytes(2) + vector(body, 2)
