"""Nothing is left of connections that are over, nor of a proxy that was shut down."""

from __future__ import annotations

import asyncio
import gc
import socket
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

import mtglib
from integration.stage import HOST, Stage, open_fds, stage, tcp_pair
from mtglib.conn import Conn
from mtglib.network import Direct
from support import sockets
from support.eventually import eventually
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def check_echo(client: FakeTLSClient) -> None:
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"


def of_all_kinds(around: Stage) -> list[Callable[[], Awaitable[None]]]:
    """Coroutine functions, each of which is one connection of another kind."""

    async def echoed() -> None:
        async with await around.client() as client:
            await check_echo(client)

    async def vanishes() -> None:
        client = await around.client()
        await check_echo(client)
        client.reset()

    async def breaks_the_protocol() -> None:
        client = await around.client()
        await client.send_raw(b"\x16\x03\x03\x00\x01x")
        await client.recv_until_end()
        client.close()

    async def wants_another_dc() -> None:
        async with await around.client(77) as client:
            await client.recv_until_end()

    async def has_another_tag() -> None:
        async with await around.client(tag=b"\xee" * 4) as client:
            await client.recv_until_end()

    async def leaves_without_a_byte() -> None:
        sockets.close(await around.stranger())

    async def vanishes_in_its_hello() -> None:
        sockets.reset(await around.stranger(b"\x16\x03\x01"))

    async def leaves_in_its_hello() -> None:
        await around.probe(b"\x16\x03\x01", then_eof=True)

    async def is_fronted() -> None:
        await around.probe(GARBAGE, then_eof=True)

    async def leaves_before_its_frame() -> None:
        client = await around.client_before_hello()
        await client.send_hello()
        await client.receive_answer()
        client.close()

    async def sends_an_alert() -> None:
        client = await around.client()
        await client.send_raw(b"\x15\x03\x03\x00\x02\x01\x00")
        await client.recv_until_end()
        client.close()

    return [
        *(echoed, vanishes, breaks_the_protocol, wants_another_dc, has_another_tag, leaves_without_a_byte),
        *(vanishes_in_its_hello, leaves_in_its_hello, is_fronted, leaves_before_its_frame, sends_an_alert),
    ]


async def test_a_relayed_client_keeps_no_socket_that_was_given_away(relay: str) -> None:
    async with stage(relay) as around:
        await check_echo(await around.client())
        gc.collect()  # what earlier tests have left
        given_away = _given_away_sockets()
        for _ in range(3):
            await check_echo(await around.client())

        assert _given_away_sockets() == given_away


def _given_away_sockets() -> int:
    return sum(type(thing) is socket.socket and thing.fileno() < 0 for thing in gc.get_objects())


async def test_connections_of_all_kinds_leave_nothing_behind(relay: str) -> None:
    async with stage(relay, warnings=True) as around:
        await check_echo(await around.client())
        kinds = of_all_kinds(around)
        for kind in kinds:
            await kind()
        await around.finished(len(kinds))
        await _quiet(around)
        fds, tasks = len(open_fds()), len(asyncio.all_tasks())

        for _ in range(4):
            await asyncio.gather(*(kind() for kind in kinds for _ in range(5)))
        await around.finished(len(kinds) * 21)
        await _quiet(around)

        assert around.log.warnings == []
        assert (len(open_fds()), len(asyncio.all_tasks())) == (fds, tasks)


async def _quiet(around: Stage) -> None:
    """Wait until the peers have closed their ends, too: only the first client is left."""
    await eventually(lambda: (around.dc.open_connections, around.site.open_connections) == (1, 0))


async def test_shutdown_gives_descriptors_back_without_the_garbage_collector(relay: mtglib.RelayChoice) -> None:
    async with FakeDC() as dc:
        gc.collect()
        gc.disable()
        try:
            before = open_fds()
            secret = mtglib.Secret.generate(HOST)
            options = mtglib.ProxyOpts.with_defaults(
                secret, relay=relay, dc_overrides={2: [dc.address]}, front_learning=None
            )
            proxy = mtglib.Proxy(options)
            ours, theirs = await tcp_pair()
            serving = asyncio.create_task(proxy.serve_conn(theirs))
            client = FakeTLSClient(ours, secret)
            await client.handshake()
            await check_echo(client)
            client.close()
            await serving
            await proxy.shutdown()
            for connection in dc.connections:
                connection.close()

            assert open_fds() - before == set()
        finally:
            gc.enable()


async def test_what_a_connection_has_read_is_free_without_the_garbage_collector(relay: str) -> None:
    """A crowd of visitors would otherwise hold its bytes until the next collection, which may be minutes later."""

    def conns() -> int:
        return sum(type(each) is Conn for each in gc.get_objects())

    async def is_ended_while_the_site_is_silent() -> None:
        stranger = await around.stranger(GARBAGE)
        await eventually(lambda: _fronted(around) != [])
        around.proxy.end(*_fronted(around))
        sockets.close(stranger)

    async with stage(relay, warnings=True) as around:
        await check_echo(await around.client())
        left_by = list[str]()
        gc.collect()
        gc.disable()
        try:
            before = conns()
            for count, kind in enumerate([*of_all_kinds(around), is_ended_while_the_site_is_silent], 1):
                await kind()
                await around.finished(count)
                await asyncio.sleep(0)  # the task of its stream ends
                if conns() > before:
                    left_by.append(kind.__name__)
                    before = conns()
        finally:
            gc.enable()

        assert left_by == []


def _fronted(around: Stage) -> list[str]:
    return [each.stream_id for each in around.proxy.connections() if each.state == mtglib.State.FRONTED]


async def test_who_waits_for_the_site_costs_little_memory(relay: str) -> None:
    """What it goes on to say stays with the kernel, which slows it down."""
    network, said = Unanswered(), GARBAGE + bytes(200_000)
    async with stage(relay, front_network=network) as around:
        tracemalloc.start()
        try:
            for _ in range(10):
                await around.stranger(said)
            await eventually(lambda: network.dials == 10)
            kept_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert kept_bytes < 10 * 40_000


class Unanswered(Direct):
    """A network in which nobody answers."""

    dials = 0

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dials += 1
        answering: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        return await answering
