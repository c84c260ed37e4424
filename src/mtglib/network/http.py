"""An HTTP client that connects with a `Network`; httpx2 does redirects, pooling and HTTP/2.

Every failure is an `httpx2.HTTPError`, with the cause as `__cause__`: the streams here raise httpcore2's errors, and
the transport converts them to httpx2's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore2
import httpx2

from ..ground.checks import check_callable, check_kind, check_seconds
from ..ground.deadlines import LATE_SECONDS, within
from ..interfaces import Dial
from .streams import streams_over
from .trust import default_context

_TIMEOUT_SECONDS: Final = 10.0
_MAX_TIMEOUT_SECONDS: Final = 3600.0
_KEPT_IDLE_SECONDS: Final = 30.0


def http_client(
    dial: Dial, *, timeout_seconds: float = _TIMEOUT_SECONDS, ssl_context: ssl.SSLContext | None = None
) -> httpx2.AsyncClient:
    """Make a client that dials with `dial` and looks up names nowhere else; see `Direct.http_client`."""
    check_callable("dial", dial, "a function called as Network.dial")
    check_seconds("timeout_seconds", timeout_seconds, _MAX_TIMEOUT_SECONDS)
    if ssl_context is not None:
        check_kind("ssl_context", ssl_context, ssl.SSLContext)
    return httpx2.AsyncClient(
        transport=_HTTPTransport(dial, ssl_context),
        timeout=timeout_seconds,
        follow_redirects=True,
        trust_env=False,
    )


class _Reader(asyncio.StreamReader):
    """A stream reader that knows whether it has unread bytes: httpcore asks that about idle connections."""

    def __init__(self) -> None:
        super().__init__()
        self.unread_bytes = 0

    def feed_data(self, data: Any) -> None:
        self.unread_bytes += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self.unread_bytes -= len(data)
        return data


class _HTTPStream(httpcore2.AsyncNetworkStream):
    """httpcore's view of an asyncio stream."""

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _errors_as(httpcore2.ReadError, httpcore2.ReadTimeout):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _errors_as(httpcore2.WriteError, httpcore2.WriteTimeout):
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        with _errors_as(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._reader.unread_bytes > 0 or self._reader.at_eof()
        return self._writer.get_extra_info(info)


class _Backend(httpcore2.AsyncNetworkBackend):
    """Makes httpcore's connections."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        timeout_seconds = _TIMEOUT_SECONDS if timeout is None else timeout
        with _errors_as(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            dialling = self._dial(host, port, timeout_seconds=timeout_seconds)
            sock = await within(timeout_seconds, dialling, late_seconds=LATE_SECONDS)
            reader = _Reader()
            _, writer = await streams_over(sock, reader)
        return _HTTPStream(reader, writer)


class _Body(httpx2.AsyncByteStream):
    """A response's body, as httpx wants it."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _HTTPTransport(httpx2.AsyncBaseTransport):
    """httpx's requests over httpcore's pool over our connections."""

    def __init__(self, dial: Dial, ssl_context: ssl.SSLContext | None) -> None:
        self._dial = dial
        self._ssl_context = ssl_context
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        pool = await self._opened()
        with _httpx_errors():
            response = await pool.handle_async_request(
                httpcore2.Request(
                    request.method,
                    httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _opened(self) -> httpcore2.AsyncConnectionPool:
        if self._ssl_context is None:
            self._ssl_context = await default_context("http")
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context,
                http2=True,
                keepalive_expiry=_KEPT_IDLE_SECONDS,
                network_backend=_Backend(self._dial),
            )
        return self._pool


@contextmanager
def _errors_as(broken: type[Exception], late: type[Exception]) -> Iterator[None]:
    """Convert exceptions of the system to httpcore's."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error) or "no answer in time") from error
    except OSError as error:
        raise broken(str(error)) from error


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Turn httpcore's errors into httpx's, which have the same names."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
        httpcore2.ProxyError,
    ) as error:
        ours: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise ours(str(error)) from (error.__context__ or error)  # the original cause, which the pool hides
