"""The HTTP client against real servers: every connection comes from the dial function, and from nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from mtglib.network import Direct
from support.front import nginx_is_missing
from support.nginx_site import PAGES, NginxSite
from support.ports import free_port
from unit.network.site import Dialled

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

Dial = Callable[..., Awaitable[socket.socket]]
needs_nginx = pytest.mark.skipif(nginx_is_missing() is not None, reason=str(nginx_is_missing()))


@pytest.fixture
async def site() -> AsyncIterator[NginxSite]:
    async with NginxSite("front.example") as running:
        yield running


def trusting(site: NginxSite) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(site.certificate_path))


@needs_nginx
async def test_pages_come_over_tls_through_one_dialled_connection(
    site: NginxSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    dial = Dialled(site.port)
    async with Direct().http_client(dial, ssl_context=trusting(site)) as client:
        for path in ("/page.txt", "/large.bin"):
            assert (await client.get(f"https://front.example{path}")).content == PAGES[path]

    assert dial.asked_for == [("front.example", 443)]


@needs_nginx
async def test_a_name_that_the_certificate_has_not_is_refused(site: NginxSite) -> None:
    async with Direct().http_client(Dialled(site.port), ssl_context=trusting(site)) as client:
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            await client.get("https://other.example/")


@needs_nginx
async def test_tls_that_never_comes_is_a_time_out(site: NginxSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dial = Dialled(listener.getsockname()[1])
        async with Direct().http_client(dial, timeout_seconds=0.05) as client:
            with pytest.raises(httpx2.ConnectTimeout):
                await client.get("https://front.example/")


async def test_a_dial_function_that_hangs_is_a_time_out() -> None:
    async def hang(host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError

    async with Direct().http_client(hang, timeout_seconds=0.05) as client:
        with pytest.raises(httpx2.ConnectTimeout):
            await client.get("http://front.example/")


@contextlib.asynccontextmanager
async def server(script: bytes) -> AsyncIterator[int]:
    """Send the same to everyone who asks, and close; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(script)
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "script",
    [
        *(
            b"",
            b"\0\1\2\3",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000,
        ),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_server_that_breaks_the_rules_is_an_http_error(script: bytes) -> None:
    async with server(script) as port, Direct().http_client(timeout_seconds=5) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_server_that_resets_is_an_http_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        async def reset() -> None:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()

        resetting = asyncio.create_task(reset())
        async with Direct().http_client() as client:
            with pytest.raises(httpx2.HTTPError):
                await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        await resetting


async def test_what_nobody_listens_for_is_an_http_error() -> None:
    async with Direct().http_client() as client:
        with pytest.raises(httpx2.ConnectError) as caught:
            await client.get(f"http://127.0.0.1:{free_port()}/")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
