"""Just enough MTProto for a client to believe that it talks to a data centre: the first two steps of a key exchange.

Source: core.telegram.org/mtproto/auth_key and /mtproto/mtproto-transports (padded intermediate).
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from dataclasses import dataclass

from support.fake_dc import DCConnection

REQ_PQ_MULTI = bytes.fromhex("f18e7ebe")
RES_PQ = bytes.fromhex("63241605")
REQ_DH_PARAMS = bytes.fromhex("bee412d7")
_VECTOR = bytes.fromhex("15c4b51c")

P, Q = 1229739323, 1402015859
PRODUCTION_FINGERPRINT = 0xD09D1D85DE64FD85
TEST_FINGERPRINT = 0xB25898DF208D2603
"""The keys known to Telegram's clients, for the production servers and for the test servers."""

MAX_MESSAGE_BYTES = 1 << 20


class MTProtoError(Exception):
    """The client sent something that no client sends."""


@dataclass(frozen=True)
class Plain:
    """An unencrypted message: its constructor and everything after it, including padding."""

    constructor: bytes
    body: bytes


def frame(message: bytes, padding: bytes = b"") -> bytes:
    """Padded intermediate framing: the length counts message and padding (0 to 15 bytes)."""
    return struct.pack("<I", len(message) + len(padding)) + message + padding


def frame_length(header: bytes) -> int:
    """Read a frame's 4-byte header; bit 31 requests a quick ack, and isn't part of the length."""
    length: int = struct.unpack("<I", header)[0] & 0x7FFFFFFF
    if not 24 <= length <= MAX_MESSAGE_BYTES:
        raise MTProtoError(f"a frame of {length} bytes")
    return length


def plain_message(data: bytes, message_id: int) -> bytes:
    """Wrap data as an unencrypted message."""
    return bytes(8) + struct.pack("<qI", message_id, len(data)) + data


def parse_plain(message: bytes) -> Plain:
    """Parse an unencrypted message; raises MTProtoError for anything else."""
    key_id, _, length = struct.unpack("<8sqI", message[:20])
    if key_id != bytes(8):
        raise MTProtoError(f"auth_key_id {key_id.hex()} in a message that must be plain")
    data = message[20 : 20 + length]
    if len(data) != length or length < 4:
        raise MTProtoError(f"length {length} in a frame of {len(message)} bytes")
    return Plain(data[:4], data[4:])


def tl_bytes(data: bytes) -> bytes:
    """A short TL string: its length, its bytes, zeros up to a multiple of 4."""
    return (bytes([len(data)]) + data).ljust((len(data) + 4) // 4 * 4, b"\0")


def res_pq(nonce: bytes, server_nonce: bytes, fingerprints: tuple[int, ...]) -> bytes:
    """Build the answer to ``req_pq_multi``."""
    keys = b"".join(struct.pack("<Q", fingerprint) for fingerprint in fingerprints)
    pq = tl_bytes((P * Q).to_bytes(8, "big"))
    return RES_PQ + nonce + server_nonce + pq + _VECTOR + struct.pack("<I", len(fingerprints)) + keys


class MTProtoDC:
    """A handler for FakeDC that plays the start of the key exchange: ``FakeDC(MTProtoDC())``.

    ``pings`` are the dc numbers of connections that sent ``req_pq_multi``, once per request;
    ``completed`` is set, and the dc added to ``exchanges``, when a ``req_DH_params`` proves that the client
    parsed our answer: both nonces, p, q and one of our fingerprints are right. Wrong ones go to ``problems``.
    """

    def __init__(self, fingerprints: tuple[int, ...] = (PRODUCTION_FINGERPRINT, TEST_FINGERPRINT)) -> None:
        self.fingerprints = fingerprints
        self.pings: list[int] = []
        self.exchanges: list[int] = []
        self.problems: list[str] = []
        self.completed = asyncio.Event()

    async def __call__(self, connection: DCConnection) -> None:
        """Answer until the client ends."""
        nonces = b""
        while True:
            length = frame_length(await connection.recv_exactly(4))
            request = parse_plain(await connection.recv_exactly(length))
            if request.constructor == REQ_PQ_MULTI:
                nonces = request.body[:16] + os.urandom(16)
                await self._answer_pq(connection, nonces)
            elif request.constructor == REQ_DH_PARAMS:
                self._check_exchange(connection, nonces, request.body)
            else:
                raise MTProtoError(f"constructor {request.constructor.hex()}")

    async def _answer_pq(self, connection: DCConnection, nonces: bytes) -> None:
        self.pings.append(connection.dc)
        answer = res_pq(nonces[:16], nonces[16:], self.fingerprints)
        message = plain_message(answer, int(time.time()) << 32 | 1)
        await connection.send(frame(message, os.urandom(os.urandom(1)[0] % 16)))

    def _check_exchange(self, connection: DCConnection, nonces: bytes, body: bytes) -> None:
        start = nonces + tl_bytes(P.to_bytes(4, "big")) + tl_bytes(Q.to_bytes(4, "big"))
        right = [start + struct.pack("<Q", fingerprint) for fingerprint in self.fingerprints]
        if len(nonces) == 32 and body.startswith(tuple(right)):
            self.exchanges.append(connection.dc)
            self.completed.set()
        else:
            self.problems.append(f"dc {connection.dc}: {body[: len(start) + 8].hex()}")
