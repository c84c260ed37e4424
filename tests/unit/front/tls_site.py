"""A site's end of a TLS connection, one record at a time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from functools import cache
from pathlib import Path

from support import sockets
from unit.network.site import self_signed

HOST = "front.example"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"
PROTECTION_BYTES = 17


@cache
def _context(tickets: int, version: ssl.TLSVersion, protocols: tuple[str, ...]) -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        context = self_signed(Path(folder), HOST)[1]
    context.num_tickets = tickets
    context.maximum_version = version
    context.set_alpn_protocols(protocols)
    return context


class TLSSite:
    """Owns ``sock``; ``ours`` is the client's end, for whoever loads something."""

    def __init__(
        self,
        tickets: int = 2,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        protocols: tuple[str, ...] = ("http/1.1",),
    ) -> None:
        self.ours, self.sock = socket.socketpair()
        for sock in (self.ours, self.sock):
            sock.setblocking(False)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context(tickets, version, protocols).wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def asked(self, preamble: bytes = b"") -> bytes:
        """Shake hands, and return the request; tickets go out meanwhile."""
        assert await sockets.recv_exactly(self.sock, len(preamble)) == preamble
        while True:
            try:
                self._tls.do_handshake()
                await self._flush()
                return self._tls.read(10_000)
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await asyncio.get_running_loop().sock_recv(self.sock, 10_000))

    async def send(self, *payloads: bytes) -> None:
        """Send a record of each, all at once."""
        for payload in payloads:
            self._tls.write(payload)
        await self._flush()

    async def end(self) -> None:
        """Say that it is all."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            await self._flush()
        self.sock.close()

    async def left(self) -> bool:
        """Return whether the client closes the connection with an alert, as browsers do."""
        received = await sockets.recv_until_end(self.sock)
        self._incoming.write(received.data)
        try:
            return self._tls.read(10_000) == b"" and received.ending == "eof"
        except ssl.SSLWantReadError:
            return False

    def close(self) -> None:
        """Close both ends."""
        self.ours.close()
        self.sock.close()

    async def _flush(self) -> None:
        await sockets.send_all(self.sock, self._outgoing.read())
