"""A fronting site that records every byte, and answers with the test's script: plain TCP, without TLS."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from support import sockets
from support.tcp_server import TCPServer

_PROXY_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


class FrontConnection(sockets.Peer):
    """One connection; ``received`` grows while the script runs, a PROXY header is no part of it.

    ``ending`` is how the other side ended (``eof`` or ``reset``), None while it is open.
    """

    def __init__(self, sock: socket.socket, proxy_header: bytes) -> None:
        self.sock = sock
        self.proxy_header = proxy_header
        self.received = bytearray()
        self.ending: sockets.Ending | None = None
        self._changed = asyncio.Condition()

    async def got(self, count_bytes: int) -> bytes:
        """Wait until `count_bytes` have come, and return them; raises EOFError if the stream ends earlier."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count_bytes or self.ending is not None)
        if len(self.received) < count_bytes:
            raise EOFError(f"ended ({self.ending}) after {len(self.received)} of {count_bytes} bytes")
        return bytes(self.received[:count_bytes])

    async def ended(self) -> sockets.Received:
        """Wait until the other side has ended; return everything that it sent, and how it ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.ending is not None)
        return sockets.Received(bytes(self.received), self.ending or "eof")

    async def send(self, data: bytes) -> None:
        """Answer."""
        await sockets.send_all(self.sock, data)

    async def record(self) -> None:
        """Read until the end; runs beside the script."""
        loop = asyncio.get_running_loop()
        while self.ending is None:
            try:
                chunk = await loop.sock_recv(self.sock, sockets.RECV_BYTES)
                ending: sockets.Ending | None = None if chunk else "eof"
            except OSError:
                chunk, ending = b"", "reset"
            async with self._changed:
                self.received += chunk
                self.ending = ending
                self._changed.notify_all()


Script = Callable[[FrontConnection], Awaitable[None]]
"""What the site does with a connection; returning closes it."""


async def listen_only(connection: FrontConnection) -> None:
    """Send nothing; close when the other side has ended."""
    await connection.ended()


def answer(data: bytes, *, after_bytes: int = 1) -> Script:
    """Answer once `after_bytes` have come, then read until the other side ends."""

    async def script(connection: FrontConnection) -> None:
        await connection.got(after_bytes)
        await connection.send(data)
        await connection.ended()

    return script


def answer_then_eof(data: bytes, *, after_bytes: int = 1) -> Script:
    """Answer, half-close, then read until the other side ends."""

    async def script(connection: FrontConnection) -> None:
        await connection.got(after_bytes)
        await connection.send(data)
        connection.send_eof()
        await connection.ended()

    return script


def reset_after(after_bytes: int = 1) -> Script:
    """End with a RST once `after_bytes` have come."""

    async def script(connection: FrontConnection) -> None:
        await connection.got(after_bytes)
        connection.reset()

    return script


class RecordingFront(TCPServer):
    """A site on a local port; ``connections`` are all of them, in the order of their arrival.

    With ``proxy_protocol`` each connection must start with a PROXY protocol header of version 2.
    """

    def __init__(self, script: Script = listen_only, host: str = "127.0.0.1", *, proxy_protocol: bool = False) -> None:
        super().__init__(host)
        self.script = script
        self.proxy_protocol = proxy_protocol
        self.connections: list[FrontConnection] = []
        self._changed = asyncio.Condition()

    async def connection(self, index: int = 0) -> FrontConnection:
        """Wait for the connection of this number (from 0) and return it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.connections) > index)
        return self.connections[index]

    async def serve_socket(self, sock: socket.socket) -> None:
        """Record and play the script."""
        header = await read_proxy_header(sock) if self.proxy_protocol else b""
        connection = FrontConnection(sock, header)
        recording = asyncio.create_task(connection.record(), name="test-front-record")
        async with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        try:
            await self.script(connection)
        finally:
            recording.cancel()
            await asyncio.gather(recording, return_exceptions=True)


async def read_proxy_header(sock: socket.socket) -> bytes:
    """Read a PROXY protocol v2 header, and nothing after it; raises AssertionError if there is none."""
    start = await sockets.recv_exactly(sock, 16)
    if not start.startswith(_PROXY_SIGNATURE):
        raise AssertionError(f"no PROXY protocol header: {start!r}")
    length: int = struct.unpack(">H", start[14:16])[0]
    return start + await sockets.recv_exactly(sock, length)
