"""Thousands of connections that end in every way there is: afterwards, nothing is open any more for the statistics."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeAlias

import mtglib
from integration.event_rules import check_events
from integration.stage import Stage, stage
from mtglib.events import Fanout
from mtglib.network import Direct
from mtglib.stats import Prometheus
from support import sockets
from support.client_hello import hello_records
from support.fake_dc import DCConnection, echo
from support.faketls_client import ClientOptions, FakeTLSClient
from support.front import FrontConnection, listen_only
from support.metrics_page import of_metric, value

ROUNDS = 400
AT_ONCE = 100
GAUGES = ("mtg_client_connections", "mtg_telegram_connections", "mtg_domain_fronting_connections")
RESETTING_DC, DEAD_DC, UNKNOWN_DC = 4, 5, 77
Way: TypeAlias = Callable[[Stage], Awaitable[None]]
GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


class Recorder:
    """An observer that keeps all; `has` waits until there are so many of a kind."""

    def __init__(self) -> None:
        self.events: list[mtglib.Event] = []
        self._arrived = asyncio.Event()

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        self.events += events
        self._arrived.set()

    async def has(self, kind: type[mtglib.Event], count: int) -> None:
        while self.count(kind) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def count(self, kind: type[mtglib.Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


class Slow(Prometheus):
    """An observer that waits for `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        await self.go.wait()
        await super().observe(events)


class Failing:
    """An observer that raises on everything."""

    async def observe(self, events: Sequence[mtglib.Event]) -> None:
        raise ZeroDivisionError


class Losing(Fanout):
    """An event stream that raises on one kind of events."""

    def send(self, event: mtglib.Event) -> None:
        if isinstance(event, mtglib.EventDomainFronting):
            raise ZeroDivisionError
        super().send(event)


class ThisMachine(Direct):
    """Refuses all that is elsewhere, such as DCs that the test has no address for."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        if host != "127.0.0.1":
            raise ConnectionRefusedError(f"{host} isn't this machine")
        return await super().dial(host, port, timeout_seconds=timeout_seconds)


async def echo_or_reset(connection: DCConnection) -> None:
    if connection.dc == RESETTING_DC:
        connection.reset()
    else:
        await echo(connection)


async def short_site(connection: FrontConnection) -> None:
    """Answer, then either end or vanish."""
    await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    if len(connection.received) % 2:
        connection.reset()
    else:
        connection.send_eof()


async def _client(around: Stage, dc: int = 2, tag: bytes | None = None) -> FakeTLSClient:
    options = ClientOptions() if tag is None else ClientOptions(tag=tag)
    return await FakeTLSClient.connect("127.0.0.1", around.port, around.secret, dc, options)


async def _echoed(around: Stage) -> FakeTLSClient:
    client = await _client(around)
    await client.send(b"hello")
    assert await client.recv_exactly(5) == b"hello"
    return client


async def client_that_ends(around: Stage) -> None:
    async with await _echoed(around) as client:
        client.send_eof()
        await client.recv_until_end()


async def client_that_vanishes(around: Stage) -> None:
    (await _echoed(around)).reset()


async def client_that_closes_after_its_frame(around: Stage) -> None:
    (await _client(around)).close()


async def client_without_a_frame(around: Stage) -> None:
    sock = await sockets.connect("127.0.0.1", around.port)
    async with FakeTLSClient(sock, around.secret) as client:
        await client.send_hello()
        await client.receive_answer()


async def client_with_a_bad_frame(around: Stage) -> None:
    async with await _client(around, tag=b"\xee" * 4) as client:
        await client.recv_until_end()


async def client_of(around: Stage, dc: int) -> None:
    async with await _client(around, dc) as client:
        await client.recv_until_end()


async def client_with_another_secret(around: Stage) -> None:
    sock = await sockets.connect("127.0.0.1", around.port)
    async with FakeTLSClient(sock, mtglib.Secret.generate(around.secret.host)) as client:
        await client.send_hello()
        await sockets.recv_until_end(sock)


async def replay(around: Stage) -> None:
    client = await _client(around)
    client.close()
    await stranger(around, hello_records(client.hello), None)


async def stranger(around: Stage, data: bytes, end: Callable[[socket.socket], None] | None) -> None:
    sock = await sockets.connect("127.0.0.1", around.port)
    await sockets.send_all(sock, data)
    if end is None:
        await sockets.recv_until_end(sock)
    else:
        end(sock)
        await asyncio.sleep(0)
    sockets.close(sock)


WAYS: tuple[Way, ...] = (
    client_that_ends,
    client_that_vanishes,
    client_that_closes_after_its_frame,
    client_without_a_frame,
    client_with_a_bad_frame,
    lambda around: client_of(around, RESETTING_DC),
    lambda around: client_of(around, DEAD_DC),
    lambda around: client_of(around, UNKNOWN_DC),
    client_with_another_secret,
    replay,
    lambda around: stranger(around, GARBAGE, None),
    lambda around: stranger(around, GARBAGE, sockets.reset),
    lambda around: stranger(around, b"", sockets.close),
    lambda around: stranger(around, b"", sockets.reset),
    lambda around: stranger(around, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", sockets.close),
    lambda around: stranger(around, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", sockets.reset),
)


async def crowd(around: Stage, all_ways: Sequence[Way]) -> None:
    """Go all these ways, in any order, many at once."""
    ways = list(all_ways)
    random.Random(1).shuffle(ways)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(way: Way) -> None:
        # A client may be refused by a limit, or cut off by a reset: all that matters is that it was there.
        async with room:
            with suppress(OSError, EOFError):
                await way(around)

    async with asyncio.TaskGroup() as group:
        for way in ways:
            group.create_task(one(way))


def check(prometheus: Prometheus, recorder: Recorder, fanout: Fanout) -> bytes:
    """Check what must be true when all is over, and return the page of metrics."""
    page = prometheus.render()
    check_events(recorder.events)
    assert fanout.dropped == 0
    assert {number for gauge in GAUGES for number in of_metric(page, gauge)} == {0}
    assert sum(of_metric(page, "mtg_connections_finished")) == recorder.count(mtglib.EventStart)
    assert recorder.count(mtglib.EventStart) == recorder.count(mtglib.EventFinish)
    for name, kind in (
        ("mtg_domain_fronting", mtglib.EventDomainFronting),
        ("mtg_replay_attacks", mtglib.EventReplayAttack),
        ("mtg_handshake_seconds_count", mtglib.EventConnectedToDC),
        ("mtg_concurrency_limited", mtglib.EventConcurrencyLimited),
    ):
        assert sum(of_metric(page, name)) == recorder.count(kind), name
    moved = sum(event.traffic_bytes for event in recorder.events if isinstance(event, mtglib.EventTraffic))
    shown = [*of_metric(page, "mtg_telegram_traffic"), *of_metric(page, "mtg_domain_fronting_traffic")]
    assert sum(shown) == moved
    return page


def on_stage(fanout: Fanout, **changes: Any) -> AbstractAsyncContextManager[Stage]:
    return stage(
        "auto",
        handler=echo_or_reset,
        script=changes.pop("script", short_site),
        dcs=(2, RESETTING_DC),
        network=ThisMachine(),
        event_stream=fanout,
        warnings=True,
        limit_seconds=50,
        **changes,
    )


async def test_gauges_are_zero_after_thousands_of_connections() -> None:
    prometheus, recorder = Prometheus(), Recorder()
    async with Fanout([prometheus, recorder]) as fanout, on_stage(fanout) as around:
        await crowd(around, WAYS * ROUNDS)
    page = check(prometheus, recorder, fanout)

    assert recorder.count(mtglib.EventStart) == ROUNDS * (len(WAYS) + 1)  # a replay are two
    assert sum(of_metric(page, "mtg_replay_attacks")) == ROUNDS
    assert sum(of_metric(page, "mtg_dc_errors")) == ROUNDS


async def test_gauges_are_zero_after_a_front_that_went_away() -> None:
    prometheus, recorder = Prometheus(), Recorder()
    async with Fanout([prometheus, recorder]) as fanout, on_stage(fanout) as around:
        around.site.stop_listening()
        await crowd(around, WAYS * 10)
    page = check(prometheus, recorder, fanout)

    assert value(page, "mtg_connections_finished", reason="front_unreachable") >= 30


async def test_gauges_are_zero_where_most_are_refused() -> None:
    prometheus, recorder = Prometheus(), Recorder()
    async with Fanout([prometheus, recorder]) as fanout, on_stage(fanout, concurrency=10) as around:
        await crowd(around, WAYS * 20)
    page = check(prometheus, recorder, fanout)

    assert value(page, "mtg_concurrency_limited") > 0


async def test_gauges_are_zero_after_a_shutdown_with_open_streams() -> None:
    prometheus, recorder = Prometheus(), Recorder()
    async with Fanout([prometheus, recorder]) as fanout, on_stage(fanout, script=listen_only) as around:
        for _ in range(100):
            await around.client()
            await around.stranger(b"\x16\x03\x01")
        await recorder.has(mtglib.EventConnectedToDC, 100)
        assert sum(of_metric(prometheus.render(), "mtg_client_connections")) >= 100
        await around.proxy.shutdown()
    page = check(prometheus, recorder, fanout)

    assert value(page, "mtg_connections_finished", reason="shutdown") == recorder.count(mtglib.EventStart) == 200


async def test_all_that_was_dropped_is_shown_whoever_dropped_it() -> None:
    prometheus = Prometheus()
    prometheus.sample("events_dropped", lambda: fanout.dropped + around.proxy.events_dropped)
    async with Losing([prometheus, Failing()]) as fanout, on_stage(fanout) as around:
        await around.probe(GARBAGE)
        await around.proxy.shutdown()
    page = prometheus.render()

    assert around.proxy.events_dropped == 1
    assert fanout.dropped_by_observer[0] == 0
    assert value(page, "mtg_events_dropped") == 1 + fanout.dropped_by_observer[1] > 2


async def test_gauges_are_zero_for_an_observer_that_misses_most() -> None:
    prometheus, recorder = Slow(), Recorder()
    async with Fanout([prometheus, recorder], max_queued_events=20) as fanout, on_stage(fanout) as around:
        await crowd(around, WAYS * 20)
        prometheus.go.set()
    page = prometheus.render()

    assert fanout.dropped_by_observer[0] > 0
    assert {number for gauge in GAUGES for number in of_metric(page, gauge)} == {0}
    assert 0 < sum(of_metric(page, "mtg_connections_finished")) < recorder.count(mtglib.EventStart)
