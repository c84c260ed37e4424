"""DNS over TCP and over TLS (RFC 7766, RFC 7858): simultaneous queries share a connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from .message import DNSError, Query, RecordType

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open: TypeAlias = Callable[[], Awaitable[Streams]]

_IDLE_SECONDS: Final = 5.0  # without an answer
_MAX_LATE_ANSWERS: Final = 16


class DNSOverStream:
    """Asks a server through one connection, which is opened when needed and closed when idle.

    Args:
        open_streams: Connects to the server, in bounded time.
        timeout_seconds: The limit for a query, including a new connection.
        padded: Hide how long names are; for TLS.
    """

    def __init__(self, open_streams: Open, timeout_seconds: float, *, padded: bool = False) -> None:
        self._open = open_streams
        self._timeout_seconds = timeout_seconds
        self._padded = padded
        self._connection: _ServerConnection | None = None
        self._opening = asyncio.Lock()

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        """Return a query and the answer to it. If a kept connection has died meanwhile, a new one is used.

        Raises:
            OSError, TimeoutError: There is no valid answer.
        """
        async with asyncio.timeout(self._timeout_seconds):
            while True:
                connection, is_new = await self._connected()
                query = connection.next_query(name, kind, padded=self._padded)
                try:
                    return query, await connection.ask(query)
                except (ConnectionError, ssl.SSLError):
                    if is_new:
                        raise

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.aclose()

    async def _connected(self) -> tuple[_ServerConnection, bool]:
        async with self._opening:
            if self._connection is not None and self._connection.is_open:
                return self._connection, False
            # At least the time that the first question may take: it has no other connection.
            idle_seconds = max(_IDLE_SECONDS, self._timeout_seconds)
            self._connection = _ServerConnection(*await self._open(), idle_seconds)
            return self._connection, True


class _ServerConnection:
    """One connection; answers may come in any order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_seconds: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle_seconds = idle_seconds
        self._number = 0
        self._late_answers = 0
        self._waiting: dict[int, tuple[Query, asyncio.Future[bytes]]] = {}
        self.is_open = True
        self._reading = asyncio.create_task(self._read(), name="mtg-dns-answers")

    def next_query(self, name: str, kind: RecordType, *, padded: bool) -> Query:
        """Make a query with an unused number. It needn't be random: nobody can inject answers here."""
        self._number = (self._number + 1) % 65_536
        return Query(name, kind, number=self._number, padded=padded)

    async def ask(self, query: Query) -> bytes:
        number = int.from_bytes(query.wire[:2])
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (query, answer)
        try:
            self._writer.write(len(query.wire).to_bytes(2) + query.wire)
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def aclose(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.transport.abort()  # in case reading hadn't begun

    async def _read(self) -> None:
        failure: OSError = ConnectionResetError("closed the connection")
        try:
            while True:
                async with asyncio.timeout(self._idle_seconds):
                    size = int.from_bytes(await self._reader.readexactly(2))
                    wire = await self._reader.readexactly(size)
                self._tell(wire)
        except (DNSError, ConnectionError, ssl.SSLError) as error:
            failure = error
        except (OSError, asyncio.IncompleteReadError):
            pass  # idle, or closed
        finally:
            self.is_open = False
            for _, answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(failure)
            self._writer.transport.abort()  # closing gracefully would wait for a peer that no longer reads

    def _tell(self, wire: bytes) -> None:
        query, answer = self._waiting.get(int.from_bytes(wire[:2]), (None, None))
        if query is None or answer is None:
            # The caller was cancelled. Too many such answers are a flood, though.
            self._late_answers += 1
            if self._late_answers > _MAX_LATE_ANSWERS:
                raise DNSError("sent an answer that nobody asked for")
            return
        if not query.is_answered_by(wire):
            raise DNSError("sent something that is no answer")
        if not answer.done():
            answer.set_result(wire)
