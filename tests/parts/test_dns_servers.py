"""Names from a real DNS server: over UDP, TCP, TLS and HTTPS, while it runs and while it doesn't."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from mtglib.network import Direct, ResolverClosedError
from mtglib.network.dns.by_url import resolver_from_url
from mtglib.network.dns.resolver import DNSResolver
from support.eventually import eventually
from support.unbound import MANY, Unbound, unbound_is_missing

pytestmark = [
    pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"]),
    pytest.mark.skipif(unbound_is_missing() is not None, reason=str(unbound_is_missing())),
]


PATIENT_SECONDS = 20.0
"""For a server on a busy machine; one that is away refuses at once."""


class Dialled:
    """Dials this machine, whatever the host, and counts."""

    def __init__(self) -> None:
        self.asked_for: list[tuple[str, int]] = []
        self.socks: list[socket.socket] = []

    async def __call__(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.asked_for.append((host, port))
        self.socks.append(await Direct().dial("127.0.0.1", port, timeout_seconds=timeout_seconds))
        return self.socks[-1]


@pytest.fixture
async def server() -> AsyncIterator[Unbound]:
    async with Unbound() as running:
        yield running


def make(server: Unbound, scheme: str, **options: Any) -> DNSResolver:
    port = {"udp": server.plain_port, "tls": server.tls_port, "https": server.https_port}[scheme]
    options = {"ssl_context": server.context} | options
    resolver = resolver_from_url(f"{scheme}://{options.pop('host', '127.0.0.1')}:{port}", **options)
    assert isinstance(resolver, DNSResolver)
    return resolver


every_transport = pytest.mark.parametrize("scheme", ["udp", "tls", "https"])


@every_transport
async def test_a_name_has_its_addresses_of_both_families(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme)) as resolver:
        assert await resolver.resolve("Both.Example.", 443) == [
            (socket.AF_INET6, ("::1", 443)),
            (socket.AF_INET, ("127.0.0.1", 443)),
        ]
        assert await resolver.resolve("four.example", 1) == [(socket.AF_INET, ("127.0.0.4", 1))]


@every_transport
async def test_a_name_without_addresses_is_an_error(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme)) as resolver:
        for name in ("none.example", "text.example"):
            with pytest.raises(socket.gaierror, match=f"{name} has no address"):
                await resolver.resolve(name, 443)


@every_transport
async def test_a_server_that_refuses_is_an_error(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme)) as resolver:
        with pytest.raises(OSError, match="REFUSED"):
            await resolver.resolve("www.refused.example", 443)


@every_transport
async def test_what_is_too_long_for_a_datagram_comes_another_way(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme)) as resolver:
        found = [address[0] for _, address in await resolver.resolve("many.example", 443)]

    assert len(set(found)) == 32
    assert set(found) <= set(MANY)


@every_transport
async def test_localhost_and_addresses_are_known_without_the_server(server: Unbound, scheme: str) -> None:
    await server.kill()
    async with aclosing(make(server, scheme)) as resolver:
        assert (socket.AF_INET, ("127.0.0.1", 1)) in await resolver.resolve("localhost", 1)
        assert await resolver.resolve("192.0.2.7", 1) == [(socket.AF_INET, ("192.0.2.7", 1))]


@every_transport
async def test_a_server_that_comes_back_is_asked_again(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme, timeout_seconds=PATIENT_SECONDS)) as resolver:
        assert await resolver.resolve("four.example", 1)
        await server.kill()
        with pytest.raises(OSError):
            await resolver.resolve("both.example", 1)
        await server.start()

        assert await resolver.resolve("both.example", 1)


@every_transport
async def test_a_server_that_restarts_between_questions_goes_unnoticed(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme)) as resolver:
        assert await resolver.resolve("four.example", 1)
        await server.kill()
        await server.start()

        assert await resolver.resolve("both.example", 1)


@every_transport
async def test_what_is_cached_needs_no_server(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme, timeout_seconds=PATIENT_SECONDS)) as resolver:
        answers = await resolver.resolve("both.example", 1)
        await server.kill()

        assert await resolver.resolve("both.example", 1) == answers


@pytest.mark.parametrize("scheme", ["tls", "https"])
async def test_questions_share_a_connection_made_by_the_dial_function(server: Unbound, scheme: str) -> None:
    dial = Dialled()
    port = server.tls_port if scheme == "tls" else server.https_port
    async with aclosing(make(server, scheme, dial=dial, host="dns.example")) as resolver:
        for name in ("both.example", "four.example", "long.example"):
            assert await resolver.resolve(name, 1)

    assert set(dial.asked_for) == {("dns.example", port)}
    assert len(dial.asked_for) <= 2, "the very first two questions may have one each"


@pytest.mark.parametrize("scheme", ["udp", "tls", "https"])
async def test_closing_ends_all_connections_and_who_waits(server: Unbound, scheme: str) -> None:
    dial = Dialled()
    resolver = make(server, scheme, dial=dial, host="127.0.0.1")
    assert await resolver.resolve("many.example", 1)
    waiting = asyncio.create_task(resolver.resolve("both.example", 1))
    await asyncio.sleep(0)
    await resolver.aclose()

    with pytest.raises(ResolverClosedError):
        await waiting
    await eventually(lambda: all(sock.fileno() == -1 for sock in dial.socks))


@pytest.mark.parametrize("scheme", ["tls", "https"])
async def test_a_certificate_must_be_for_the_server_that_is_asked(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme, dial=Dialled(), host="other.example")) as resolver:
        with pytest.raises(OSError, match="certificate"):
            await resolver.resolve("both.example", 1)


@pytest.mark.parametrize("scheme", ["tls", "https"])
async def test_a_certificate_must_come_from_somebody_known(server: Unbound, scheme: str) -> None:
    async with aclosing(make(server, scheme, ssl_context=ssl.create_default_context())) as resolver:
        with pytest.raises(OSError, match="certificate"):
            await resolver.resolve("both.example", 1)


@every_transport
async def test_a_network_dials_what_its_resolver_finds(server: Unbound, scheme: str) -> None:
    with socket.create_server(("127.0.0.4", 0)) as listener:
        async with aclosing(make(server, scheme)) as resolver:
            network = Direct(resolver=resolver)
            port = listener.getsockname()[1]
            socks = await asyncio.gather(
                *(network.dial("four.example", port, timeout_seconds=5) for _ in range(5)),
            )
        for sock in socks:
            assert sock.getpeername() == ("127.0.0.4", port)
            sock.close()
