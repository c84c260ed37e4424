"""What a statsd server makes of our datagrams: the original one, and a parser of each tag format's grammar."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from integration.stage import check_fds, open_fds
from mtglib.stats import Statsd
from mtglib.stats.statsd_lines import TagFormat
from support.event_samples import CLIENTS, DC_IP, WAYS, stream_of
from support.ports import free_port
from support.statsd_dialects import Totals
from support.statsd_server import StatsdServer, statsd_is_missing

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
OPEN = [event for number, way in enumerate(WAYS) for event in stream_of(str(number), way)[:-1]]
CLOSED = [stream_of(str(number), way)[-1] for number, way in enumerate(WAYS)]
DC = {("telegram_ip", str(DC_IP)), ("dc", "2")}
FORMATS = ["datadog", "influxdb", "graphite"]


class Receiver:
    """A UDP socket that adds up what it is sent."""

    def __init__(self, sock: socket.socket, tag_format: str) -> None:
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self.totals = Totals(tag_format)
        self.longest_bytes = 0
        self._arrived = asyncio.Event()

    def receive(self) -> None:
        """Take all that has come."""
        with suppress(BlockingIOError):
            while True:
                datagram = self.sock.recv(65_536)
                self.longest_bytes = max(self.longest_bytes, len(datagram))
                self.totals.add(datagram)
                self._arrived.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Take what comes until something is true; a TimeoutError if it never is."""
        async with asyncio.timeout(20):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()

    def counter(self, name: str, *tags: tuple[str, str]) -> float:
        self.receive()
        return self.totals.counters.get((name, frozenset(tags)), 0)

    def gauge(self, name: str, *tags: tuple[str, str]) -> float | None:
        self.receive()
        return self.totals.gauges.get((name, frozenset(tags)))


@dataclass(frozen=True)
class HeardLogger(RecordingLogger):
    """A logger that can be waited for."""

    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, count: int) -> None:
        """Wait until there are so many messages."""
        async with asyncio.timeout(20):
            while len(self.messages) < count:
                self.heard.clear()
                await self.heard.wait()

    def keep(self, level: str, message: str, error: BaseException | None) -> None:
        super().keep(level, message, error)
        self.heard.set()


@contextmanager
def receiver(tag_format: str, port: int = 0) -> Iterator[Receiver]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", port))
        received, loop = Receiver(sock, tag_format), asyncio.get_running_loop()
        loop.add_reader(sock, received.receive)
        try:
            yield received
        finally:
            loop.remove_reader(sock)


def statsd(port: int, tag_format: str = "datadog", **changes: Any) -> Statsd:
    return Statsd("127.0.0.1", port, tag_format=cast(TagFormat, tag_format), **{"flush_each_seconds": 0.005} | changes)


@pytest.mark.parametrize("tag_format", FORMATS)
async def test_streams_while_they_last_and_after(tag_format: str) -> None:
    before = open_fds()
    with receiver(tag_format) as server:
        async with statsd(server.port, tag_format) as observer:
            await observer.observe(OPEN)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS))
            assert server.gauge("mtg.telegram_connections", *DC) == 1
            assert server.gauge("mtg.domain_fronting_connections", ("ip_family", "ipv4")) == 2
            assert server.counter("mtg.telegram_traffic", *DC, ("direction", "to_client")) == 4
            await observer.observe(CLOSED)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)

        server.receive()
        assert set(server.totals.gauges.values()) == {0}
        finished = [n for (name, _), n in server.totals.counters.items() if name == "mtg.connections_finished"]
        assert sum(finished) == len(WAYS)
    await check_fds(before)


@pytest.mark.parametrize("tag_format", FORMATS)
async def test_last_numbers_are_sent_on_the_way_out(tag_format: str) -> None:
    with receiver(tag_format) as server:
        async with statsd(server.port, tag_format, flush_each_seconds=3600) as observer:
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)
            await observer.observe(OPEN)

        assert server.counter("mtg.replay_attacks") == 1
        assert server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS)


@pytest.mark.parametrize(
    ("tag_format", "ip"),
    [("datadog", "2001:db8::5"), ("influxdb", "2001-db8--5"), ("graphite", "2001-db8--5")],
)
async def test_ipv6_address_as_a_tag(tag_format: str, ip: str) -> None:
    connected = mtglib.EventConnectedToDC(stream_id="a", remote_ip=mtglib.canonical_ip("2001:db8::5"), dc=4)  # type: ignore[arg-type]
    with receiver(tag_format) as server:
        async with statsd(server.port, tag_format) as observer:
            await observer.observe([stream_of("a", "dc", client=CLIENTS[1])[0], connected])
            await server.until(lambda: server.gauge("mtg.telegram_connections", ("telegram_ip", ip), ("dc", "4")) == 1)


@pytest.mark.parametrize("tag_format", FORMATS)
async def test_durations_are_sent_one_by_one_in_milliseconds(tag_format: str) -> None:
    with receiver(tag_format) as server:
        async with statsd(server.port, tag_format) as observer:
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)
            for number in range(100):
                await observer.observe(stream_of(str(number), "dc"))

        server.receive()
        told = [(timing.name, timing.value, timing.tags) for timing in server.totals.timings]
        assert told.count(("mtg.handshake_duration", 20.0, frozenset())) == 100
        assert told.count(("mtg.dial_duration", 300.0, frozenset({("dc", "2")}))) == 100
        assert len(told) == 200
        assert 1000 < server.longest_bytes <= 1432


async def test_lost_datagrams_do_not_shift_gauges() -> None:
    with receiver("datadog") as server:
        async with statsd(server.port) as observer:
            await observer.observe(OPEN)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS))
            server.totals.gauges.clear()
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS))


async def test_dropped_events_are_counted_and_the_prefix_may_have_its_dot() -> None:
    dropped = 5
    with receiver("datadog") as server:
        async with statsd(server.port, metric_prefix="a-1.b_.") as observer:
            observer.sample("events_dropped", lambda: dropped)
            await server.until(lambda: server.counter("a-1.b_.events_dropped") == 5)
            dropped = 12
            await server.until(lambda: server.counter("a-1.b_.events_dropped") == 12)


@pytest.mark.parametrize("tag_format", FORMATS)
async def test_samples_are_gauges_that_follow(tag_format: str) -> None:
    entries = 7
    with receiver(tag_format) as server:
        async with statsd(server.port, tag_format=cast(TagFormat, tag_format)) as observer:
            observer.sample("replay_memory_entries", lambda: entries)
            observer.sample("replay_memory_reach_seconds", lambda: 12.5)
            observer.sample("build_info", lambda: {("1", "native"): 1})
            observer.sample("process_open_fds", lambda: 30)
            await server.until(lambda: server.gauge("mtg.replay_memory_entries") == 7)
            await server.until(lambda: server.gauge("mtg.replay_memory_reach_seconds") == 12.5)
            await server.until(lambda: server.gauge("mtg.process_open_fds") == 30)
            await server.until(lambda: server.gauge("mtg.build_info", ("version", "1"), ("engine", "native")) == 1)
            entries = 0
            await server.until(lambda: server.gauge("mtg.replay_memory_entries") == 0)


async def test_server_that_comes_later_is_found() -> None:
    logger, port = HeardLogger(), free_port()
    async with statsd(port, logger=logger) as observer:
        await observer.observe(OPEN)
        await logger.until(1)  # it isn't there
        with receiver("datadog", port) as server:
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS))


async def test_server_that_is_away_is_told_once_and_so_is_its_return() -> None:
    logger, port = HeardLogger(), free_port()
    async with statsd(port, flush_each_seconds=0.001, logger=logger):
        await logger.until(1)
        with receiver("datadog", port) as server:
            await logger.until(2)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)

    assert [(message.level, message.text) for message in logger.messages] == [
        ("warning", f"statsd: 127.0.0.1:{port} can't be reached"),
        ("info", f"statsd: 127.0.0.1:{port} can be reached again"),
    ]


@pytest.mark.parametrize("broken", [lambda: 1 // 0, lambda: None])
async def test_count_of_dropped_events_that_is_broken_costs_itself_alone(broken: Callable[[], int]) -> None:
    logger = RecordingLogger()
    with receiver("datadog") as server:
        async with statsd(server.port, logger=logger) as observer:
            observer.sample("events_dropped", broken)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)
            await observer.observe(OPEN)
            await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == len(WAYS))
    assert [text.partition(":")[0] for text in logger.warnings] == ["statsd"]


async def test_socket_is_closed_also_when_leaving_is_cut_short() -> None:
    before = open_fds()
    with receiver("datadog") as server:
        observer = await statsd(server.port).__aenter__()
        await server.until(lambda: server.gauge("mtg.client_connections", ("ip_family", "ipv4")) == 0)
        leaving = asyncio.create_task(observer.__aexit__())
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    await check_fds(before)


async def test_who_leaves_at_once_has_sent_everything() -> None:
    with receiver("datadog") as server:
        async with statsd(server.port) as observer:
            await observer.observe(OPEN)

        assert server.counter("mtg.replay_attacks") == 1


async def has_gauge(server: StatsdServer, name: str, value: float) -> None:
    async with asyncio.timeout(20):
        while (await server.gauges()).get(name) != value:
            pass


@pytest.mark.skipif(statsd_is_missing() is not None, reason=str(statsd_is_missing()))
@pytest.mark.parametrize(("tag_format", "mark"), [("datadog", ";"), ("influxdb", ""), ("graphite", ";")])
async def test_original_statsd_understands_it(tag_format: str, mark: str) -> None:
    async with StatsdServer() as server:
        async with statsd(server.port, tag_format) as observer:
            await has_gauge(server, f"mtg.client_connections{mark}ip_family=ipv4", 0)
            await observer.observe([*OPEN, *CLOSED[1:]])
        await has_gauge(server, f"mtg.client_connections{mark}ip_family=ipv4", 1)

        counters, timers = await server.counters(), await server.timers()
        assert counters["statsd.bad_lines_seen"] == 0
        traffic = f"mtg.telegram_traffic{mark}telegram_ip={DC_IP}{mark}dc=2{mark}direction=from_client"
        assert (counters[traffic], counters["mtg.replay_attacks"]) == (3, 1)
        assert timers[f"mtg.dial_duration{mark}dc=2"] == [300]


async def test_after_a_move_the_other_server_gets_what_comes_from_then_on() -> None:
    before = open_fds()
    with receiver("datadog") as server, receiver("influxdb") as other:
        async with statsd(server.port) as observer:
            await observer.observe(OPEN)
            await server.until(lambda: server.counter("mtg.replay_attacks") == 1)
            with pytest.raises(mtglib.OptionError):
                observer.move("127.0.0.1", 0)
            observer.move("127.0.0.1", other.port, metric_prefix="b", tag_format="influxdb")
            await other.until(lambda: other.gauge("b.client_connections", ("ip_family", "ipv4")) == len(WAYS))
            await observer.observe(CLOSED)
            await other.until(lambda: other.gauge("b.client_connections", ("ip_family", "ipv4")) == 0)

        assert other.counter("b.replay_attacks") == 0, "the first server has it"
        assert server.counter("mtg.connections_finished", ("reason", "client_eof")) == 0
    await check_fds(before)
