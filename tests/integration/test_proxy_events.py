"""What a proxy tells about its connections: which events, in which order, with what in them."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

import mtglib
from integration.event_rules import by_stream, names, traffic
from integration.pair import pair, recv_exactly, recv_until_end
from integration.pour import Pour
from integration.routed_network import OnlyThese, RoutedNetwork
from integration.stage import Stage, stage
from support import sockets
from support.client_hello import hello_records
from support.eventually import eventually
from support.front import RecordingFront, answer, answer_then_eof
from support.pattern import Pattern

LOCALHOST = ip_address("127.0.0.1")
DC_STREAM = ["Start", "ConnectedToDC", "Traffic", "Finish"]
FRONTED_STREAM = ["Start", "DomainFronting", "Traffic", "Finish"]
GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def test_stream_to_a_dc(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"
        client.close()

        events = await around.finished()

        assert names(events) == DC_STREAM
        assert traffic(events) == (5, 5)
        start, connected = events[:2]
        assert isinstance(start, mtglib.EventStart)
        assert start.remote_ip == LOCALHOST
        assert isinstance(connected, mtglib.EventConnectedToDC)
        assert (connected.remote_ip, connected.dc) == (LOCALHOST, 2)


@pytest.mark.parametrize(("asked", "told"), [(-2, 2), (0, 2), (3, 3), (-203, 203), (10_002, 10_002)])
async def test_dc_is_told_by_its_positive_number_and_asked_as_the_client_did(relay: str, asked: int, told: int) -> None:
    async with stage(relay, dcs=[told]) as around:
        (await around.client(asked)).close()

        events = await around.finished()

        assert [event.dc for event in around.events.of(mtglib.EventConnectedToDC)] == [told]
        assert around.dc.connections[0].dc == asked
        assert names(events) == ["Start", "ConnectedToDC", "Finish"]


async def test_fronted_stream_counts_what_was_read_before(relay: str) -> None:
    async with stage(relay, script=answer_then_eof(b"not here", after_bytes=len(GARBAGE))) as around:
        assert await around.probe(GARBAGE, then_eof=True) == sockets.Received(b"not here", "eof")

        events = await around.finished()

        assert names(events) == FRONTED_STREAM
        assert traffic(events) == (len(GARBAGE), len(b"not here"))


async def test_proxy_header_towards_the_front_is_not_counted(relay: str) -> None:
    site = RecordingFront(answer_then_eof(b"not here", after_bytes=len(GARBAGE)), proxy_protocol=True)
    async with stage(relay, site=site, domain_fronting_proxy_protocol=True) as around:
        assert await around.probe(GARBAGE, then_eof=True) == sockets.Received(b"not here", "eof")

        assert traffic(await around.finished()) == (len(GARBAGE), len(b"not here"))


async def test_fronted_hello_and_what_follows_count_alike(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client_before_hello(timestamp=1_000_000)
        await client.send_hello()
        wire = hello_records(client.hello)
        connection = await around.front.connection()
        assert await connection.got(len(wire)) == wire
        await sockets.send_all(client.sock, Pattern(1).take(100_000))
        client.send_eof()

        events = await around.finished()

        assert names(events) == FRONTED_STREAM
        assert traffic(events) == (len(wire) + 100_000, 0)


async def test_replayed_hello(relay: str) -> None:
    async with stage(relay, script=answer(b"a site's answer")) as around:
        client = await around.client()
        wire = hello_records(client.hello)
        client.close()
        await around.finished()

        prober = await around.stranger(wire)
        assert await sockets.recv_exactly(prober, 15) == b"a site's answer"
        sockets.close(prober)

        events = by_stream(await around.finished(2))[1]
        assert names(events) == ["Start", "ReplayAttack", "DomainFronting", "Traffic", "Finish"]
        assert traffic(events) == (len(wire), 15)


@pytest.mark.parametrize(
    ("lists", "is_block_list"),
    [
        ({"ip_blocklist": OnlyThese("127.0.0.1")}, True),
        ({"ip_allowlist": OnlyThese("127.0.0.2")}, False),
    ],
    ids=["blocklist", "allowlist"],
)
async def test_address_that_is_turned_away(relay: str, lists: dict[str, Any], is_block_list: bool) -> None:
    async with stage(relay, **lists) as around:
        assert (await around.probe(b"")).data == b""

        (event,) = await around.events.seen(mtglib.EventIPBlocklisted)

        assert (event.remote_ip, event.is_block_list, event.stream_id) == (LOCALHOST, is_block_list, "")
        assert names(around.events.events) == ["IPBlocklisted"]


async def test_connection_above_the_limit(relay: str) -> None:
    async with stage(relay, concurrency=1, warnings=True) as around:
        await around.client()
        await around.events.seen(mtglib.EventConnectedToDC)
        assert (await around.probe(b"")).data == b""

        (event,) = await around.events.seen(mtglib.EventConcurrencyLimited)

        assert event.stream_id == ""
        assert names(around.events.events) == ["Start", "ConnectedToDC", "ConcurrencyLimited"]


@pytest.mark.parametrize("how", [sockets.send_eof, sockets.reset, sockets.close])
async def test_client_that_leaves_without_a_byte(relay: str, how: object) -> None:
    assert callable(how)
    async with stage(relay) as around:
        how(await around.stranger())

        assert names(await around.finished()) == ["Start", "Finish"]


async def test_client_that_leaves_after_a_byte_is_fronted_with_its_end(relay: str) -> None:
    async with stage(relay) as around:
        prober = await around.stranger(b"\x16")
        sockets.send_eof(prober)

        assert await (await around.front.connection()).ended() == sockets.Received(b"\x16", "eof")
        events = await around.finished()
        assert names(events) == FRONTED_STREAM
        assert traffic(events) == (1, 0)


async def test_client_that_leaves_between_answer_and_frame(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        await client.receive_answer()
        client.close()

        assert names(await around.finished()) == ["Start", "Finish"]


async def test_unknown_dc(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client(77)
        assert (await client.recv_until_end()).ending == "eof"

        assert names(await around.finished()) == ["Start", "Finish"]


async def test_frame_with_another_tag(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client(tag=b"\xee" * 4)
        assert (await client.recv_until_end()).ending == "eof"

        assert names(await around.finished()) == ["Start", "Finish"]


async def test_dc_that_cannot_be_reached(relay: str) -> None:
    async with stage(relay, network=RoutedNetwork({}), warnings=True) as around:
        client = await around.client()
        assert await client.recv_until_end() == sockets.Received(b"", "eof")

        assert names(await around.finished()) == ["Start", "Finish"]


async def test_front_that_cannot_be_reached(relay: str) -> None:
    async with stage(relay, front_network=RoutedNetwork({}), warnings=True) as around:
        assert await around.probe(GARBAGE) == sockets.Received(b"", "reset")

        assert names(await around.finished()) == ["Start", "DomainFronting", "Finish"]


async def test_fronting_is_told_before_its_dial_and_a_dc_after_it(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network) as around:
        network.routes = {("127.0.0.1", port): ("127.0.0.1", port) for port in (around.dc.port, around.site.port)}
        told: list[list[str]] = []
        network.on_dial = lambda: told.append(names(around.events.events))

        await around.client()
        await around.events.seen(mtglib.EventConnectedToDC)
        await around.stranger(GARBAGE)
        await around.front.connection()

        assert told == [["Start"], ["Start", "ConnectedToDC", "Start", "DomainFronting"]]


async def test_clock_of_the_options_stamps_all_events(relay: str) -> None:
    now_unix = 1_700_000_000.25
    async with stage(relay, clock=lambda: now_unix) as around:
        client = await around.client(timestamp=int(now_unix))
        await client.send(b"x")
        assert await client.recv_exactly(1) == b"x"
        client.close()
        await around.probe(GARBAGE, then_eof=True)

        assert {event.timestamp for event in await around.finished(2)} == {now_unix}


async def test_durations_are_those_of_the_handshake_and_of_the_dial(
    relay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_mono = 1000.0

    def pass_seconds(seconds: float) -> None:
        nonlocal now_mono
        now_mono += seconds

    monkeypatch.setattr("mtglib.stream_report.time", SimpleNamespace(monotonic=lambda: now_mono))
    network = RoutedNetwork()
    network.on_dial = partial(pass_seconds, 2)
    async with stage(relay, network=network) as around:
        network.routes = {("127.0.0.1", around.dc.port): ("127.0.0.1", around.dc.port)}
        client = await around.client_before_hello()
        await around.events.seen(mtglib.EventStart)
        for step, seconds in ((client.send_hello, 4), (client.receive_answer, 8), (client.send_frame, 16)):
            pass_seconds(seconds)
            await step()

        (connected,) = await around.events.seen(mtglib.EventConnectedToDC)
        assert (connected.handshake_seconds, connected.dial_seconds) == (4 + 8 + 16, 2)


async def test_each_stream_has_an_id_of_its_own(relay: str) -> None:
    async with stage(relay) as around:
        for _ in range(20):
            (await around.client()).close()

        assert len(by_stream(await around.finished(20))) == 20


async def test_traffic_is_told_while_a_relay_goes_on(relay: str) -> None:
    async with pair(relay, "fast") as ends:
        for _ in range(3):
            up_bytes, down_bytes = traffic(ends.around.events.events)
            expected = (up_bytes + 2, down_bytes + 3)
            await ends.client.send(b"ab")
            await ends.upstream.send(b"abc")
            assert await recv_exactly(ends.upstream, 2) == b"ab"
            assert await recv_exactly(ends.client, 3) == b"abc"
            await eventually(partial(has_told, ends.around, expected))
        assert "Finish" not in names(ends.around.events.events)


def has_told(around: Stage, expected: tuple[int, int]) -> bool:
    around.proxy.connections()  # asks for what is told once a second otherwise
    return traffic(around.events.events) == expected


async def test_traffic_is_told_once_a_second_at_most(relay: str) -> None:
    async with pair(relay, "fast") as ends:
        loop = asyncio.get_running_loop()
        started_mono = loop.time()
        for _ in range(300):
            await ends.client.send(b"ab")
            assert await recv_exactly(ends.upstream, 2) == b"ab"
        ends.client.send_eof()
        ends.upstream.send_eof()
        events = await ends.around.finished()

        ticks = int(loop.time() - started_mono) + 2  # and the last one, at the end
        assert len([event for event in events if isinstance(event, mtglib.EventTraffic)]) <= ticks
        assert traffic(events) == (600, 0)


async def test_mapped_address_is_told_as_ipv4(relay: str) -> None:
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    blocklist = OnlyThese()
    async with stage(relay, listener=listener, ip_blocklist=blocklist) as around:
        (await around.client()).close()
        await around.finished()
        v6 = await sockets.connect("::1", around.port)
        sockets.close(v6)
        await around.finished(2)

        assert [event.remote_ip for event in around.events.of(mtglib.EventStart)] == [LOCALHOST, ip_address("::1")]
        assert blocklist.asked == ["127.0.0.1", "::1"]


async def test_reset_in_the_middle_tells_what_was_moved(relay: str) -> None:
    async with pair(relay, "raw") as ends:
        pour = Pour(ends.client)
        await pour.until_blocked()
        await pour.vanish()
        received = await recv_until_end(ends.upstream)

        assert traffic(await ends.around.finished()) == (ends.prelude_bytes + len(received.data), 0)
