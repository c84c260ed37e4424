"""DNS over UDP, and over TCP where an answer doesn't fit (RFC 1035, RFC 7766)."""

import asyncio
import socket
from typing import Final

from .dns_message import DNSError, Query, RecordType
from .dns_stream import DNSOverStream

_TRIES: Final = 3
_MAX_STRANGE_DATAGRAMS: Final = 16
_MAX_DATAGRAM_BYTES: Final = 65_535


class DNSOverUDP:
    """Asks a server with datagrams, again when one is lost.

    Args:
        ip: The server's address.
        port: Its port.
        over_tcp: Who is asked for what is too long for a datagram.
        timeout_seconds: For all tries together, each from a port of its own.
    """

    def __init__(self, ip: str, port: int, over_tcp: DNSOverStream, timeout_seconds: float) -> None:
        self._address = (ip, port)
        self._family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self._over_tcp = over_tcp
        self._try_seconds = timeout_seconds / _TRIES

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        """Return a query and the answer to it.

        Raises:
            OSError, TimeoutError: There is none.
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
        """Close what is open."""
        await self._over_tcp.aclose()

    async def _ask_once(self, query: Query) -> bytes:
        loop = asyncio.get_running_loop()
        with socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect(self._address)  # from now on the kernel drops what others send
            await loop.sock_sendall(sock, query.wire)
            for _ in range(_MAX_STRANGE_DATAGRAMS):
                answer = await loop.sock_recv(sock, _MAX_DATAGRAM_BYTES)
                if query.is_answered_by(answer):
                    return answer
        raise DNSError("the DNS server answers with something else")
