"""Visitors have a share of the places, and make room for each other: nobody is locked out."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import mtglib
from integration.event_rules import by_stream, names
from integration.stage import Stage, stage, tcp_pair
from mtglib.ground.endpoints import endpoint_of
from support import sockets
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import answer_then_eof
from support.timeless import timeless

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def from_address(around: Stage, address: str, data: bytes = b"") -> socket.socket:
    """Connect from another address of the loopback network."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", around.port))
    around.peers.callback(sockets.close, sock)
    await sockets.send_all(sock, data)
    return sock


async def is_echoed(around: Stage) -> bool:
    client = await around.client()
    await client.send(b"in")
    return await client.recv_exactly(2) == b"in"


def evicted(around: Stage) -> list[mtglib.EventFinish]:
    return [event for event in around.events.of(mtglib.EventFinish) if event.reason is mtglib.Reason.EVICTED]


@pytest.mark.parametrize("data", [b"", b"\x16", GARBAGE], ids=["silent", "a byte", "fronted"])
async def test_the_one_silent_for_longest_makes_room(relay: str, data: bytes) -> None:
    async with stage(relay, concurrency=8) as around:
        crowd = [await around.stranger(data) for _ in range(4)]
        await around.events.seen(mtglib.EventStart, 4)

        newcomer = await around.stranger(data)

        assert await sockets.recv_until_end(crowd[0]) == sockets.Received(b"", "eof")
        (event,) = await around.events.seen(mtglib.EventFinish)
        assert event.reason is mtglib.Reason.EVICTED
        await sockets.send_all(newcomer, b"?")
        assert len(around.proxy.connections()) == 4


async def test_clients_get_in_whatever_visitors_do(relay: str) -> None:
    async with stage(relay, concurrency=6) as around:
        for _ in range(20):
            await around.stranger()
        for _ in range(4):
            assert await is_echoed(around)

        assert around.events.of(mtglib.EventConcurrencyLimited) == []
        assert len(evicted(around)) >= 17


async def test_clients_are_never_evicted_and_fill_all_places(relay: str) -> None:
    async with stage(relay, concurrency=3, warnings=True) as around:
        clients = [await around.client() for _ in range(3)]
        await around.events.seen(mtglib.EventConnectedToDC, 3)
        for _ in range(5):
            assert await around.probe(b"") == sockets.Received(b"", "eof")

        assert evicted(around) == []
        for client in clients:
            await client.send(b"in")
            assert await client.recv_exactly(2) == b"in"


async def test_the_network_with_most_visitors_makes_room(relay: str) -> None:
    async with stage(relay, max_visitors=22) as around:
        alone = [await from_address(around, f"127.0.1.{number}") for number in (1, 2)]
        await around.events.seen(mtglib.EventStart, 2)
        crowd = [await from_address(around, "127.0.2.1") for _ in range(20)]
        await around.events.seen(mtglib.EventStart, 22)

        crowd += [await from_address(around, "127.0.2.1") for _ in range(10)]
        await eventually(lambda: len(evicted(around)) == 10)
        for sock in crowd[:10]:
            assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")

        ips = {str(connection.client.ip) for connection in around.proxy.connections() if connection.client}
        assert ips == {"127.0.1.1", "127.0.1.2", "127.0.2.1"}
        for sock in alone:
            sockets.close(sock)


async def test_clients_that_come_at_once_through_one_address_get_in(relay: str) -> None:
    """Visitors from many addresses have all places, one each: two clients of one address aren't the largest network."""
    async with stage(relay, concurrency=20) as around:
        for number in range(10):
            await from_address(around, f"127.0.1.{number + 1}")
        await around.events.seen(mtglib.EventStart, 10)
        clients = [await around.client_before_hello() for _ in range(5)]
        await around.events.seen(mtglib.EventStart, 15)
        for client in clients:
            await client.send_hello()
            await client.receive_answer()


async def test_a_network_has_its_share_once_it_is_crowded(relay: str) -> None:
    async with stage(relay, max_visitors=8, max_visitors_per_network=2) as around:
        for number in range(5):
            await from_address(around, f"127.0.1.{number + 1}")
        first = await from_address(around, "127.0.2.1")
        await around.events.seen(mtglib.EventStart, 6)  # three quarters
        await from_address(around, "127.0.2.1")
        await around.events.seen(mtglib.EventStart, 7)
        assert evicted(around) == []

        await from_address(around, "127.0.2.1")

        assert await sockets.recv_until_end(first) == sockets.Received(b"", "eof")


async def test_a_network_may_have_more_while_it_is_not_crowded(relay: str) -> None:
    async with stage(relay, max_visitors=40, max_visitors_per_network=2) as around:
        for _ in range(29):
            await around.stranger()
        await around.events.seen(mtglib.EventStart, 29)

        assert evicted(around) == []


async def test_visitors_on_a_unix_socket_count_in_the_whole(relay: str, tmp_path: Any) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        async with stage(relay, listener=listener, concurrency=6, max_visitors_per_network=1) as around:
            crowd = []
            for _ in range(5):
                sock = socket.socket(socket.AF_UNIX)
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, path)
                around.peers.callback(sockets.close, sock)
                crowd.append(sock)
                await around.events.seen(mtglib.EventStart, len(crowd))
            for sock in crowd[:2]:
                assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")
            assert len(evicted(around)) == 2


async def test_connections_handed_over_are_listed_and_not_counted(relay: str) -> None:
    async with stage(relay, concurrency=2) as around:
        ours, theirs = await tcp_pair()
        serving = asyncio.create_task(around.proxy.serve_conn(theirs))
        await around.events.seen(mtglib.EventStart)
        for _ in range(2):
            await around.stranger()
        await around.events.seen(mtglib.EventFinish)

        assert await is_echoed(around)
        assert len(around.proxy.connections()) == 2
        sockets.close(ours)
        await serving


async def test_live_connections_are_described(relay: str) -> None:
    async with stage(relay, script=lambda connection: connection.got(10**6)) as around:  # type: ignore[arg-type, return-value]
        silent = await around.stranger()
        await around.stranger(GARBAGE)
        assert await is_echoed(around)
        await around.front.connection()
        await eventually(lambda: {c.state for c in around.proxy.connections()} == set(mtglib.State))

        found = {connection.state: connection for connection in around.proxy.connections()}

        assert found[mtglib.State.HANDSHAKE].client == endpoint_of(silent.getsockname())
        assert [found[state].user for state in mtglib.State] == ["", "", "default"]
        assert [found[state].dc for state in mtglib.State] == [0, 0, 2]

        def moved() -> set[tuple[int, int]]:
            return {(c.from_client_bytes, c.to_client_bytes) for c in around.proxy.connections() if c.user}

        await eventually(lambda: moved() == {(2, 2)})  # what the client has got already is counted a moment later
        ids = {event.stream_id for event in around.events.of(mtglib.EventStart)}
        assert {connection.stream_id for connection in around.proxy.connections()} == ids


async def test_any_connection_can_be_ended(relay: str) -> None:
    async with stage(relay) as around:
        socks = [await around.stranger(), await around.stranger(GARBAGE), (await around.client()).sock]
        await around.front.connection()
        await around.events.seen(mtglib.EventConnectedToDC)

        for connection in around.proxy.connections():
            assert around.proxy.end(connection.stream_id)

        for sock in socks:
            assert (await sockets.recv_until_end(sock)).data == b""
        await around.finished(3)
        assert {event.reason for event in around.events.of(mtglib.EventFinish)} == {mtglib.Reason.ENDED}
        assert around.proxy.connections() == ()
        assert not around.proxy.end("nobody")


async def test_a_visitor_that_makes_room_has_a_last_event(relay: str) -> None:
    async with stage(relay, concurrency=2) as around:
        for _ in range(30):
            await around.stranger(os.urandom(1))
        await around.events.seen(mtglib.EventFinish, 29)

        assert len(by_stream(around.events.events)) == 30


async def test_many_that_come_in_one_turn_are_read_before_they_make_room(relay: str) -> None:
    """Clients whose hello is there when they are accepted get in, however many came with them."""
    async with stage(relay, concurrency=40) as around:
        clients = []
        for number in range(60):
            sock = socket.socket()
            sock.connect(("127.0.0.1", around.port))  # no await: the proxy has had no turn yet
            sock.setblocking(False)
            around.peers.callback(sockets.close, sock)
            if number % 6 == 0:
                client = FakeTLSClient(sock, around.secret)
                await client.send_hello()
                clients.append(client)
        for client in clients:
            await client.receive_answer()


async def test_a_summary_takes_the_place_of_a_line_each(relay: str) -> None:
    async with stage(relay, concurrency=8) as around:
        for _ in range(3):
            await around.probe(GARBAGE, then_eof=True)
        for _ in range(6):
            await around.stranger()
        await around.events.seen(mtglib.EventStart, 9)
        await around.proxy.shutdown()

        (summary,) = [message for message in around.log.messages if message.level == "info"]
        assert summary.text == "visitors of the last minute"
        assert summary.fields["evicted"] == 2
        assert summary.fields["networks"] == 1
        assert summary.fields["reasons"] == {"not_tls": 3, "evicted": 2}
        assert names(around.events.events).count("Start") == 9


@timeless
async def test_a_visitor_that_stays_after_the_sites_end_has_as_long_as_its_kernel_gives() -> None:
    async with stage("pure", script=answer_then_eof(b"bye"), limit_seconds=100.0) as around:
        visitor = await around.stranger(GARBAGE)

        assert await sockets.recv_until_end(visitor) == sockets.Received(b"bye", "eof")
        ended_mono = asyncio.get_running_loop().time()
        (event,) = await around.events.seen(mtglib.EventFinish)
        assert event.reason is mtglib.Reason.IDLE
        assert asyncio.get_running_loop().time() - ended_mono == pytest.approx(60.0)


async def test_those_past_the_sites_end_make_room_first(relay: str) -> None:
    async with stage(relay, script=answer_then_eof(b"bye"), concurrency=6) as around:
        silent = [await around.stranger() for _ in range(2)]
        past = await around.stranger(GARBAGE)
        assert await sockets.recv_until_end(past) == sockets.Received(b"bye", "eof")
        # A report that was asked for has told the proxy of it, which nobody else is told.
        await eventually(
            lambda: around.proxy.connections() and any(entry.is_past_the_end for entry in around.proxy._roster.entries)
        )

        for number in range(2):
            await around.stranger()
            await around.events.seen(mtglib.EventFinish, number + 1)

        assert await sockets.recv_until_end(silent[0]) == sockets.Received(b"", "eof")
        fronted = around.events.of(mtglib.EventDomainFronting)[0].stream_id
        assert [event.stream_id == fronted for event in evicted(around)] == [True, False]


async def test_bytes_of_a_fronted_visitor_put_its_eviction_off(relay: str) -> None:
    async with stage(relay, concurrency=6) as around:
        fronted = [await around.stranger(GARBAGE) for _ in range(3)]
        for index in range(3):
            await (await around.front.connection(index)).got(len(GARBAGE))
        await eventually(lambda: {c.from_client_bytes for c in around.proxy.connections()} == {len(GARBAGE)})
        await sockets.send_all(fronted[0], b"more")
        await eventually(lambda: len(GARBAGE) + 4 in {c.from_client_bytes for c in around.proxy.connections()})
        await around.stranger()
        await around.events.seen(mtglib.EventFinish)

        ports = {c.client.port for c in around.proxy.connections() if c.client}
        assert fronted[0].getsockname()[1] in ports
        assert len(ports) == 3


async def test_a_client_that_is_gone_while_its_dc_is_dialled_holds_no_place(relay: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.create_connection(deaf.getsockname()):
        dcs = {2: [f"127.0.0.1:{deaf.getsockname()[1]}"]}
        async with stage(relay, dc_overrides=dcs, dial_timeout=60.0) as around:
            client = await around.client()
            await eventually(lambda: any(connection.dc for connection in around.proxy.connections()))
            sockets.reset(client.sock)

            (event,) = await around.events.seen(mtglib.EventFinish)
            assert event.reason is mtglib.Reason.CLIENT_RESET


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Let this process open nothing more, for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest:
        first_free = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_when_descriptors_run_out_visitors_make_room(relay: str) -> None:
    async with stage(relay, concurrency=40, warnings=True) as around:
        for _ in range(19):
            await around.stranger()
        await around.events.seen(mtglib.EventStart, 19)
        client = await around.client()
        await client.send(b"hi")
        assert await client.recv_exactly(2) == b"hi"
        with socket.socket() as newcomer, no_descriptors_left():
            newcomer.setblocking(False)
            await asyncio.get_running_loop().sock_connect(newcomer, ("127.0.0.1", around.port))
            await around.events.seen(mtglib.EventFinish, 10)

        assert len(evicted(around)) == 10, "as many as are accepted at once"
        assert around.log.warnings == ["out of resources for new connections; retrying"]
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"
