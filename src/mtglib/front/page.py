"""Loads a page of the site as a visitor would, and notes the records in which it comes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final

from ..errors import UpstreamError
from ..page_urls import Page
from ..relay.job import PageRecords, TimedRecord
from ..wire.timed_records import ArrivedRecord, TimedRecordReader
from ..wire.tls_records import FULL_RECORD_BYTES, HEADER_BYTES
from .exchange import PROTOCOLS, HTTP1Exchange, HTTP2Exchange, PageExchange

_SILENCE_SECONDS: Final = 1.0
"""A site that has sent nothing for so long has sent everything: a relay's records start again then as well."""

_LOAD_TIMEOUT: Final = 30.0
_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_RECORDS: Final = 512
_SHORTEST_PAUSE_SECONDS: Final = 0.0005
"""A network makes shorter ones by itself."""

_GAP_SECONDS: Final = 0.005
"""A pause in a response that is long enough to look at what came before it."""

_RECV_BYTES: Final = 256 * 1024


async def load_page(
    sock: socket.socket, preamble: bytes, page: Page, clock: Callable[[], float] = time.monotonic
) -> PageRecords:
    """Load a page over a new connection, which stays the caller's. A page that is too long is left unfinished.

    Args:
        sock: Connected to the site.
        preamble: What the site gets first.
        page: What to load.
        clock: Returns monotonic seconds.

    Raises:
        OSError, TimeoutError: The connection is broken, or the site is too slow.
        UpstreamError: The site has no TLS 1.3, or no such page.
    """
    connection, noted = _TLSConnection(sock, page.host, clock), _Noted()
    over_http2 = HTTP2Exchange(page)  # it takes a while, and a site notes whether a request follows the handshake
    async with asyncio.timeout(_LOAD_TIMEOUT):
        await asyncio.get_running_loop().sock_sendall(sock, preamble)
        exchange: PageExchange = over_http2 if await connection.shake_hands() == "h2" else HTTP1Exchange(page)
        await connection.send(exchange.request)
        while (
            records := await connection.receive(*(_SILENCE_SECONDS, _GAP_SECONDS) if exchange.has_begun else (None,))
        ) is not None:
            for record in records:
                if (content := connection.decrypt(record.data)) is not None and not noted.is_full:
                    await connection.send(exchange.take(content))
                    noted.add(record, exchange)
            if noted.is_full or exchange.is_over or connection.has_ended:
                break
        await connection.end()
    return noted.page_records()


class _Noted:
    """The records so far."""

    def __init__(self) -> None:
        self._records: list[TimedRecord] = []
        self._known: dict[TimedRecord, TimedRecord] = {}  # most are alike, and are kept for hours
        self._opening = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= _MOST_BYTES or len(self._records) >= _MOST_RECORDS

    def add(self, record: ArrivedRecord, exchange: PageExchange) -> None:
        """Note a record, which the exchange has taken."""
        self._bytes += len(record.data)
        self._opening += not exchange.has_begun
        pause_seconds = record.pause_seconds if record.pause_seconds >= _SHORTEST_PAUSE_SECONDS else 0.0
        size_bytes = min(len(record.data) - HEADER_BYTES, FULL_RECORD_BYTES)
        noted = TimedRecord(size_bytes, pause_seconds)
        self._records.append(self._known.setdefault(noted, noted))

    def page_records(self) -> PageRecords:
        """Return what was noted."""
        if self._opening == len(self._records):
            raise UpstreamError("no response")
        return PageRecords(tuple(self._records), self._opening)


class _TLSConnection:
    """TLS over a socket, one record at a time.

    Attributes:
        has_ended: Whether the site has ended the session.
    """

    def __init__(self, sock: socket.socket, host: str, clock: Callable[[], float]) -> None:
        self.has_ended = False
        self._sock = sock
        self._clock = clock
        self._reader = TimedRecordReader(clock())
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def shake_hands(self) -> str | None:
        """Return the protocol that was agreed on."""
        while True:
            try:
                self._tls.do_handshake()
                await self._flush()  # not together with the request: browsers don't
                return self._tls.selected_alpn_protocol()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError as error:
                raise UpstreamError(f"no handshake of TLS 1.3: {error.reason or error}") from error
            if (records := await self.receive(None)) is None:
                raise UpstreamError("no handshake of TLS 1.3: the connection was closed")
            for record in records:
                self._incoming.write(record.data)

    async def send(self, data: bytes) -> None:
        """Send data, if there is some."""
        if data:
            self._tls.write(data)
            await self._flush()

    async def receive(self, timeout_seconds: float | None, gap_seconds: float = 0.0) -> list[ArrivedRecord] | None:
        """Return the records that are complete now that something has come; None after an end, or a time-out.

        Where a site cuts its records may depend on how fast its visitor reads. So what comes is read first and looked
        at when nothing more does, for as long as a gap.
        """
        arrived, come_bytes, was_waited_for = list[tuple[bytes, float, bool]](), 0, False
        while come_bytes < _MOST_BYTES:
            try:
                data = self._sock.recv(_RECV_BYTES)
            except BlockingIOError:
                if arrived and not gap_seconds:
                    break
                if not await self._is_readable(gap_seconds if arrived else timeout_seconds):
                    break
                was_waited_for = True
                continue
            if not data:
                break
            arrived.append((data, self._clock(), was_waited_for))
            come_bytes += len(data)
            was_waited_for = False
            await asyncio.sleep(0)  # it is the clients' turn
        if not arrived:
            return None
        return [record for data, at_mono, waited in arrived for record in self._reader.feed(data, at_mono, waited)]

    async def _is_readable(self, timeout_seconds: float | None) -> bool:
        """Wait until something comes; False after a time-out. `sock_recv` could lose what comes at the same moment."""
        loop, fd = asyncio.get_running_loop(), self._sock.fileno()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(fd, _settle, readable)
        try:
            async with asyncio.timeout(timeout_seconds):
                await readable
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(fd)
        return True

    def decrypt(self, record: bytes) -> bytes | None:
        """Return what a record holds for the visitor; None if it ends the session."""
        self._incoming.write(record)
        try:
            content = self._tls.read(_RECV_BYTES)
            self.has_ended = not content
            return content or None
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise UpstreamError(f"the session is broken: {error.reason or error}") from error

    async def end(self) -> None:
        """Say that we are done, as browsers do."""
        with suppress(ssl.SSLError, OSError):  # it wants the site's answer, too
            self._tls.unwrap()
        with suppress(OSError):
            await self._flush()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await asyncio.get_running_loop().sock_sendall(self._sock, data)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@cache
def _context() -> ssl.SSLContext:
    """Make a context that trusts any certificate: nothing secret is sent, and visitors are shown this server anyway."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(PROTOCOLS)
    return context
