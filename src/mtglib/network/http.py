"""An HTTP client whose connections come from a `Network`: redirects, pooling and HTTP/2 are httpx2's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore2
import httpx2

from ..interfaces import Dial

_REQUEST_TIMEOUT = 10.0
_DIAL_TIMEOUT = 10.0


def http_client(dial: Dial) -> httpx2.AsyncClient:
    """Make a client that dials with `dial` and looks up names nowhere else."""
    return httpx2.AsyncClient(
        transport=_Transport(dial), timeout=_REQUEST_TIMEOUT, follow_redirects=True, trust_env=False
    )


class _Stream(httpcore2.AsyncNetworkStream):
    """httpcore's view of an asyncio stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        async with asyncio.timeout(timeout):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._writer.write(buffer)
        async with asyncio.timeout(timeout):
            await self._writer.drain()

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        async with asyncio.timeout(timeout):
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._reader.at_eof() if info == "is_readable" else self._writer.get_extra_info(info)


class _Backend(httpcore2.AsyncNetworkBackend):
    """Where httpcore gets its connections from."""

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
        sock = await self._dial(host, port, timeout_seconds=timeout or _DIAL_TIMEOUT)
        return _Stream(*await asyncio.open_connection(sock=sock))


class _Body(httpx2.AsyncByteStream):
    """A response's body, as httpx wants it."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _Transport(httpx2.AsyncBaseTransport):
    """httpx's requests over httpcore's pool over our connections."""

    def __init__(self, dial: Dial) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), http2=True, network_backend=_Backend(dial)
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        response = await self._pool.handle_async_request(
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
        await self._pool.aclose()
