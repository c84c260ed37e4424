"""A plain TCP relay between a client and a proxy, which records the bytes that a client really sends."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

from support import sockets
from support.tcp_server import TCPServer


@dataclass
class TappedConnection:
    """The bytes of one connection in both directions, as far as they were relayed."""

    from_client: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)


class Tap(TCPServer):
    """Relays every connection to ``upstream_port`` on 127.0.0.1."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__()
        self.upstream_port = upstream_port
        self.connections: list[TappedConnection] = []

    async def serve_socket(self, client: socket.socket) -> None:
        """Relay until either side ends."""
        tapped = TappedConnection()
        self.connections.append(tapped)
        upstream = await sockets.connect("127.0.0.1", self.upstream_port)
        tasks = (
            asyncio.create_task(_copy(client, upstream, tapped.from_client)),
            asyncio.create_task(_copy(upstream, client, tapped.to_client)),
        )
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            sockets.close(upstream)


async def _copy(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    loop = asyncio.get_running_loop()
    while chunk := await loop.sock_recv(source, sockets.RECV_BYTES):
        kept += chunk
        await loop.sock_sendall(sink, chunk)
    sockets.send_eof(sink)
