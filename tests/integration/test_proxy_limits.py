"""Who is turned away, how many are let in, and how long they may take."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.recording_logger import RecordingLogger
from integration.routed_network import OnlyThese
from integration.stage import Stage, stage, tcp_pair
from support import sockets
from support.client_hello import hello_records
from support.faketls_client import FakeTLSClient
from support.tls_records import looks_like_alert

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def probe_that_came_first(around: Stage, data: bytes) -> sockets.Received:
    """What becomes of somebody whose bytes are there before the proxy accepts: unread ones make a close a RST."""
    sock = socket.socket()
    sock.connect(("127.0.0.1", around.port))  # no await until the bytes are in: the proxy has had no turn yet
    sock.send(data)
    sock.setblocking(False)
    around.peers.callback(sockets.close, sock)
    return await sockets.recv_until_end(sock)


@pytest.mark.parametrize(
    "lists",
    [
        {"ip_blocklist": OnlyThese("127.0.0.1")},
        {"ip_allowlist": OnlyThese("127.0.0.2")},
        {"ip_allowlist": OnlyThese("127.0.0.1"), "ip_blocklist": OnlyThese("127.0.0.1")},
    ],
    ids=["blocklist", "allowlist", "both"],
)
async def test_address_that_is_turned_away_is_closed_unread(relay: str, lists: dict[str, Any]) -> None:
    async with stage(relay, **lists) as around:
        assert await probe_that_came_first(around, GARBAGE) == sockets.Received(b"", "reset")
        assert await around.probe(b"") == sockets.Received(b"", "eof")

        assert around.front.connections == []


class Quiet(RecordingLogger):
    """A logger that wants no debug messages."""

    debug_enabled = False

    def named(self, name: str) -> Quiet:
        return self


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ip_blocklist": OnlyThese("127.0.0.1")}, "on the blocklist"),
        ({"ip_allowlist": OnlyThese("127.0.0.2")}, "not on the allowlist"),
        ({"concurrency": 1}, "too many connections"),
    ],
)
@pytest.mark.parametrize("logger", [RecordingLogger, Quiet])
async def test_who_is_refused_is_told_to_who_wants_to_know(
    relay: str, changes: dict[str, Any], why: str, logger: type[RecordingLogger]
) -> None:
    told = logger()
    async with stage(relay, logger=told, **changes) as around:
        if "concurrency" in changes:
            await around.client()
        for _ in range(2):
            assert await around.probe(b"") == sockets.Received(b"", "eof")

    debug = [(message.text, message.fields) for message in told.messages if message.text.startswith("refused")]
    assert debug == ([] if logger is Quiet else [(f"refused: {why}", {"client_ip": "127.0.0.1"})] * 2)


async def test_the_limit_is_a_warning_once_a_minute(relay: str) -> None:
    async with stage(relay, concurrency=2, warnings=True) as around:
        for _ in range(2):
            await around.client()
        assert around.log.warnings == []
        for _ in range(3):
            await around.probe(b"")

        assert around.log.warnings == ["connections are refused: concurrency allows 2, and all of them are clients'"]


async def test_lists_let_in_whom_they_should(relay: str) -> None:
    lists: dict[str, Any] = {"ip_allowlist": OnlyThese("127.0.0.1"), "ip_blocklist": OnlyThese("127.0.0.2")}
    async with stage(relay, **lists) as around:
        client = await around.client()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"


async def test_connection_above_the_limit_is_closed_unread(relay: str) -> None:
    async with stage(relay, concurrency=2, warnings=True) as around:
        first = await around.client()
        await around.client()

        assert await probe_that_came_first(around, GARBAGE) == sockets.Received(b"", "reset")
        assert await around.probe(b"") == sockets.Received(b"", "eof")
        assert around.front.connections == []

        first.close()
        await around.finished()
        client = await around.client()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"


async def test_limit_counts_over_all_listeners(relay: str) -> None:
    async with stage(relay, concurrency=2, warnings=True) as around:
        with socket.create_server(("127.0.0.1", 0)) as second:
            serving = asyncio.create_task(around.proxy.serve(second))
            for port in (around.port, second.getsockname()[1]):
                await around.peers.enter_async_context(await FakeTLSClient.connect("127.0.0.1", port, around.secret))
            await around.events.seen(mtglib.EventConnectedToDC, 2)
            third = await sockets.connect(*second.getsockname())

            assert await sockets.recv_until_end(third) == sockets.Received(b"", "eof")
            assert await around.probe(b"") == sockets.Received(b"", "eof")
            assert len(around.events.of(mtglib.EventConcurrencyLimited)) == 2
            sockets.close(third)
            await around.proxy.shutdown()
            await serving


async def test_connections_handed_over_are_nobodys_business(relay: str) -> None:
    """`serve_conn` knows neither lists nor the limit, and what it serves leaves no less room for others."""
    async with stage(relay, concurrency=1, ip_blocklist=OnlyThese("192.0.2.1")) as around:
        ours, theirs = await tcp_pair()
        serving = asyncio.create_task(around.proxy.serve_conn(theirs, client_address=("192.0.2.1", 5)))
        await around.events.seen(mtglib.EventStart)

        client = await around.client()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"
        sockets.close(ours)
        await serving
        assert [str(start.remote_ip) for start in around.events.of(mtglib.EventStart)] == ["192.0.2.1", "127.0.0.1"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99], ids=["silence", "half a hello", "all but the end"])
async def test_client_without_a_hello_in_time_is_fronted(relay: str, share: float) -> None:
    async with stage(relay, handshake_timeout=0.1) as around:
        hello = await hello_of(around)
        half = hello[: int(len(hello) * share)]
        prober = await around.stranger(half)

        connection = await around.front.connection()
        await sockets.send_all(prober, b"and later")

        assert await connection.got(len(half) + 9) == half + b"and later"


async def test_half_hello_waits_for_its_rest(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client_before_hello(segment_bytes=100)
        await client.send_hello()
        await client.receive_answer()


async def hello_of(around: Stage) -> bytes:
    """A hello of a client of ours, that nobody has sent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        client = FakeTLSClient(ours, around.secret)
        await client.send_hello()
        return hello_records(client.hello)


@pytest.mark.parametrize("sent_bytes", [0, 40, 75])
async def test_client_without_a_frame_in_time_is_closed(relay: str, sent_bytes: int) -> None:
    async with stage(relay, frame_timeout=0.1) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        await client.receive_answer()
        frame = b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x41" + b"f" * 64
        await client.send_raw(frame[:sent_bytes][:74])

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert names(await around.finished()) == ["Start", "Finish"]
        assert around.front.connections == []


async def test_slow_hello_may_take_no_time_from_the_frame(relay: str) -> None:
    async with stage(relay, handshake_timeout=0.5, frame_timeout=20.0) as around:
        client = await around.client_before_hello(first_payload=b"late")
        await client.send_hello()
        await client.receive_answer()
        await asyncio.sleep(0.55)
        await client.send_frame()

        assert await client.recv_exactly(4) == b"late"


@pytest.mark.parametrize("dc", [77, -77, 10_002, 6])
async def test_unknown_dc_is_closed(relay: str, dc: int) -> None:
    async with stage(relay) as around:
        client = await around.client(dc)

        received = await sockets.recv_until_end(client.sock)
        assert (looks_like_alert(received.data), received.ending) == (True, "eof")
        assert around.dc.accepted == 0


@pytest.mark.parametrize("dc", [77, -77, 10_002, 6])
async def test_unknown_dc_falls_back_to_dc_2_where_that_is_allowed(relay: str, dc: int) -> None:
    async with stage(relay, allow_fallback_on_unknown_dc=True) as around:
        client = await around.client(dc)
        await client.send(b"in")

        assert await client.recv_exactly(2) == b"in"
        assert (await around.dc.connection()).dc == 2
        assert [event.dc for event in around.events.of(mtglib.EventConnectedToDC)] == [2]


@pytest.mark.parametrize("tag", [b"\xee" * 4, b"\xef" * 4, b"GET "])
async def test_frame_with_another_tag_is_closed(relay: str, tag: bytes) -> None:
    async with stage(relay) as around:
        client = await around.client(tag=tag)

        received = await sockets.recv_until_end(client.sock)
        assert (looks_like_alert(received.data), received.ending) == (True, "eof")
        assert around.dc.accepted == 0


@pytest.mark.parametrize(
    ("record", "is_alerted"),
    [
        *((b"\x16\x03\x03\x00\x40", True), (b"\x17\x03\x01\x00\x40", True), (b"\x17\x03\x03\x41\x01", True)),
        *((b"\x14\x03\x03\x00\x01\x02", True), (b"\x15\x03\x03\x00\x02\x01\x00", False)),
    ],
    ids=["handshake", "TLS 1.0", "too long", "ChangeCipherSpec of 2", "alert"],
)
async def test_bad_record_in_place_of_the_frame_is_closed(relay: str, record: bytes, is_alerted: bool) -> None:
    async with stage(relay) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        await client.receive_answer()
        await client.send_raw(record)

        received = await sockets.recv_until_end(client.sock)
        assert (looks_like_alert(received.data), received.ending) == (is_alerted, "eof")
        await around.finished()
        assert around.front.connections == []
        assert around.dc.accepted == 0


async def test_list_that_raises_turns_away(relay: str) -> None:
    class Broken(OnlyThese):
        def contains(self, ip: object) -> bool:
            raise RuntimeError("no list")

    broken: list[dict[str, Any]] = [{"ip_blocklist": Broken()}, {"ip_allowlist": Broken()}]
    for lists in broken:
        async with stage(relay, warnings=True, **lists) as around:
            for _ in range(3):
                assert await around.probe(b"") == sockets.Received(b"", "eof")

            assert around.log.warnings == ["Broken.contains failed: RuntimeError"]
            assert set(names(around.events.events)) == {"IPBlocklisted"}
