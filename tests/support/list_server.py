"""An HTTP server that can do everything wrong: it answers each path with a script."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable

from support import sockets
from support.tcp_server import TCPServer

Script = Callable[[socket.socket], Awaitable[None]]
"""Answers a request that was read; the connection is closed afterwards."""


class ListServer(TCPServer):
    """Runs a script of ``pages`` for each request, whatever its query is.

    ``requests`` are the requests' heads, ``most_at_once`` is the most that overlapped.
    """

    def __init__(self, pages: dict[str, Script] | None = None) -> None:
        super().__init__()
        self.pages = pages or {}
        self.requests: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    def url(self, path: str, user: str = "") -> str:
        """Return a page's address."""
        return f"http://{user}{self.address}{path}"

    async def serve_socket(self, sock: socket.socket) -> None:
        """Read a request, and run its script."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await sockets.recv_exactly(sock, 1)
        self.requests.append(head.decode())
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.pages[head.split()[1].decode().partition("?")[0]](sock)
        finally:
            self.at_once -= 1


def sends(*parts: bytes, then: Callable[[socket.socket], None] = lambda sock: None) -> Script:
    """Make a script that sends some bytes and ends, or resets the connection with ``then=sockets.reset``."""

    async def script(sock: socket.socket) -> None:
        await sockets.send_all(sock, b"".join(parts))
        then(sock)

    return script


def stalls(*parts: bytes) -> Script:
    """Make a script that sends some bytes, and then nothing, forever."""

    async def script(sock: socket.socket) -> None:
        await sockets.send_all(sock, b"".join(parts))
        await asyncio.Event().wait()

    return script


def floods(head: bytes, piece: bytes) -> Script:
    """Make a script that sends the same piece again and again, until the client ends."""

    async def script(sock: socket.socket) -> None:
        await sockets.send_all(sock, head)
        while True:
            await sockets.send_all(sock, piece)

    return script


def drips(head: bytes, drop: bytes) -> Script:
    """Make a script that never stalls and never ends: it sends one drop in each turn of the event loop."""

    async def script(sock: socket.socket) -> None:
        await sockets.send_all(sock, head)
        while True:
            await sockets.send_all(sock, drop)
            await asyncio.sleep(0)

    return script


def head(length: int | None, *headers: str, status: str = "200 OK") -> bytes:
    """Make a response's head, which claims the given length."""
    lengths = [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lengths, *headers, "", ""]).encode()


def page(text: bytes, *headers: str) -> Script:
    """Make a script that does everything right."""
    return sends(head(len(text), *headers), text)


def compressed(text: bytes, *, cut_bytes: int = 0, more: bytes = b"") -> Script:
    """Make a script that sends gzip, perhaps without its last bytes, or with more bytes after it."""
    packed = gzip.compress(text)
    packed = packed[: len(packed) - cut_bytes] + more
    return sends(head(len(packed), "Content-Encoding: gzip"), packed)


def moved(to: str, status: str = "302 Found") -> Script:
    """Make a script that redirects."""
    return sends(head(0, f"Location: {to}", status=status))
