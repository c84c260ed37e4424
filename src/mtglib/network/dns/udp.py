"""DNS over UDP, and over TCP if an answer doesn't fit (RFC 1035, RFC 7766)."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from ..connecting import numeric_answer
from .message import DNSError, Query, RecordType
from .stream import DNSOverStream

_TRIES: Final = 3
_MAX_STRANGE_DATAGRAMS: Final = 16
_MAX_DATAGRAM_BYTES: Final = 65_535


class DNSOverUDP:
    """Asks a server with datagrams, again when one is lost.

    Args:
        ip: The server's address, maybe with a zone.
        port: Its port.
        over_tcp: Asked if an answer is too long for a datagram.
        timeout_seconds: For all tries together, each from a port of its own.
    """

    def __init__(self, ip: str, port: int, over_tcp: DNSOverStream, timeout_seconds: float) -> None:
        self._server = (ip, port)
        self._over_tcp = over_tcp
        self._try_seconds = timeout_seconds / _TRIES

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        """Return a query and the answer to it.

        Raises:
            OSError, TimeoutError: There is no valid answer.
        """
        failure: OSError = TimeoutError()
        for _ in range(_TRIES):
            query = Query(name, kind)
            try:
                async with asyncio.timeout(self._try_seconds):
                    answer = await self._ask_once(query)
            except (ConnectionRefusedError, TimeoutError) as error:
                failure = error
                continue
            return await self._over_tcp.ask(name, kind) if query.is_truncated(answer) else (query, answer)
        raise failure

    async def aclose(self) -> None:
        """Close all connections."""
        await self._over_tcp.aclose()

    async def _ask_once(self, query: Query) -> bytes:
        loop = asyncio.get_running_loop()
        family, address = numeric_answer(*self._server)
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect(address)  # from now on the kernel drops datagrams of others
            await loop.sock_sendall(sock, query.wire)
            for _ in range(_MAX_STRANGE_DATAGRAMS):
                answer = await loop.sock_recv(sock, _MAX_DATAGRAM_BYTES)
                if query.is_answered_by(answer):
                    return answer
        raise DNSError("sent something that is no answer")
