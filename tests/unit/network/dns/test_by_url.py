"""Resolvers by their URL: how each asks its server. Which URLs there are is for test_url."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mtglib.network import ClosableResolver, resolver_from_url
from support import sockets

NAME = "name.example"


class Dialled:
    """A dial that leads to the test, or nowhere."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, int, float]] = []
        self._far: asyncio.Queue[socket.socket] = asyncio.Queue()
        self._error = error

    async def __call__(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.asked.append((host, port, timeout_seconds))
        if self._error is not None:
            raise self._error
        near, far = socket.socketpair()
        far.setblocking(False)
        self._far.put_nowait(far)
        return near

    async def heard(self) -> bytes:
        """Wait for a connection; return what is said first, and close it."""
        far = await self._far.get()
        heard = await asyncio.get_running_loop().sock_recv(far, 4096)
        sockets.close(far)
        return heard


@asynccontextmanager
async def closing(resolver: ClosableResolver) -> AsyncIterator[ClosableResolver]:
    try:
        yield resolver
    finally:
        await resolver.aclose()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("tls://192.0.2.53", "192.0.2.53", 853),
        ("tls://dns.example:99", "dns.example", 99),
        ("tls://[2001:db8::53]:99", "2001:db8::53", 99),
        ("https://dns.example", "dns.example", 443),
        ("https://[2001:db8::53]:99/path", "2001:db8::53", 99),
    ],
)
async def test_a_server_is_connected_to_by_the_dial_that_is_given_and_not_before_it_is_asked(
    url: str, host: str, port: int
) -> None:
    dial = Dialled(OSError("no route"))
    resolver = resolver_from_url(url, dial=dial, ssl_context=ssl.create_default_context(), timeout_seconds=2.5)
    assert dial.asked == []
    async with closing(resolver):
        with pytest.raises(OSError, match="no route"):
            await resolver.resolve(NAME, 443)

    assert {asked[:2] for asked in dial.asked} == {(host, port)}
    assert all(0 < asked[2] <= 2.5 for asked in dial.asked)


@pytest.mark.parametrize("url", ["tls://dns.example", "https://dns.example/path"])
async def test_a_server_with_a_certificate_is_asked_for_the_one_of_its_name(url: str) -> None:
    dial, context = Dialled(), ssl.create_default_context()
    context.set_alpn_protocols(["said-by-this-context"])
    async with closing(resolver_from_url(url, dial=dial, ssl_context=context)) as resolver:
        resolving = asyncio.create_task(resolver.resolve(NAME, 443))
        hello = await dial.heard()
        resolving.cancel()
        await asyncio.wait([resolving])

    assert hello.startswith(b"\x16\x03")
    assert b"dns.example" in hello
    assert NAME.encode() not in hello
    assert url.startswith("https") or b"said-by-this-context" in hello


@pytest.mark.parametrize("text", ["", "192.0.2.53", "udp://192.0.2.53", "tls://dns.example", "https://dns.example"])
async def test_an_address_needs_no_server(text: str) -> None:
    dial = Dialled(AssertionError("it is asked"))
    async with closing(resolver_from_url(text, dial=dial)) as resolver:
        for ip in ("192.0.2.1", "2001:db8::1"):
            (answer,) = await resolver.resolve(ip, 443)
            assert answer[-1][:2] == (ip, 443)


async def test_plain_dns_is_asked_by_datagrams_whatever_the_dial() -> None:
    dial = Dialled(OSError("no route"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        async with closing(resolver_from_url(f"127.0.0.1:{port}", dial=dial)) as resolver:
            resolving = asyncio.create_task(resolver.resolve(NAME, 443))
            question, _ = await asyncio.get_running_loop().sock_recvfrom(server, 4096)
            resolving.cancel()
            await asyncio.wait([resolving])

    assert b"\x04name\x07example" in question
    assert dial.asked == []


async def test_a_truncated_datagram_is_asked_for_again_through_the_dial() -> None:
    loop, dial = asyncio.get_running_loop(), Dialled(OSError("no route"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        async with closing(resolver_from_url(f"127.0.0.1:{port}", dial=dial)) as resolver:
            resolving = asyncio.create_task(resolver.resolve(NAME, 443))
            for _ in range(2):  # one of each family
                question, client = await loop.sock_recvfrom(server, 4096)
                truncated = question[:2] + b"\x83\x80" + question[4:]
                await loop.sock_sendto(server, truncated, client)
            with pytest.raises(OSError, match="no route"):
                await resolving

    assert {asked[:2] for asked in dial.asked} == {("127.0.0.1", port)}
