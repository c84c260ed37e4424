"""A site's answer to a ClientHello, as far as an observer without keys can read it (RFC 8446, section 2)."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..errors import UpstreamError
from .handshake import KEY_SHARE, SUPPORTED_VERSIONS, read_entries
from .server_hello import AnswerShape
from .tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, unpack_header

MAX_FLIGHT_BYTES: Final = 64 * 1024
"""More than any site's certificates take."""

_SERVER_HELLO: Final = 0x02
_TLS13: Final = b"\x03\x04"
_HELLO_RETRY_REQUEST: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""A ServerHello's random that says that it is a HelloRetryRequest (RFC 8446, section 4.1.3)."""


class Flight(NamedTuple):
    """A site's answer.

    Attributes:
        shape: Its ServerHello's.
        server_hello_bytes: The length of that record, with its header.
        encrypted_bytes: The length of all that is encrypted, with the headers of its records.
        connect_seconds: How long connecting took; 0 if nobody has measured it.
        first_byte_seconds: The time from the hello's last byte to the answer's first one; likewise.
    """

    shape: AnswerShape
    server_hello_bytes: int
    encrypted_bytes: int
    connect_seconds: float = 0.0
    first_byte_seconds: float = 0.0


def read_flight(data: bytes) -> Flight:
    """Read everything that a site has sent before its client speaks again.

    Raises:
        UpstreamError: It isn't the beginning of a TLS 1.3 session that clients can follow.
    """
    first, *others = _records(data)
    record_type, body = first
    if record_type != HANDSHAKE or body[:1] != bytes((_SERVER_HELLO,)):
        raise UpstreamError("an alert, or no TLS at all")
    shape = _read_server_hello(body)
    kinds = [record_type for record_type, _ in others]
    encrypted = [body for record_type, body in others if record_type == APPLICATION_DATA]
    if not encrypted or set(kinds) - {APPLICATION_DATA, CHANGE_CIPHER_SPEC}:
        raise UpstreamError("a ServerHello without an encrypted flight")
    return Flight(shape, HEADER_BYTES + len(first[1]), sum(HEADER_BYTES + len(body) for body in encrypted))


def _records(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at + HEADER_BYTES <= len(data):
        record_type, _version, length = unpack_header(data, at)
        at += HEADER_BYTES + length
        found.append((record_type, data[at - length : at]))
    if not found or at != len(data):
        raise UpstreamError("nothing, or less than it announced")
    return found


def _read_server_hello(message: bytes) -> AnswerShape:
    """Read the message; it has to fill its record, as that of every known stack does."""
    random, session_id_bytes = message[6:38], message[38:39]
    at = 39 + int.from_bytes(session_id_bytes)
    suite, extensions = message[at : at + 2], message[at + 5 :]
    lengths = (int.from_bytes(message[1:4]), int.from_bytes(message[at + 3 : at + 5]))
    if lengths != (len(message) - 4, len(extensions)):
        raise UpstreamError("a malformed ServerHello")
    if random == _HELLO_RETRY_REQUEST:
        raise UpstreamError("a HelloRetryRequest, which no client of Telegram can follow")
    try:
        bodies = dict(read_entries(extensions))
    except ValueError:
        raise UpstreamError("a malformed ServerHello") from None
    if bodies.get(SUPPORTED_VERSIONS) != _TLS13:
        raise UpstreamError("an older version than TLS 1.3")
    if set(bodies) != {SUPPORTED_VERSIONS, KEY_SHARE}:
        raise UpstreamError("a ServerHello with other extensions than clients accept")
    return AnswerShape(int.from_bytes(suite), tuple(bodies), int.from_bytes(bodies[KEY_SHARE][:2]))
