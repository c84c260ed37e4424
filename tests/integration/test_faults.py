"""What a proxy depends on fails: refusing, silent, resetting or slow. docs/reliability.md has the whole list."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.routed_network import RoutedNetwork
from integration.stage import stage
from mtglib.antireplay import Redis
from mtglib.network import CircuitBreaker, Direct, Socks5, resolver_from_url
from mtglib.relay.choice import ChosenRelay
from support import sockets
from support.client_hello import hello_random
from support.front import FrontConnection
from support.ports import free_port
from support.tcp_server import TCPServer

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"
HELLO = b"hello"
EOF, RESET = sockets.Received(b"", "eof"), sockets.Received(b"", "reset")


async def reset_at_once(sock: socket.socket) -> None:
    """Accept and reset."""
    sockets.reset(sock)


class Faulty(TCPServer):
    """Does the same to each connection."""

    def __init__(self, fault: Callable[[socket.socket], Awaitable[None]]) -> None:
        super().__init__()
        self._fault = fault

    async def serve_socket(self, sock: socket.socket) -> None:
        await self._fault(sock)


@asynccontextmanager
async def faulty(fault: str) -> AsyncIterator[int]:
    """Give the port of a server that has this fault."""
    if fault == "refusing":
        yield free_port()
    elif fault == "silent":
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:  # who connects waits there
            yield listener.getsockname()[1]
    else:
        async with Faulty(reset_at_once) as server:
            yield server.port


@asynccontextmanager
async def slowly_to(port: int) -> AsyncIterator[int]:
    """Give the port of a way to a server on which every piece takes a moment."""

    async def pass_on(source: socket.socket, target: socket.socket) -> None:
        while data := await asyncio.get_running_loop().sock_recv(source, 65536):
            await asyncio.sleep(0.01)
            await sockets.send_all(target, data)
        sockets.send_eof(target)

    async def serve(sock: socket.socket) -> None:
        target = await sockets.connect("127.0.0.1", port)
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(pass_on(sock, target), pass_on(target, sock))
        finally:
            sockets.close(target)

    async with Faulty(serve) as server:
        yield server.port


def dead_ends(logged: list[str]) -> list[str]:
    return [text.partition(" (")[0] for text in logged]


async def test_dc_that_refuses_closes_the_client_and_is_a_warning(relay: str) -> None:
    async with faulty("refusing") as one, faulty("refusing") as other:
        addresses = [f"127.0.0.1:{port}" for port in (one, other)]
        async with stage(relay, dc_overrides={2: addresses}, warnings=True) as around:
            client = await around.client()

            assert await client.recv_until_end() == EOF
            events = await around.finished()
            assert names(events) == ["Start", "Finish"]
            assert [event.reason for event in around.events.of(mtglib.EventFinish)] == ["dc_unreachable"]
            (warning,) = around.log.warnings
            assert dead_ends([warning]) == ["DC 2 can't be reached"]
            assert [port for port in (one, other) if f"127.0.0.1 port {port}: " not in warning] == []


async def test_dc_that_is_silent_ends_when_it_is_idle(relay: str) -> None:
    async with (
        faulty("silent") as port,
        stage(relay, dc_overrides={2: [f"127.0.0.1:{port}"]}, idle_timeout=0.05) as around,
    ):
        client = await around.client()
        await client.send(HELLO)

        await client.recv_until_end()
        assert await around.reason() == "idle"


async def test_dc_that_resets_resets_the_client(relay: str) -> None:
    async with (
        faulty("resetting") as port,
        stage(relay, dc_overrides={2: [f"127.0.0.1:{port}"]}, warnings=True) as around,
    ):
        client = await around.client()
        received = await client.recv_until_end()

        # If the reset is here before the dial has returned, the DC counts as one that can't be reached.
        assert (received, around.log.warnings != []) in ((RESET, False), (EOF, True))


async def test_dc_that_is_slow_is_waited_for(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network) as around, slowly_to(around.dc.port) as port:
        network.routes = {("127.0.0.1", around.dc.port): ("127.0.0.1", port)}
        client = await around.client()
        await client.send(HELLO)

        assert await client.recv_exactly(5) == HELLO


@pytest.mark.parametrize("fault", ["refusing", "silent", "resetting"])
async def test_front_that_fails_ends_as_the_site_does(relay: str, fault: str) -> None:
    async with faulty(fault) as port, stage(relay, domain_fronting_port=port, warnings=True) as around:
        visitor = await around.stranger(GARBAGE)
        if fault == "silent":  # it waits as it would at the site
            await around.events.seen(mtglib.EventDomainFronting)
            await around.proxy.shutdown()
            assert (await sockets.recv_until_end(visitor)).data == b""
            return
        assert await sockets.recv_until_end(visitor) == RESET
        assert fault == "resetting" or "fronting site can't be reached" in around.log.warnings[0]


async def test_front_that_is_slow_is_waited_for(relay: str) -> None:
    async def answer(connection: FrontConnection) -> None:
        await connection.got(len(GARBAGE))
        for byte in b"slow":
            await asyncio.sleep(0.005)
            await connection.send(bytes([byte]))
        connection.send_eof()

    async with stage(relay, script=answer) as around:
        assert await around.probe(GARBAGE, then_eof=True) == sockets.Received(b"slow", "eof")


@pytest.mark.parametrize("fault", ["refusing", "silent", "resetting"])
async def test_socks5_proxy_that_fails_closes_clients_and_rests(relay: str, fault: str) -> None:
    async with faulty(fault) as port:
        proxy = Socks5(f"socks5://127.0.0.1:{port}", base=Direct())
        network = CircuitBreaker(proxy, open_threshold=2, half_open_timeout_seconds=3600)
        async with stage(relay, network=network, front_network=Direct(), dial_timeout=0.05, warnings=True) as around:
            for _ in range(3):
                assert await (await around.client()).recv_until_end() == EOF
            await around.finished(3)

            assert not network.lets_through
            assert dead_ends(around.log.warnings) == ["DC 2 can't be reached"]
            assert "SOCKS5 proxy 127.0.0.1" in around.log.warnings[0]


async def socks_connect(sock: socket.socket) -> None:
    """Be a slow SOCKS5 proxy that connects to whatever is asked for."""
    await sockets.recv_exactly(sock, 3)
    await asyncio.sleep(0.01)
    await sockets.send_all(sock, b"\x05\x00")
    request = await sockets.recv_exactly(sock, 10)
    await asyncio.sleep(0.01)
    async with slowly_to(int.from_bytes(request[8:], "big")) as port:
        target = await sockets.connect("127.0.0.1", port)
        await sockets.send_all(sock, b"\x05\x00\x00\x01" + bytes(6))
        with contextlib.suppress(OSError):
            while data := await asyncio.get_running_loop().sock_recv(sock, 65536):
                await sockets.send_all(target, data)
                await sockets.send_all(sock, await asyncio.get_running_loop().sock_recv(target, 65536))
        sockets.close(target)


async def test_socks5_proxy_that_is_slow_is_waited_for(relay: str) -> None:
    async with Faulty(socks_connect) as server:
        network = Socks5(f"socks5://127.0.0.1:{server.port}", base=Direct())
        async with stage(relay, network=network, front_network=Direct()) as around:
            client = await around.client()
            await client.send(HELLO)
            assert await client.recv_exactly(5) == HELLO


@pytest.mark.parametrize("fault", ["refusing", "silent", "resetting"])
async def test_resolver_that_fails_resets_visitors_and_costs_no_client(relay: str, fault: str) -> None:
    async with faulty(fault) as port:
        resolver = resolver_from_url(f"tls://127.0.0.1:{port}")
        network = Direct(resolver=resolver)
        async with stage(relay, network=network, domain_fronting_ip=None, dial_timeout=0.05, warnings=True) as around:
            assert await around.probe(GARBAGE) == RESET
            client = await around.client()
            await client.send(HELLO)
            assert await client.recv_exactly(5) == HELLO

            (warning,) = around.log.warnings
            assert warning.startswith("the fronting site can't be reached: ")
            await resolver.aclose()


@pytest.mark.parametrize("fault", ["refusing", "silent", "resetting"])
async def test_redis_that_fails_costs_no_client_and_is_one_warning(relay: str, fault: str) -> None:
    async with faulty(fault) as port:
        async with stage(relay, warnings=True) as around:
            cache = Redis(f"redis://127.0.0.1:{port}", logger=around.log, timeout_seconds=0.05)
            async with stage(relay, anti_replay_cache=cache) as with_redis:
                for _ in range(2):
                    client = await with_redis.client()
                    await client.send(HELLO)
                    assert await client.recv_exactly(5) == HELLO
            await cache.close()

        (warning,) = around.log.warnings
        assert warning == f"the anti-replay server 127.0.0.1:{port} can't be used; using local memory until it is back"


async def test_a_clock_that_jumps_fronts_clients_until_it_is_right_again(relay: str) -> None:
    off_seconds = 0.0
    async with stage(relay, clock=lambda: time.time() + off_seconds) as around:
        for jump_seconds in (3600.0, -3600.0):
            off_seconds = jump_seconds
            client = await around.client_before_hello()
            await client.send_hello()
            connection = await around.front.connection(len(around.front.connections))
            assert hello_random(client.hello) in await connection.got(500)
            off_seconds = 0.0
            client = await around.client(first_payload=HELLO)
            assert await client.recv_exactly(5) == HELLO

        reasons = [event.reason for event in around.events.of(mtglib.EventDomainFronting)]
        assert reasons == ["clock", "clock"]


class OutOfMemory:
    """Each part at once; there is no memory for anything."""

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_") or method == "debug_enabled":
            raise AttributeError(method)
        return self._fail

    def _fail(self, *_: object, **__: object) -> Any:
        raise MemoryError


@pytest.mark.parametrize(
    ("part", "seen"),
    [("network", EOF), ("front_network", RESET), ("ip_blocklist", EOF), ("event_stream", None), ("logger", None)],
)
async def test_a_part_without_memory_costs_one_connection_at_most(
    relay: str, part: str, seen: sockets.Received | None
) -> None:
    changes: dict[str, Any] = {part: OutOfMemory()}
    if part == "network":
        changes["front_network"] = Direct()
    async with stage(relay, warnings=True, **changes) as around:
        if part == "front_network":
            assert await around.probe(GARBAGE) == seen
        elif part == "ip_blocklist":
            assert (await around.probe(b"")).ending in ("eof", "reset")
        else:
            client = await around.client(first_payload=HELLO)
            assert (await client.recv_exactly(5) == HELLO) if seen is None else (await client.recv_until_end() == seen)


class PanicError(BaseException):
    """As PyO3's PanicException, which is no Exception."""


async def test_a_panic_of_the_engine_costs_its_connection(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ChosenRelay.run
    panics = [True]

    def run_or_panic(engine: ChosenRelay, job: Any, on_traffic: Any) -> Any:
        if panics.pop():
            job.client.close()
            job.upstream.close()
            raise PanicError
        return run(engine, job, on_traffic)

    monkeypatch.setattr(ChosenRelay, "run", run_or_panic)
    async with stage(relay, warnings=True) as around:
        client = await around.client()
        assert (await client.recv_until_end()).ending in ("eof", "reset")
        (*_, finish) = await around.finished()
        assert isinstance(finish, mtglib.EventFinish)
        assert (finish.reason, around.log.warnings) == ("error", ["internal error in a connection"])

        panics.append(False)
        client = await around.client(first_payload=HELLO)
        assert await client.recv_exactly(5) == HELLO
