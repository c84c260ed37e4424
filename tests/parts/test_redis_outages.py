"""A fleet's anti-replay server is killed, stalls, lies, and comes back: clients get through, and replays don't."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Redis, sending
from support import sockets
from support.ports import free_port
from support.redis_server import SERVER, RedisServer
from support.tcp_server import TCPServer
from unit.recorders import Broken

pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")

AWAY, FULL, BACK = "away", "full", "back"


class Proxy:
    """One proxy's cache, with its log and a clock that moves when told to."""

    def __init__(self, url: str, timeout_seconds: float = 0.9) -> None:
        self.now_mono = 0.0
        self.address = url.removeprefix("redis://").removesuffix("/0")
        self.logger = RecordingLogger()
        self.cache = Redis(
            url,
            remember_seconds=600,
            timeout_seconds=timeout_seconds,
            logger=self.logger,
            clock=lambda: self.now_mono,
            max_connections=4,
        )

    async def asks(self, *data: bytes) -> list[bool]:
        """One after the other."""
        return [await self.cache.seen_before(one) for one in data]

    @property
    def said(self) -> list[str]:
        full = "is full (its maxmemory is too small for what it has to remember)"
        texts = {
            (
                "warning",
                f"the anti-replay server {self.address} can't be used; using local memory until it is back",
            ): AWAY,
            ("warning", f"the anti-replay server {self.address} {full}; using local memory until it is back"): FULL,
            ("info", f"the anti-replay server {self.address} is usable again"): BACK,
        }
        return [texts[message.level, message.text] for message in self.logger.messages]


class Liar(TCPServer):
    """Answers whatever it is sent with the same bytes, for ever; ``visits`` counts connections."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.visits = 0
        self._answer = answer

    async def serve_socket(self, sock: socket.socket) -> None:
        self.visits += 1
        while await asyncio.get_running_loop().sock_recv(sock, 65536):
            await sockets.send_all(sock, self._answer)


class SlowThenBroken(TCPServer):
    """Answers its first connection when told to, and ends all others."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def serve_socket(self, sock: socket.socket) -> None:
        if self.asked.is_set():
            return
        self.asked.set()
        await asyncio.get_running_loop().sock_recv(sock, 65536)
        await self.may_answer.wait()
        await sockets.send_all(sock, b"+OK\r\n")


@pytest.fixture(autouse=True)
def nothing_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what these tests ask for is asked of a server."""
    monkeypatch.setattr(sending, "_PAUSE_AFTER_FAILURE_SECONDS", 3600.0)


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    """A server, empty."""
    async with RedisServer() as server:
        yield server


async def test_a_server_killed_and_restarted_is_used_again(server: RedisServer) -> None:
    proxy, other = Proxy(server.url), Proxy(server.url)
    assert await proxy.asks(b"before") == [False]
    await server.kill()
    assert await proxy.asks(b"before", b"during", b"during") == [True, False, True]
    assert proxy.said == [AWAY]

    await server.start()
    proxy.now_mono += 1
    assert await proxy.asks(b"after") == [False]
    assert proxy.said == [AWAY, BACK]
    assert await other.asks(b"after") == [True]
    assert await proxy.asks(b"before", b"during") == [True, True], "the server has lost it, this proxy hasn't"
    await proxy.cache.close()
    await other.cache.close()


async def test_a_restart_between_two_calls_is_not_even_noticed(server: RedisServer) -> None:
    proxy = Proxy(server.url)
    await asyncio.gather(*(proxy.cache.seen_before(bytes([number])) for number in range(20)))
    await server.kill()
    await server.start()

    assert await asyncio.gather(*(proxy.cache.seen_before(b"x%d" % number) for number in range(20))) == [False] * 20
    assert proxy.said == []
    assert await server.ask("DBSIZE") == 20
    await proxy.cache.close()


async def test_while_it_is_away_it_is_tried_once_in_a_pause(server: RedisServer) -> None:
    proxy = Proxy(server.url)
    await server.kill()
    await proxy.asks(b"a")
    await server.start()

    proxy.now_mono = 0.99
    await proxy.asks(b"b", b"c")
    assert await server.ask("DBSIZE") == 0
    proxy.now_mono = 1.0
    await asyncio.gather(*(proxy.cache.seen_before(b"x%d" % number) for number in range(50)))
    assert await server.ask("DBSIZE") == 1, "one probe; the others didn't wait for it"
    assert proxy.said == [AWAY, BACK]
    await proxy.cache.close()


async def test_a_server_that_stalls_costs_no_client_and_no_later_answer(server: RedisServer) -> None:
    proxy = Proxy(server.url, timeout_seconds=0.9)
    server.stall()
    crowd = await asyncio.gather(*(proxy.cache.seen_before(b"x%d" % number) for number in range(100)))
    assert (crowd, proxy.said) == ([False] * 100, [AWAY])

    server.resume()
    assert await server.ask("PING")
    other = Proxy(server.url)
    await other.asks(b"a", b"b")
    proxy.now_mono += 1
    assert await proxy.asks(b"new", b"a", b"newer", b"b") == [False, True, False, True], "no answer is another's"
    assert proxy.said == [AWAY, BACK]
    await proxy.cache.close()
    await other.cache.close()


async def test_an_outage_that_lasts_is_logged_once() -> None:
    proxy = Proxy(f"redis://127.0.0.1:{free_port()}")
    for number in range(10):
        await proxy.asks(b"%d" % number)
        proxy.now_mono += 5

    assert proxy.said == [AWAY]


async def test_a_full_server_is_one_that_is_away(server: RedisServer) -> None:
    proxy = Proxy(server.url)
    await server.ask("CONFIG", "SET", "maxmemory", "1")
    assert await proxy.asks(b"a", b"a") == [False, True]
    assert (proxy.said, proxy.cache.unsent) == ([FULL], 1)
    await proxy.cache.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b":1\r\n",
        b"+NO\r\n",
        b"$3\r\nabc\r\n",
        b"$99999999999\r\nabc",
        b"$x\r\n",
        b"-LOADING wait\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*1\r\n" * 5000,
        b"*0\r\n",
        b"\xff" * 500_000,
    ],
)
async def test_whatever_a_server_answers_clients_get_through(answer: bytes) -> None:
    async with Liar(answer) as liar:
        proxy = Proxy(f"redis://{liar.address}", timeout_seconds=0.05)
        assert await proxy.asks(b"a", b"b", b"a") == [False, False, True]
        assert (proxy.said, liar.visits) == ([AWAY], 1)
        await proxy.cache.close()


async def test_a_logger_that_raises_costs_no_client() -> None:
    cache = Redis(f"redis://127.0.0.1:{free_port()}", logger=Broken())

    assert not await cache.seen_before(b"a")


async def test_probe_finds_a_server_that_is_away_and_says_where(server: RedisServer) -> None:
    proxy = Proxy(server.url)
    await server.kill()
    assert await proxy.cache.probe() is False
    assert await proxy.asks(b"a", b"a") == [False, True]
    assert proxy.said == [AWAY]

    await server.start()
    proxy.now_mono += 1
    assert await proxy.cache.probe() is True
    assert proxy.said == [AWAY, BACK]
    await proxy.cache.close()


async def test_probe_finds_a_server_that_takes_nothing(server: RedisServer) -> None:
    proxy = Proxy(server.url)
    await server.ask("CONFIG", "SET", "maxmemory", "1")

    assert await proxy.cache.probe() is False
    await proxy.cache.close()


async def test_who_gives_up_waiting_leaves_no_answer_behind(server: RedisServer) -> None:
    proxy, other = Proxy(server.url), Proxy(server.url)
    await proxy.asks(b"a")
    await other.asks(b"theirs")
    server.stall()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(proxy.cache.seen_before(b"given up"), 0.05)
    server.resume()

    assert await proxy.asks(b"theirs", b"new") == [True, False]
    assert proxy.said == []
    await proxy.cache.close()
    await other.cache.close()


async def test_an_answer_from_before_it_was_lost_does_not_end_the_pause() -> None:
    async with SlowThenBroken() as slow:
        proxy = Proxy(f"redis://{slow.address}")
        early = asyncio.create_task(proxy.cache.seen_before(b"early"))
        await slow.asked.wait()
        assert await proxy.asks(b"late") == [False]
        slow.may_answer.set()

        assert await early is False
        assert proxy.said == [AWAY]
        await proxy.cache.close()
