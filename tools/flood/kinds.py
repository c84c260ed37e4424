"""The kinds of flood: what each of their connections sends, and what it does afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.peers.faketls import CHANGE_CIPHER_SPEC, Secret, signed_client_hello
from benchmarks.peers.obfuscated2 import FRAME_BYTES, open_leg

SiteMode = Literal["silent", "answers", "closes"]
"""The fronting site only reads; or it answers once and waits; or it answers once and closes its side."""

_GET = b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n"
_RECORD_PAYLOAD_BYTES = 16_384
_RECORD = b"\x17\x03\x03" + _RECORD_PAYLOAD_BYTES.to_bytes(2, "big") + bytes(_RECORD_PAYLOAD_BYTES)
_EMPTY_RECORDS = b"\x17\x03\x03\x00\x00" * 4096


@dataclass(frozen=True)
class Kind:
    """One kind of flood.

    Attributes:
        key: Its name in tables and on the command line.
        first: Makes the bytes that a connection sends as soon as it is open.
        site: What the fronting site does meanwhile.
        needs_secret: Only somebody with the secret can do this, so it may keep other clients out.
        repeated: Sent again and again after that, as fast as the socket takes it.
        reads: Whether the connection reads.
        resets: Whether it ends with a RST as soon as the first bytes are sent.
        keeps_half_open: Whether it stays open after the other side's FIN.
        most_connections: The most that are held at once, whatever `concurrency` is.
    """

    key: str
    first: Callable[[Secret], bytes]
    site: SiteMode = "silent"
    needs_secret: bool = False
    repeated: bytes = b""
    reads: bool = True
    resets: bool = False
    keeps_half_open: bool = False
    most_connections: int | None = None


def _half_hello(secret: Secret) -> bytes:
    hello = signed_client_hello(_another(secret))
    return hello[: len(hello) // 2]


def _another(secret: Secret) -> Secret:
    return Secret(os.urandom(16), secret.host)


def _hello_and_frame(secret: Secret) -> bytes:
    frame, _ciphers = open_leg(secret.key)
    record = b"\x17\x03\x03" + FRAME_BYTES.to_bytes(2, "big") + frame
    return signed_client_hello(secret) + CHANGE_CIPHER_SPEC + record


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("silent", lambda secret: b""),
        Kind("one-byte", lambda secret: b"\x16"),
        Kind("half-hello", _half_hello),
        Kind("foreign-hello", lambda secret: signed_client_hello(_another(secret)), site="answers"),
        Kind("http", lambda secret: _GET, site="answers"),
        Kind("site-closed", lambda secret: _GET, site="closes", keeps_half_open=True),
        Kind("rst", lambda secret: _GET, resets=True),
        Kind("hello-only", signed_client_hello, needs_secret=True),
        Kind("never-reading", _hello_and_frame, needs_secret=True, repeated=_RECORD, reads=False),
        # More senders than this would only share the same processors.
        Kind("empty-records", _hello_and_frame, needs_secret=True, repeated=_EMPTY_RECORDS, most_connections=60),
    )
}
