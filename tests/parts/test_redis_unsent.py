"""What a proxy has seen while the fleet's server was away gets there when it is back, so that all know it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Redis, sending
from support.redis_server import SERVER, RedisServer

pytestmark = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    """A server, empty."""
    async with RedisServer() as server:
        yield server


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    monkeypatch.setattr(sending, "_PAUSE_AFTER_FAILURE_SECONDS", 0.02)
    monkeypatch.setattr(sending, "_PAUSE_SECONDS", 0.001)


def hellos(count: int) -> list[bytes]:
    return [b"%028d" % number for number in range(count)]


async def asks(cache: Redis, *data: bytes) -> list[bool]:
    return [await cache.seen_before(one) for one in data]


async def all_sent(cache: Redis) -> None:
    async with asyncio.timeout(20):
        while cache.unsent:
            await asyncio.sleep(0.001)


async def test_it_is_sent_by_itself_when_the_server_is_back(server: RedisServer) -> None:
    logger = RecordingLogger()
    one, other = Redis(server.url, timeout_seconds=0.9, logger=logger), Redis(server.url, timeout_seconds=0.9)
    await server.kill()
    assert not any(await asks(one, *hellos(1000)))
    assert one.unsent == 1000

    await server.start()
    await all_sent(one)
    assert [message.level for message in logger.messages] == ["warning", "info"]
    assert all(await asks(other, *hellos(1000)))
    lifetime_ms = await server.ask("PTTL", str(await server.ask("RANDOMKEY")))
    assert isinstance(lifetime_ms, int)
    assert 6 * 86_400_000 < lifetime_ms <= 7 * 86_400_000
    await one.close()
    await other.close()


async def test_a_restart_in_the_meantime_loses_nothing(server: RedisServer, tmp_path: Path) -> None:
    await server.kill()
    async with Redis(server.url, directory=tmp_path) as one:
        assert not any(await asks(one, *hellos(300)))
    async with Redis(server.url, directory=tmp_path) as one:
        assert one.unsent == 300
        assert all(await asks(one, *hellos(300)))
        await server.start()
        await all_sent(one)
    async with Redis(server.url, directory=tmp_path) as one, Redis(server.url, timeout_seconds=0.9) as other:
        assert one.unsent == 0
        assert all(await asks(other, *hellos(300)))


async def test_of_more_than_it_remembers_the_oldest_are_not_sent(server: RedisServer) -> None:
    await server.kill()
    async with Redis(server.url, max_entries=80) as one:
        await asks(one, *hellos(400))
        assert 70 <= one.unsent <= 80
        await server.start()
        await all_sent(one)
        async with Redis(server.url, timeout_seconds=0.9) as other:
            assert all(await asks(other, *hellos(400)[-70:]))


async def test_what_a_full_server_did_not_take_is_sent_when_it_has_room(server: RedisServer) -> None:
    async with Redis(server.url, timeout_seconds=0.9) as one, Redis(server.url, timeout_seconds=0.9) as other:
        await server.ask("CONFIG", "SET", "maxmemory", "1")
        await asks(one, *hellos(30))
        assert one.unsent == 30
        await server.ask("CONFIG", "SET", "maxmemory", "0")
        await all_sent(one)
        assert all(await asks(other, *hellos(30)))


async def test_a_hello_whose_asker_gave_up_is_sent(server: RedisServer) -> None:
    async with Redis(server.url, timeout_seconds=0.9) as one, Redis(server.url, timeout_seconds=0.9) as other:
        await one.probe()
        server.stall()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.seen_before(b"given up"), 0.02)
        server.resume()
        await all_sent(one)
        assert await asks(other, b"given up") == [True]


async def test_closing_ends_what_waits(server: RedisServer) -> None:
    await server.kill()
    one = Redis(server.url)
    await asks(one, *hellos(3))
    await one.close()
    assert not [task for task in asyncio.all_tasks() if "unsent" in task.get_name()]
