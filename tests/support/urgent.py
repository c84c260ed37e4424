"""Urgent bytes of TCP (out-of-band data), for peers that see where in the stream they are."""

from __future__ import annotations

import asyncio
import fcntl
import socket

from support import sockets

_SIOCATMARK = 0x8905


def send_urgent(sock: socket.socket, data: bytes) -> None:
    """Send some bytes in one write, the last of which is urgent."""
    sock.send(data, socket.MSG_OOB)


class UrgentReader:
    """Reads up to the next urgent byte at most. Urgent ones stay in the stream, so that none is missed.

    Attributes:
        got: All bytes.
        urgent_at: The places in it of those that came as urgent ones.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self._sock = sock
        self.got = b""
        self.urgent_at: list[int] = []

    async def read(self, until_bytes: int) -> None:
        """Read until there are so many, or the peer has ended its side."""
        while len(self.got) < until_bytes:
            await self._wait()
            is_urgent = fcntl.ioctl(self._sock.fileno(), _SIOCATMARK, bytes(4)) != bytes(4)
            if is_urgent:
                self.urgent_at.append(len(self.got))
            if not (data := self._sock.recv(1 if is_urgent else sockets.RECV_BYTES)):
                return
            self.got += data

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self._sock, _set, readable)
        try:
            await readable
        finally:
            loop.remove_reader(self._sock)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
