"""A fleet's anti-replay cache on a real server."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from hashlib import blake2b

import pytest
import uvloop

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Redis
from support import sockets
from support.redis_server import SERVER, RedisServer
from support.tcp_server import TCPServer

pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")

PATIENT = 0.9
"""The most that a hello may wait: where a server is there, a busy machine must not make it look away."""

SEE_ONE = """
import asyncio, sys
from mtglib.antireplay import Redis

async def main():
    cache = Redis(sys.argv[1], timeout_seconds=0.9)
    print(await cache.seen_before(b"a"), await cache.probe())
    await cache.close()

asyncio.run(main())
"""


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    """A server, empty."""
    async with RedisServer() as server:
        yield server


def cache_on(url: str, remember_seconds: float = 60, logger: RecordingLogger | None = None) -> Redis:
    return Redis(url, remember_seconds=remember_seconds, timeout_seconds=PATIENT, logger=logger)


async def test_what_one_has_seen_is_a_replay_for_the_others(server: RedisServer) -> None:
    one, other = cache_on(server.url), cache_on(server.url)

    assert [await one.seen_before(b"a"), await other.seen_before(b"a")] == [False, True]
    assert [await other.seen_before(b"b"), await one.seen_before(b"b")] == [False, True]
    await one.close()
    await other.close()


async def test_a_new_process_knows_what_an_old_one_has_seen(server: RedisServer) -> None:
    answers = []
    for _ in range(2):
        command = [sys.executable, "-W", "error", "-c", SEE_ONE, server.url]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        answers.append((await process.communicate())[0].split())

    assert answers == [[b"False", b"True"], [b"True", b"True"]]


async def test_exactly_one_of_many_at_once_is_the_first(server: RedisServer) -> None:
    caches = [cache_on(server.url) for _ in range(5)]

    for data in (b"a", b"b"):
        answers = await asyncio.gather(*(caches[number % 5].seen_before(data) for number in range(100)))
        assert answers.count(False) == 1
    for cache in caches:
        await cache.close()


async def test_more_calls_than_connections_wait_for_one(server: RedisServer) -> None:
    logger = RecordingLogger()
    cache = Redis(server.url, timeout_seconds=PATIENT, max_connections=2, logger=logger)

    answers = await asyncio.gather(*(cache.seen_before(bytes([number])) for number in range(100)))
    assert answers == [False] * 100
    assert await server.ask("DBSIZE") == 100
    assert len(str(await server.ask("CLIENT", "LIST", "TYPE", "normal")).splitlines()) == 2 + 1
    assert logger.messages == []
    await cache.close()


async def test_a_key_is_a_hash_and_lives_for_as_long_as_wanted(server: RedisServer) -> None:
    cache = cache_on(server.url, 7.0)
    data = os.urandom(32)
    await cache.seen_before(data)

    key = "mtg:replay:" + blake2b(data, digest_size=16).hexdigest()
    assert await server.ask("KEYS", "*") == [key]
    assert await server.ask("GET", key) == ""
    lifetime_ms = await server.ask("PTTL", key)
    assert isinstance(lifetime_ms, int)
    assert 0 < lifetime_ms <= 7000
    await cache.close()


async def test_the_window_that_it_once_had_shortens_nothing(server: RedisServer) -> None:
    with pytest.warns(DeprecationWarning, match="remember_seconds"):
        cache = Redis(server.url, 11, timeout_seconds=PATIENT)
    await cache.seen_before(b"a")

    lifetime_ms = await server.ask("PTTL", "mtg:replay:" + blake2b(b"a", digest_size=16).hexdigest())
    assert isinstance(lifetime_ms, int)
    assert 6 * 86_400_000 < lifetime_ms <= 7 * 86_400_000, "a week, by default"
    await cache.close()


async def test_a_second_time_does_not_prolong(server: RedisServer) -> None:
    one, other = cache_on(server.url, 600), cache_on(server.url, 600)
    await one.seen_before(b"a")
    key = "mtg:replay:" + blake2b(b"a", digest_size=16).hexdigest()
    await server.ask("PEXPIRE", key, "60000")

    assert await other.seen_before(b"a")
    lifetime_ms = await server.ask("PTTL", key)
    assert isinstance(lifetime_ms, int)
    assert lifetime_ms <= 60_000
    await one.close()
    await other.close()


async def test_fleets_with_other_prefixes_have_nothing_to_do_with_each_other(server: RedisServer) -> None:
    one, other = (Redis(server.url, timeout_seconds=PATIENT, key_prefix=prefix) for prefix in ("a:", "b:"))

    assert [await one.seen_before(b"a"), await other.seen_before(b"a")] == [False, False]
    await one.close()
    await other.close()


async def test_probe_finds_a_server_that_is_there_and_is_an_answer(server: RedisServer) -> None:
    logger = RecordingLogger()
    cache = cache_on(server.url, logger=logger)

    assert [await cache.probe(), await cache.probe()] == [True, True]
    assert logger.messages == []
    await cache.close()


async def test_a_hello_takes_one_command(server: RedisServer) -> None:
    cache = cache_on(server.url)
    await cache.seen_before(b"a")
    await server.ask("CONFIG", "RESETSTAT")
    for data in (b"b", b"c", b"a", b"b"):
        await cache.seen_before(data)

    stats = await server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    calls = {name: value["calls"] for name, value in stats.items()}
    assert calls.keys() <= {"cmdstat_set", "cmdstat_config|resetstat", "cmdstat_hello"}, "the last is this test's own"
    assert calls["cmdstat_set"] == 2, "what is known here isn't asked there"
    await cache.close()


class Listener(TCPServer):
    """Answers OK to whatever it gets, and keeps that."""

    def __init__(self) -> None:
        super().__init__()
        self.got = b""

    async def serve_socket(self, sock: socket.socket) -> None:
        while piece := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            self.got += piece
            await sockets.send_all(sock, b"+OK\r\n")


async def test_a_connection_begins_with_the_first_hello() -> None:
    async with Listener() as listener:
        cache = cache_on(f"redis://{listener.address}")
        assert await cache.seen_before(b"a") is False
        await cache.close()

    key = b"mtg:replay:" + blake2b(b"a", digest_size=16).hexdigest().encode()
    words = [b"SET", key, b"", b"NX", b"PX", b"60000"]
    assert listener.got == b"*6\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


async def test_a_server_with_a_password_lets_it_in() -> None:
    logger = RecordingLogger()
    async with RedisServer(password="a/word@with:signs%#") as server:
        cache = cache_on(server.url, logger=logger)
        assert (await cache.probe(), logger.messages) == (True, [])
        await cache.close()


async def test_a_wrong_password_is_a_server_that_can_not_be_used_and_is_not_told() -> None:
    logger = RecordingLogger()
    async with RedisServer(password="right-word") as server:
        cache = cache_on(server.url.replace("right-word", "wrong-word"), logger=logger)
        assert [await cache.seen_before(b"a") for _ in range(2)] == [False, True]
        await cache.close()

    assert [text.partition(" can't be used; ")[2] for text in logger.warnings] == [
        "using local memory until it is back"
    ]
    assert "wrong-word" not in logger.everything()


async def test_a_unix_socket_will_do(server: RedisServer) -> None:
    one, other = cache_on(server.unix_url), cache_on(f"{server.url}")

    assert [await one.seen_before(b"a"), await other.seen_before(b"a")] == [False, True]
    await one.close()
    await other.close()


async def test_tls_will_do() -> None:
    async with RedisServer(tls=True) as server:
        cache = cache_on(server.url)
        assert await cache.probe() is True
        await cache.close()


async def test_tls_with_a_certificate_that_nobody_knows_is_refused() -> None:
    logger = RecordingLogger()
    async with RedisServer(tls=True) as server:
        cache = cache_on(server.url.partition("?")[0], logger=logger)
        assert not await cache.seen_before(b"a")
        await cache.close()
    assert len(logger.warnings) == 1


async def test_it_goes_on_after_close(server: RedisServer) -> None:
    cache = cache_on(server.url)
    await cache.seen_before(b"a")
    await cache.close()
    await cache.close()

    await cache.seen_before(b"b")
    assert await server.ask("DBSIZE") == 2
    await cache.close()


@pytest.mark.parametrize("second", [asyncio.new_event_loop, uvloop.new_event_loop])
async def test_it_is_used_in_one_event_loop_after_another(server: RedisServer, second: type) -> None:
    cache = cache_on(server.url)

    async def visit(data: bytes) -> bool:
        answers = await asyncio.gather(*(cache.seen_before(data) for _ in range(20)))
        await cache.close()
        return answers.count(False) == 1

    def visit_in_a_loop_of_its_own(data: bytes) -> bool:
        with asyncio.Runner(loop_factory=second) as runner:
            return runner.run(visit(data))

    assert await asyncio.to_thread(visit_in_a_loop_of_its_own, b"a")
    assert await asyncio.to_thread(visit_in_a_loop_of_its_own, b"b")
    assert await server.ask("DBSIZE") == 2


async def test_a_loop_that_ended_without_close_is_no_trouble_for_the_next(server: RedisServer) -> None:
    logger = RecordingLogger()
    cache = cache_on(server.url, logger=logger)

    await asyncio.to_thread(asyncio.run, cache.seen_before(b"a"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # about what that loop left open
        await cache.seen_before(b"b")
        gc.collect()
    assert (await server.ask("DBSIZE"), logger.messages) == (2, [])
    await cache.close()
