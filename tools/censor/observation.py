"""One connection as a censor sees it: a hello, all that the server says to it, and when its first byte came."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from support.client_hello import RANDOM_AT, Shape, build_client_hello, hello_records, hello_session_id, sign_hello
from support.recorded_hellos import RECORDED_HOST, another_hello
from support.secrets import PeerSecret
from support.tls_records import HANDSHAKE, Record, RecordError, RecordReader
from tools.censor.fingerprint import ja4s, masked
from tools.probes.connection import Connection
from tools.probes.describe import describe
from tools.probes.server_hello import parse_server_hello

Hello = Shape | Literal["ios"]
SHAPES: dict[str, Hello] = {"tdlib": "modern", "apple": "ios", "x25519": "old", "secp256r1": "secp256r1"}
"""Shapes of hellos, by the client or the group that they are about: clients of today offer X25519MLKEM768 first."""

_STRANGE_SUITES = bytes.fromhex("130113021303")
_FIRST_BYTE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
"""A server that is silent for so long waits for the client."""


@dataclass(frozen=True)
class Observation:
    """What was seen, without all that is random.

    Both times are those of the first byte, and None if nothing came. ``record_bytes`` are the payloads of all
    records in the flight, headers not counted.
    """

    ja4s: str
    server_hello: str
    record_bytes: tuple[int, ...]
    flight_bytes: int
    after_hello_seconds: float | None
    after_connect_seconds: float | None


def make_hello(host: str, shape: Hello, secret: PeerSecret | None, *, is_strange: bool = False) -> bytes:
    """Return the handshake message: signed with the secret, or a visitor's with a random of no meaning.

    A strange one has fewer suites than any client's.
    """
    if is_strange:
        message = build_client_hello(host, shape="old" if shape == "ios" else shape, suites=_STRANGE_SUITES)
    elif shape == "ios":
        assert host == RECORDED_HOST
        message = another_hello(shape)
    else:
        message = build_client_hello(host, shape=shape)
    if secret:
        return sign_hello(message, secret.key, int(time.time()))
    return message[:RANDOM_AT] + os.urandom(32) + message[RANDOM_AT + 32 :]


class Exchange:
    """A hello on a connection of its own, and what comes back."""

    def __init__(self, port: int, hello: bytes) -> None:
        self._port = port
        self._hello = hello

    async def begin(self) -> None:
        """Connect, send the hello, and wait for the first byte: nothing else should happen meanwhile."""
        self._connection = await Connection.open(self._port)
        self._sent_seconds = self._connection.elapsed_seconds
        await self._connection.send(hello_records(self._hello))
        deadline_seconds = self._sent_seconds + _FIRST_BYTE_SECONDS
        while not (self._connection.data or self._connection.endings):
            if not await self._connection.changed(deadline_seconds - self._connection.elapsed_seconds):
                return

    async def finish(self) -> Observation:
        """Wait until the server pauses, and hang up."""
        connection = self._connection
        while await connection.changed(_PAUSE_SECONDS):
            pass
        connection.close()
        first_seconds = connection.first_byte_seconds
        after_hello_seconds = None if first_seconds is None else first_seconds - self._sent_seconds
        return observe(bytes(connection.data), self._hello, after_hello_seconds, first_seconds)


def observe(
    flight: bytes, hello: bytes, after_hello_seconds: float | None = None, after_connect_seconds: float | None = None
) -> Observation:
    """Take apart what a server said to this hello; anything but an answer of TLS is described in words."""
    times = (after_hello_seconds, after_connect_seconds)
    try:
        records = RecordReader().feed(flight)
        message = _server_hello(records)
        fingerprint, told = ja4s(parse_server_hello(message[4:])), masked(message, hello_session_id(hello)).hex()
    except (RecordError, ValueError):
        return Observation("none", describe(flight), (), len(flight), *times)
    return Observation(fingerprint, told, tuple(len(record.payload) for record in records), len(flight), *times)


def _server_hello(records: Sequence[Record]) -> bytes:
    """Return the message that an answer begins with."""
    payload = records[0].payload if records and records[0].kind == HANDSHAKE else b""
    if payload[:1] != b"\x02":
        raise ValueError("no ServerHello")
    return payload[: 4 + int.from_bytes(payload[1:4], "big")]
