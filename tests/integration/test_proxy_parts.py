"""A user's own parts, in pure Python: what works, and what becomes of a connection when they fail."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.recording_logger import RecordingLogger
from integration.routed_network import RoutedNetwork
from integration.stage import Stage, stage
from mtglib.network import Direct
from support import sockets
from support.client_hello import hello_random
from support.faketls_client import FakeTLSClient
from support.timeless import timeless

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def is_echoed(around: Stage) -> bool:
    """Whether a client of ours gets through."""
    client = await around.client()
    await client.send(b"in")
    return await client.recv_exactly(2) == b"in"


async def is_fronted(around: Stage, **options: Any) -> FakeTLSClient:
    """Send a hello of a client of ours, which must land at the front; return the client."""
    before = len(around.front.connections)
    client = await around.client_before_hello(**options)
    await client.send_hello()
    connection = await around.front.connection(before)
    assert hello_random(client.hello) in await connection.got(500)
    return client


class Cache:
    """An AntiReplayCache whose answer is a function's."""

    def __init__(self, answer: Callable[[bytes], Any]) -> None:
        self.asked: list[bytes] = []
        self._answer = answer

    async def seen_before(self, data: bytes) -> bool:
        self.asked.append(data)
        answer = self._answer(data)
        return bool(await answer if asyncio.iscoroutine(answer) else answer)


def raise_error(_data: bytes) -> bool:
    raise sqlite3.OperationalError("database is locked")


def be_cancelled(_data: bytes) -> bool:
    raise asyncio.CancelledError


async def answer_never(_data: bytes) -> bool:
    await asyncio.Event().wait()
    return False


async def answer_later(_data: bytes) -> bool:
    await asyncio.sleep(0.01)
    return False


async def test_cache_is_asked_with_what_the_hellos_digest_vouches_for(relay: str) -> None:
    cache = Cache(lambda _: False)
    async with stage(relay, anti_replay_cache=cache) as around:
        client = await around.client()
        await around.probe(GARBAGE, then_eof=True)

        assert cache.asked == [hello_random(client.hello)[:28]]


async def test_cache_may_take_a_while(relay: str) -> None:
    async with stage(relay, anti_replay_cache=Cache(answer_later)) as around:
        assert await is_echoed(around)


async def test_cache_that_says_yes_fronts(relay: str) -> None:
    async with stage(relay, anti_replay_cache=Cache(lambda _: True)) as around:
        await is_fronted(around)

        assert names(around.events.events) == ["Start", "ReplayAttack", "DomainFronting", "Traffic"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [(raise_error, "OperationalError"), (be_cancelled, "RuntimeError")],
    ids=["raises", "cancelled"],
)
async def test_cache_that_fails_fronts_without_a_replay(relay: str, answer: Callable[[bytes], Any], said: str) -> None:
    async with stage(relay, anti_replay_cache=Cache(answer), warnings=True) as around:
        for _ in range(3):
            await is_fronted(around)

        assert around.log.warnings == [f"Cache.seen_before failed: {said}"]
        assert names(around.events.events) == 3 * ["Start", "DomainFronting", "Traffic"]


@timeless
async def test_cache_that_answers_never_fronts_without_a_replay() -> None:
    async with stage("pure", anti_replay_cache=Cache(answer_never), warnings=True) as around:
        await is_fronted(around)

        assert around.log.warnings == ["Cache.seen_before failed: TimeoutError"]
        assert names(around.events.events) == ["Start", "DomainFronting", "Traffic"]


class SQLiteCache:
    """What an embedder may write: it survives the proxy, and blocks nobody while it looks things up."""

    def __init__(self, path: str) -> None:
        self._path = path
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE IF NOT EXISTS seen (random BLOB PRIMARY KEY)")
        database.close()

    async def seen_before(self, data: bytes) -> bool:
        return await asyncio.to_thread(self._insert, data)

    def _insert(self, data: bytes) -> bool:
        database = sqlite3.connect(self._path)
        try:
            with database:
                return database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (data,)).rowcount == 0
        finally:
            database.close()


async def test_cache_in_a_database_survives_the_proxy(relay: str, tmp_path: Any) -> None:
    path = str(tmp_path / "seen.sqlite")
    async with stage(relay, anti_replay_cache=SQLiteCache(path)) as around:
        client = await around.client()
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT random FROM seen").fetchall() == [(hello_random(client.hello)[:28],)]
    database.close()


class Answering(Direct):
    """A Network whose DC dials end as told; all others are direct."""

    def __init__(self, answer: Callable[[socket.socket], Any]) -> None:
        super().__init__()
        self._answer = answer

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        sock = await super().dial(host, port, timeout_seconds=timeout_seconds)
        try:
            answer: socket.socket = self._answer(sock)
        except BaseException:
            sock.close()
            raise
        return answer


def make_blocking(sock: socket.socket) -> socket.socket:
    sock.setblocking(True)
    return sock


def give_a_timeout(sock: socket.socket) -> socket.socket:
    sock.settimeout(3.0)
    return sock


@pytest.mark.parametrize("answer", [make_blocking, give_a_timeout])
async def test_network_may_return_a_blocking_socket(relay: str, answer: Callable[[socket.socket], Any]) -> None:
    async with stage(relay, network=Answering(answer)) as around:
        assert await is_echoed(around)


def return_no_socket(sock: socket.socket) -> str:
    sock.close()
    return "a socket"


def return_nothing(sock: socket.socket) -> None:
    sock.close()


def raise_value_error(_sock: socket.socket) -> None:
    raise ValueError("my mistake")


BROKEN_NETWORKS = {return_no_socket: "TypeError", return_nothing: "TypeError", raise_value_error: "ValueError"}


@pytest.mark.parametrize("answer", BROKEN_NETWORKS)
async def test_network_that_is_broken_ends_the_stream(relay: str, answer: Callable[[socket.socket], Any]) -> None:
    async with stage(relay, network=Answering(answer), front_network=Direct(), warnings=True) as around:
        for _ in range(2):
            client = await around.client()
            assert await client.recv_until_end() == sockets.Received(b"", "eof")

        assert around.log.warnings == [f"Answering.dial failed: {BROKEN_NETWORKS[answer]}"]
        assert names(await around.finished(2)) == 2 * ["Start", "Finish"]


@pytest.mark.parametrize("answer", BROKEN_NETWORKS)
async def test_network_that_is_broken_resets_the_fronted(relay: str, answer: Callable[[socket.socket], Any]) -> None:
    async with stage(relay, front_network=Answering(answer), warnings=True) as around:
        assert await around.probe(GARBAGE) == sockets.Received(b"", "reset")

        assert around.log.warnings[0] == f"Answering.dial failed: {BROKEN_NETWORKS[answer]}"


@pytest.mark.parametrize("error", [OSError(5, "broken"), TimeoutError("late"), ConnectionRefusedError()], ids=repr)
async def test_network_errors_are_only_told_as_such(relay: str, error: Exception) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network, warnings=True) as around:
        network.routes = {("127.0.0.1", around.dc.port): error}
        client = await around.client()
        assert await client.recv_until_end() == sockets.Received(b"", "eof")

        assert names(await around.finished()) == ["Start", "Finish"]
        assert [text.partition(" (")[0] for text in around.log.warnings] == ["DC 2 can't be reached"]


class Broken:
    """Raises whatever is asked of it."""

    def __init__(self) -> None:
        self.calls = 0

    def _raise(self, *_arguments: Any, **_fields: Any) -> Any:
        self.calls += 1
        raise RuntimeError("broken part")

    send = named = bind = debug = info = warning = _raise


async def test_event_stream_that_raises_is_counted_and_told_once(relay: str) -> None:
    async with stage(relay, event_stream=Broken(), warnings=True) as around:
        assert await is_echoed(around)
        await around.probe(GARBAGE, then_eof=True)
        await around.proxy.shutdown()

        assert around.log.warnings == ["Broken.send failed: RuntimeError"]
        assert around.proxy.events_dropped >= 6


async def test_logger_that_raises_changes_nothing(relay: str) -> None:
    logger = Broken()
    async with stage(relay, logger=logger, network=RoutedNetwork(), front_network=Direct()) as around:
        client = await around.client()
        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        await around.probe(GARBAGE, then_eof=True)
        assert names(await around.finished(2))[-1] == "Finish"

    assert logger.calls > 0


async def test_logger_whose_children_raise_changes_nothing(relay: str) -> None:
    class HalfBroken(RecordingLogger):
        def bind(self, **fields: Any) -> RecordingLogger:
            raise RuntimeError("broken part")

    async with stage(relay, logger=HalfBroken()) as around:
        assert await is_echoed(around)


async def test_all_parts_may_fail_at_once(relay: str) -> None:
    broken: dict[str, Any] = {"event_stream": Broken(), "logger": Broken(), "anti_replay_cache": Cache(raise_error)}
    async with stage(relay, **broken) as around:
        await is_fronted(around)
        assert mtglib.Event not in map(type, around.events.events)


async def test_clock_that_breaks_takes_no_streams_last_event(relay: str) -> None:
    reads = 0

    def clock() -> float:
        nonlocal reads
        reads += 1
        if reads > 2:  # at the proxy's start and at that of the stream it still works
            raise ZeroDivisionError("no time")
        return 1_700_000_000.0

    async with stage(relay, clock=clock, warnings=True) as around:
        await around.probe(GARBAGE, then_eof=True)

        assert names(await around.finished())[-1] == "Finish"
        assert around.log.warnings == ["the clock failed: ZeroDivisionError"]
