"""A client's first message (RFC 8446, section 4.1.2), and whether it was made with the secret.

There are three steps. `assemble` decides, as early as the bytes allow, whether this can still become a ClientHello, and
joins the TLS records that contain it. `authenticate` finds the key it was made with: the random is HMAC-SHA256 over the
record with its random zeroed, and the client's clock is xored into the last four bytes. `parse` parses the record.

The clock isn't authenticated: anyone can change these four bytes in a recorded hello, and the first 28 still match. So
only those 28 identify a replay (`authenticated_part`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ..errors import ClientError
from ..reasons import Reason
from . import pure_hello
from .handshake import RANDOM
from .tls_records import HANDSHAKE, HEADER_BYTES

try:
    from .._engine import find_key, read_hello
except ImportError:
    from .pure_hello import find_key, read_hello

MAX_HELLO_BYTES: Final = 1 << 14
MAX_FRAGMENTS: Final = 10

_CLIENT_HELLO = 0x01
_HANDSHAKE_HEADER_BYTES = 4
_DIGEST_BYTES = 28


class ClientHello(NamedTuple):
    """A parsed ClientHello.

    Attributes:
        random: 32 bytes, unique for each hello.
        session_id: 0 to 32 bytes that the answer echoes.
        cipher_suites: Two bytes each, in the client's order.
        server_name: The host name that it asks for; empty if none.
        key_shares: Group to the client's share; empty if there is no such extension, or if it is malformed.
    """

    random: bytes
    session_id: bytes
    cipher_suites: bytes
    server_name: str
    key_shares: Mapping[int, bytes]


def assemble(data: bytes | bytearray) -> tuple[bytes, int] | None:
    """Join the records of a ClientHello that starts `data`.

    Returns:
        The hello as one record, and how many bytes of `data` it took; None while bytes are missing.

    Raises:
        ClientError: NOT_TLS: whatever follows, these bytes can't become a ClientHello.
    """
    if (end := _end_of_one_record(data)) is not None:
        return bytes(data[:end]), end
    position, payload, declared, first_version = 0, b"", 0, b""
    for fragment in range(1, MAX_FRAGMENTS + 1):
        header = data[position : position + HEADER_BYTES]
        least, most = _check_header_so_far(header)
        may_go_on = fragment < MAX_FRAGMENTS
        _check_lengths(payload, declared + least, MAX_HELLO_BYTES if may_go_on else declared + most)
        if len(header) < HEADER_BYTES:
            return None
        first_version = first_version or bytes(header[1:3])
        position += HEADER_BYTES
        declared += least
        payload += data[position : position + least]
        position += least
        _check_lengths(payload, declared, MAX_HELLO_BYTES if may_go_on else declared)
        if position > len(data):
            return None
        if len(payload) >= _HANDSHAKE_HEADER_BYTES and len(payload) == _message_bounds(payload)[0]:
            return bytes((HANDSHAKE, *first_version, *len(payload).to_bytes(2))) + payload, position
    raise ClientError(Reason.NOT_TLS, f"a ClientHello in more than {MAX_FRAGMENTS} records")


def _end_of_one_record(data: bytes | bytearray) -> int | None:
    """Return the end of a hello that is complete in one record, as nearly all are; None for others."""
    length = int.from_bytes(data[3:HEADER_BYTES])
    end = HEADER_BYTES + length
    if (
        len(data) >= end
        and _HANDSHAKE_HEADER_BYTES < length <= MAX_HELLO_BYTES
        and data[:2] == b"\x16\x03"
        and data[2] <= 4
        and data[HEADER_BYTES] == _CLIENT_HELLO
        and int.from_bytes(data[HEADER_BYTES + 1 : HEADER_BYTES + 4]) == length - _HANDSHAKE_HEADER_BYTES
    ):
        return end
    return None


def _check_header_so_far(header: bytes | bytearray) -> tuple[int, int]:
    """Check the available part of a record's header; return the least and most payload it can announce."""
    if header[0:1] not in (b"", b"\x16"):
        raise ClientError(Reason.NOT_TLS, "not a TLS handshake record")
    if header[1:2] not in (b"", b"\x03") or (len(header) > 2 and header[2] > 4):
        raise ClientError(Reason.NOT_TLS, "a TLS record of an unknown version")
    least, most = _bounds(header[3:], 2)
    if most == 0 or least > MAX_HELLO_BYTES:
        raise ClientError(Reason.NOT_TLS, "a TLS handshake record that is empty or too long")
    return max(least, 1), most


def _check_lengths(payload: bytes, declared_least: int, declared_most: int) -> None:
    """Check that the message can be just as long as the records that carry it."""
    if payload[0:1] not in (b"", b"\x01"):
        raise ClientError(Reason.NOT_TLS, "not a ClientHello")
    least, most = _message_bounds(payload)
    if least > min(declared_most, MAX_HELLO_BYTES):
        raise ClientError(
            Reason.NOT_TLS, f"a ClientHello of more than {MAX_FRAGMENTS} records or {MAX_HELLO_BYTES} bytes"
        )
    if declared_least > most:
        raise ClientError(Reason.NOT_TLS, "a ClientHello that is shorter than its records")


def _message_bounds(payload: bytes) -> tuple[int, int]:
    """Return the least and the most that a handshake message can be long that begins like this."""
    least, most = _bounds(payload[1:_HANDSHAKE_HEADER_BYTES], 3)
    return _HANDSHAKE_HEADER_BYTES + least, min(_HANDSHAKE_HEADER_BYTES + most, MAX_HELLO_BYTES)


def _bounds(known: bytes | bytearray, size: int) -> tuple[int, int]:
    """Return the least and the most that a number of `size` bytes can be whose first bytes are known."""
    missing = size - len(known)
    return int.from_bytes(known) << 8 * missing, int.from_bytes(bytes(known) + b"\xff" * missing)


class Authentication(NamedTuple):
    """Whose hello it is.

    Attributes:
        key_index: Which of the keys it was made with.
        unix_time: What the client's clock showed, whole Unix seconds; a replay may say anything.
    """

    key_index: int
    unix_time: int


def authenticate(record: bytes, keys: Sequence[bytes]) -> Authentication | None:
    """Find the key that a joined record was made with; None if it is none of these.

    Args:
        record: As from `assemble`.
        keys: 16 bytes each. Every one of them costs an HMAC, compared in constant time.

    Raises:
        ClientError: NOT_TLS: the record ends within its random.
    """
    if len(record) < RANDOM.stop:
        raise ClientError(Reason.NOT_TLS, "a ClientHello that ends too early")
    found = find_key(record, keys)
    return None if found is None else Authentication(*found)


def authenticated_part(record: bytes) -> bytes:
    """Return the 28 bytes of a joined record's random by which a second sending of the same hello is known."""
    return record[RANDOM.start : RANDOM.start + _DIGEST_BYTES]


def server_name(record: bytes) -> str:
    """Return the host name that a joined record asks for; empty if there is none, or if it is malformed."""
    try:
        return parse(record).server_name
    except ClientError:
        return ""


def parse(record: bytes) -> ClientHello:
    """Take a joined record apart.

    Raises:
        ClientError: NOT_TLS: it is malformed.
    """
    try:
        read = read_hello(record) or pure_hello.read_hello(record)  # which says what is wrong
    except ValueError as error:
        raise malformed(error) from None
    return ClientHello(record[RANDOM], *read)


def malformed(error: ValueError) -> ClientError:
    """Return what to raise for a hello in which an error was found."""
    return ClientError(Reason.NOT_TLS, f"a ClientHello with {error}")
