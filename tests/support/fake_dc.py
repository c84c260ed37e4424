"""A Telegram data centre's side of obfuscated2, with a handler for the stream."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable

from support import sockets
from support.obfuscated2 import FRAME_BYTES, ReceivedFrame, read_frame
from support.pattern import Pattern
from support.tcp_server import TCPServer


class DCConnection(sockets.Peer):
    """One connection as the data centre sees it: its frame, and the decrypted stream both ways.

    ``received_bytes`` and ``digest`` (SHA-256) cover all payload read so far; ``ending`` is how the client's
    direction ended, None while it is open.
    """

    def __init__(self, sock: socket.socket, frame: ReceivedFrame) -> None:
        self.sock = sock
        self.raw_frame = frame.wire
        self.dc = frame.dc
        self.tag = frame.tag
        self.received_bytes = 0
        self.ending: sockets.Ending | None = None
        self.ended = asyncio.Event()
        self._frame = frame
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> bytes:
        """SHA-256 of everything received."""
        return self._hash.digest()

    async def recv(self, max_bytes: int = sockets.RECV_BYTES) -> bytes:
        """Return decrypted bytes as they arrive, ``b""`` after a FIN; raises OSError on a RST."""
        try:
            wire = await asyncio.get_running_loop().sock_recv(self.sock, max_bytes)
        except OSError:
            self._end("reset")
            raise
        if not wire:
            self._end("eof")
        data = self._frame.up.apply(wire)
        self.received_bytes += len(data)
        self._hash.update(data)
        return data

    async def recv_exactly(self, count_bytes: int) -> bytes:
        """Return `count_bytes`; raises EOFError if the stream ends earlier."""
        got = bytearray()
        while len(got) < count_bytes:
            data = await self.recv(count_bytes - len(got))
            if not data:
                raise EOFError(f"ended after {len(got)} of {count_bytes} bytes")
            got += data
        return bytes(got)

    async def recv_until_end(self) -> None:
        """Read (counting and hashing) until the client's direction has ended, by FIN or RST."""
        try:
            while await self.recv():
                pass
        except OSError:
            pass

    async def send(self, data: bytes, *, segment_bytes: int | None = None) -> None:
        """Encrypt and send."""
        await sockets.send_all(self.sock, self._frame.down.apply(data), segment_bytes=segment_bytes)

    def _end(self, ending: sockets.Ending) -> None:
        self.ending = ending
        self.ended.set()


Handler = Callable[[DCConnection], Awaitable[None]]
"""What to do with a connection; returning closes it."""


async def echo(connection: DCConnection) -> None:
    """Send everything back, and then a FIN."""
    while data := await connection.recv():
        await connection.send(data)


async def sink(connection: DCConnection) -> None:
    """Read until the client ends, send nothing: see ``received_bytes`` and ``digest``."""
    await connection.recv_until_end()


def source(count_bytes: int, seed: int = 0, *, chunk_bytes: int = sockets.RECV_BYTES) -> Handler:
    """Make a handler that sends `count_bytes` of ``Pattern(seed)`` and a FIN, then reads until the client ends."""

    async def send_pattern(connection: DCConnection) -> None:
        pattern = Pattern(seed)
        while left := count_bytes - pattern.position_bytes:
            await connection.send(pattern.take(min(chunk_bytes, left)))
        connection.send_eof()
        await connection.recv_until_end()

    return send_pattern


class FakeDC(TCPServer):
    """A data centre on a local port; ``connections`` are those whose frame was read, in that order."""

    def __init__(self, handler: Handler = echo, host: str = "127.0.0.1", *, segment_bytes: int | None = None) -> None:
        super().__init__(host, segment_bytes=segment_bytes)
        self.handler = handler
        self.connections: list[DCConnection] = []
        self.accepted = 0
        self._changed = asyncio.Condition()

    async def connection(self, index: int = 0) -> DCConnection:
        """Wait for the connection of this number (from 0) and return it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.connections) > index)
        return self.connections[index]

    async def serve_socket(self, sock: socket.socket) -> None:
        self.accepted += 1
        frame = read_frame(await sockets.recv_exactly(sock, FRAME_BYTES))
        connection = DCConnection(sock, frame)
        async with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        await self.handler(connection)
