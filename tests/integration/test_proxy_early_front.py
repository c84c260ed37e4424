"""Visitors who are slow: the site has them from the start, and a client of ours is found all the same."""

from __future__ import annotations

import asyncio
import socket

import pytest

import mtglib
from integration.event_rules import names
from integration.stage import Stage, stage
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import FrontConnection, RecordingFront, answer
from support.ports import free_port
from support.timeless import timeless

REFUSAL = b"408 too slow"


async def hello_of(around: Stage) -> tuple[FakeTLSClient, bytes]:
    """A client that has connected, and the hello that it hasn't sent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        maker = FakeTLSClient(ours, around.secret)
        await maker.send_hello()
    client = await around.client_before_hello()
    client.hello = maker.hello
    return client, hello_records(maker.hello)


async def test_silence_is_the_sites(relay: str) -> None:
    async def time_out(connection: FrontConnection) -> None:
        await connection.send(REFUSAL)

    async with stage(relay, script=time_out) as around:
        visitor = await around.stranger()

        assert await sockets.recv_until_end(visitor) == sockets.Received(REFUSAL, "eof")
        sockets.close(visitor)
        assert names(await around.finished()) == ["Start", "DomainFronting", "Traffic", "Finish"]
        assert around.events.of(mtglib.EventDomainFronting)[0].reason is mtglib.Reason.TIMEOUT


async def test_the_site_gets_each_byte_as_it_comes(relay: str) -> None:
    async with stage(relay) as around:
        client, hello = await hello_of(around)
        await client.send_raw(hello[:1])
        connection = await around.front.connection()
        for end in (1, 2, 5, 6, 100, len(hello) - 1):
            await client.send_raw(hello[len(connection.received) : end])
            assert await connection.got(end) == hello[:end]
        assert around.events.of(mtglib.EventDomainFronting) == []


async def test_a_slow_client_is_let_in_and_the_site_dropped(relay: str) -> None:
    async with stage(relay) as around:
        client, hello = await hello_of(around)
        await client.send_raw(hello[:-1])
        connection = await around.front.connection()
        await connection.got(len(hello) - 1)

        await client.send_raw(hello[-1:])
        await client.receive_answer()
        await client.send_frame()
        await client.send(b"in")

        assert await client.recv_exactly(2) == b"in"
        assert (await connection.ended()).data == hello[:-1], "the site never sees a whole hello of ours"
        assert names(around.events.events)[:2] == ["Start", "ConnectedToDC"]


async def test_once_the_site_has_spoken_the_visitor_is_its(relay: str) -> None:
    async with stage(relay, script=answer(REFUSAL, after_bytes=9)) as around:
        client, hello = await hello_of(around)
        await client.send_raw(hello[:9])
        connection = await around.front.connection()
        assert await sockets.recv_exactly(client.sock, len(REFUSAL)) == REFUSAL

        await client.send_raw(hello[9:])

        assert await connection.got(len(hello)) == hello
        assert around.dc.accepted == 0


async def test_once_the_site_has_ended_the_visitor_is_its(relay: str) -> None:
    async def end(connection: FrontConnection) -> None:
        connection.send_eof()
        await connection.ended()

    async with stage(relay, script=end) as around:
        visitor = await around.stranger(b"\x16")

        assert await sockets.recv_until_end(visitor) == sockets.Received(b"", "eof")
        await sockets.send_all(visitor, b"more")
        assert await around.front.connections[0].got(5) == b"\x16more"


async def test_the_sites_reset_reaches_a_silent_visitor(relay: str) -> None:
    async def reset(connection: FrontConnection) -> None:
        connection.reset()

    async with stage(relay, script=reset) as around:
        visitor = await around.stranger()

        assert await sockets.recv_until_end(visitor) == sockets.Received(b"", "reset")


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01"])
@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_how_a_slow_visitor_leaves_reaches_the_site(relay: str, data: bytes, how: sockets.Ending) -> None:
    async with stage(relay) as around:
        visitor = await around.stranger(data)
        connection = await around.front.connection()
        await connection.got(len(data))

        (sockets.send_eof if how == "eof" else sockets.reset)(visitor)

        assert await connection.ended() == sockets.Received(data, how)
        await around.finished()


async def test_what_can_be_no_hello_any_more_is_handed_over_once(relay: str) -> None:
    async with stage(relay, script=answer(b"400", after_bytes=4)) as around:
        visitor = await around.stranger(b"\x16\x03")
        connection = await around.front.connection()
        await connection.got(2)
        await sockets.send_all(visitor, b"GE")

        assert await connection.got(4) == b"\x16\x03GE"
        assert await sockets.recv_exactly(visitor, 3) == b"400"
        assert len(around.front.connections) == 1
        (event,) = around.events.of(mtglib.EventDomainFronting)
        assert event.reason is mtglib.Reason.NOT_TLS
        sockets.close(visitor)
        await around.finished()
        moved = [e.traffic_bytes for e in around.events.of(mtglib.EventTraffic) if not e.is_read]
        assert sum(moved) == 4


async def test_a_replay_that_comes_slowly_is_the_sites(relay: str) -> None:
    async with stage(relay, script=answer(REFUSAL, after_bytes=500)) as around:
        client = await around.client()
        wire = hello_records(client.hello)
        visitor = await around.stranger(wire[:100])
        connection = await around.front.connection()
        await connection.got(100)
        await sockets.send_all(visitor, wire[100:])

        assert await connection.got(len(wire)) == wire
        assert await sockets.recv_exactly(visitor, len(REFUSAL)) == REFUSAL
        assert len(around.events.of(mtglib.EventReplayAttack)) == 1


async def test_a_dead_site_costs_a_slow_client_nothing(relay: str) -> None:
    async with stage(relay, domain_fronting_port=free_port(), warnings=True) as around:
        client, hello = await hello_of(around)
        slow_byte = hello[:1]
        await client.send_raw(slow_byte)
        await asyncio.sleep(0.1)  # longer than the proxy waits before it dials
        await client.send_raw(hello[1:])
        await client.receive_answer()
        silent = await around.stranger()
        await asyncio.sleep(0.1)
        sockets.send_eof(silent)
        assert await sockets.recv_until_end(silent) == sockets.Received(b"", "eof")
        assert around.log.warnings == []
        slow = await around.stranger(b"\x16")
        await asyncio.sleep(0.1)
        sockets.send_eof(slow)

        assert await sockets.recv_until_end(slow) == sockets.Received(b"", "reset")
        assert len(around.log.warnings) == 1
        assert "can't be reached" in around.log.warnings[0]


async def test_the_site_is_told_who_is_silent(relay: str) -> None:
    site = RecordingFront(proxy_protocol=True)
    async with stage(relay, site=site, domain_fronting_proxy_protocol=True) as around:
        visitor = await around.stranger(b"\x16")
        connection = await around.front.connection()
        ip, port = visitor.getsockname()

        assert connection.proxy_header[16:20] == socket.inet_aton(ip)
        assert connection.proxy_header[24:26] == port.to_bytes(2)
        await sockets.send_all(visitor, b"not a hello")
        assert await connection.got(12) == b"\x16not a hello"


async def test_shutdown_ends_slow_visitors_and_their_sites(relay: str) -> None:
    async with stage(relay) as around:
        visitor = await around.stranger(b"\x16")
        connection = await around.front.connection()
        await connection.got(1)

        await around.proxy.shutdown()

        assert (await sockets.recv_until_end(visitor)).data == b""
        assert (await connection.ended()).data == b"\x16"
        assert around.proxy.connections() == ()


async def test_a_site_that_is_slow_to_connect_is_waited_for(relay: str) -> None:
    """A listener whose queue is full: the dial hangs until somebody is accepted."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        queue = [socket.create_connection(listener.getsockname()) for _ in range(1)]
        async with stage(relay, domain_fronting_port=listener.getsockname()[1], dial_timeout=10.0) as around:
            visitor = await around.stranger(b"\x16")
            await around.events.seen(mtglib.EventStart)
            await sockets.send_all(visitor, b"junk")
            await around.events.seen(mtglib.EventDomainFronting)
            accepted = []
            listener.setblocking(False)

            def take() -> bool:
                try:
                    accepted.append(listener.accept()[0])
                except BlockingIOError:
                    return False
                return len(accepted) == 2

            await eventually(take)
            accepted[1].settimeout(10)
            assert await asyncio.to_thread(accepted[1].recv, 5, socket.MSG_WAITALL) == b"\x16junk"
            for sock in [*accepted, *queue]:
                sock.close()


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01"], ids=["silent", "half a hello"])
@timeless
async def test_a_visitor_who_pauses_is_connected_to_the_site_after_50_ms(data: bytes) -> None:
    async with stage("pure") as around:
        visitor = await around.stranger(data)
        began_mono = asyncio.get_running_loop().time()
        await around.front.connection()

        assert asyncio.get_running_loop().time() - began_mono == pytest.approx(0.05, abs=0.01)
        sockets.close(visitor)


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01"], ids=["silent", "half a hello"])
@timeless
async def test_the_sites_own_time_out_ends_a_slow_visitor_and_not_ours(data: bytes) -> None:
    async def time_out(connection: FrontConnection) -> None:
        await asyncio.sleep(3)
        await connection.send(REFUSAL)

    async with stage("pure", script=time_out, handshake_timeout=100.0) as around:
        visitor = await around.stranger(data)
        began_mono = asyncio.get_running_loop().time()

        assert await sockets.recv_until_end(visitor) == sockets.Received(REFUSAL, "eof")
        assert asyncio.get_running_loop().time() - began_mono == pytest.approx(3.05, abs=0.02)
        sockets.close(visitor)


@timeless
async def test_a_visitor_who_never_pauses_is_the_sites_soon_all_the_same() -> None:
    async with stage("pure") as around:
        hello, sent = hello_records(build_client_hello("front.example")), 0
        visitor = await around.stranger()
        began_mono = asyncio.get_running_loop().time()
        while not around.front.connections:
            await sockets.send_all(visitor, hello[sent : sent + 1])
            sent += 1
            await asyncio.sleep(0.01)

        waited_seconds = asyncio.get_running_loop().time() - began_mono
        assert waited_seconds == pytest.approx(0.1, abs=0.02)


async def test_a_site_that_answers_while_the_memory_is_asked_keeps_the_visitor(relay: str) -> None:
    class Waiting:
        def __init__(self) -> None:
            self.asked, self.go = asyncio.Event(), asyncio.Event()

        async def seen_before(self, data: bytes) -> bool:
            self.asked.set()
            await self.go.wait()
            return False

    cache = Waiting()
    async with stage(relay, anti_replay_cache=cache) as around:
        client, hello = await hello_of(around)
        await client.send_raw(hello[:9])
        connection = await around.front.connection()
        await connection.got(9)
        await client.send_raw(hello[9:])
        await cache.asked.wait()
        await connection.send(REFUSAL)
        await asyncio.sleep(0.05)  # until the proxy has seen that it is there
        cache.go.set()

        assert await sockets.recv_exactly(client.sock, len(REFUSAL)) == REFUSAL
        assert await connection.got(len(hello)) == hello
        assert around.dc.accepted == 0


async def test_a_byte_of_a_slow_hello_puts_no_eviction_off(relay: str) -> None:
    async with stage(relay, concurrency=6) as around:
        slow = [await around.stranger(b"\x16") for _ in range(3)]
        for index in range(3):
            await (await around.front.connection(index)).got(1)
        by_port = {conn.sock.getpeername()[1]: conn for conn in around.front.connections}
        assert len(by_port) == 3
        await sockets.send_all(slow[0], b"\x03")
        received = [asyncio.create_task(connection.got(2)) for connection in around.front.connections]
        await asyncio.wait(received, return_when=asyncio.FIRST_COMPLETED)
        for task in received:
            task.cancel()
        await around.stranger()

        assert await sockets.recv_until_end(slow[0]) == sockets.Received(b"", "eof")
        assert len(around.proxy.connections()) == 3
