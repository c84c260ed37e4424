from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.stats import Statsd
from mtglib.stats.udp_writer import UDPWriter
from support.event_samples import stream_of
from support.ports import free_port
from support.timeless import timeless


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        yield sock


def received(sock: socket.socket) -> list[bytes]:
    datagrams = []
    try:
        while True:
            datagrams.append(sock.recv(65_536))
    except BlockingIOError:
        return datagrams


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int, first: Callable[[], object] = lambda: None) -> None:
    """Let every name lead to these ports of this machine, after `first`."""

    def getaddrinfo(*_positional: object, **_named: object) -> list[tuple[object, ...]]:
        first()
        return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_lines_fill_datagrams(server: socket.socket) -> None:
    writer = UDPWriter("127.0.0.1", server.getsockname()[1])
    assert await writer.connect()
    lines = [b"%d" % number * 10 for number in range(1000, 2000)]
    for line in lines:
        writer.add(line)
    writer.flush()
    writer.close()

    datagrams = received(server)
    assert b"\n".join(datagrams).split(b"\n") == lines
    assert all(len(datagram) <= 1432 for datagram in datagrams)
    assert all(len(datagram) + 41 > 1432 for datagram in datagrams[:-1])


async def test_lines_before_it_is_connected_are_lost(server: socket.socket) -> None:
    writer = UDPWriter("127.0.0.1", server.getsockname()[1])
    writer.add(b"lost")
    writer.flush()
    assert await writer.connect()
    writer.flush()
    writer.close()

    assert received(server) == []


async def test_next_address_is_taken_when_nobody_listens(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, free_port(), server.getsockname()[1])
    writer = UDPWriter("statsd.example", 8125)
    sent = 0
    while not (got := received(server)):
        assert await writer.connect()
        writer.add(b"line")
        writer.flush()
        sent += 1
        assert sent < 10
    writer.close()

    assert got == [b"line"]


async def test_name_that_is_unknown_is_looked_up_again(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([socket.gaierror("unknown"), UnicodeError("no name")])

    def fail_twice() -> None:
        if error := next(answers, None):
            raise error

    resolve_to(monkeypatch, server.getsockname()[1], first=fail_twice)
    writer = UDPWriter("statsd.example", 8125)

    assert [(await writer.connect(), str(writer.take_error())) for _ in range(3)] == [
        (False, "unknown"),
        (False, "'statsd.example' isn't a host name, or 8125 isn't a port"),
        (True, "None"),
    ]
    writer.close()


async def test_counts_gather_until_the_name_is_found(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()
    resolve_to(monkeypatch, server.getsockname()[1], first=found.wait)
    async with Statsd("statsd.example", 8125, flush_each_seconds=0.001) as observer:
        await observer.observe(stream_of("a", "replay"))
        found.set()
        async with asyncio.timeout(20):
            while b"mtg.replay_attacks:1|c" not in await asyncio.get_running_loop().sock_recv(server, 65_536):
                pass


async def test_silent_dns_is_asked_once_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = [], threading.Event()

    def never() -> None:
        asked.append(True)
        released.wait()

    resolve_to(monkeypatch, first=never)

    async def visit() -> None:
        async with Statsd("statsd.example", 8125) as observer:
            await observer.observe(stream_of("a", "dc"))
            await asyncio.sleep(0)

    try:
        await asyncio.to_thread(timeless(visit))  # which waits for its executor's threads
    finally:
        released.set()
    assert asked == [True]


async def test_no_thread_is_left_for_a_look_up(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    writer = UDPWriter("127.0.0.1", server.getsockname()[1])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        assert not await writer.connect()
        assert str(writer.take_error()) == "no thread could be started: can't start new thread"

    assert await writer.connect()
    writer.close()


async def test_address_that_cannot_be_reached_is_the_next_ones_turn(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    inet = (socket.AF_INET, socket.SOCK_DGRAM, 0, "")
    answers = [(*inet, ("255.255.255.255", 8125)), (*inet, server.getsockname())]  # the first needs SO_BROADCAST
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_positional, **_named: answers)
    writer = UDPWriter("statsd.example", 8125)

    assert [await writer.connect() for _ in range(2)] == [False, True]
    writer.close()


async def test_name_that_is_never_found_harms_nobody_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, logger: RecordingLogger
) -> None:
    asked, enough = 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    def unknown() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            loop.call_soon_threadsafe(enough.set)
        raise socket.gaierror("unknown")

    resolve_to(monkeypatch, first=unknown)
    async with Statsd("statsd.example", 8125, flush_each_seconds=0.001, logger=logger) as observer:
        await observer.observe(stream_of("a", "dc"))
        await enough.wait()

    assert [(message.level, message.text, message.error) for message in logger.messages] == [
        ("warning", "statsd: statsd.example:8125 can't be reached", "gaierror('unknown')")
    ]
