"""Hellos that were sent before, with the same stamp or another, and honest ones; the clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.stage import Stage, stage
from mtglib.antireplay import Exact, Redis, StableBloom, exact, pure
from support import sockets
from support.client_hello import hello_records, restamp_hello
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import answer
from support.redis_server import SERVER, RedisServer

SITE = b"a site's answer"
START_UNIX = 1_700_000_000.75
SKEW_SECONDS = 3
MakeCache = Callable[[], Exact | StableBloom | Redis]
KINDS = ("exact", "pure", "bloom", "redis")


class Clock:
    """Unix time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_unix = START_UNIX

    def __call__(self) -> float:
        return self.now_unix


async def lands_at(around: Stage, wire: bytes) -> str:
    """Send a hello; tell whether the site answers or the proxy."""
    sock = await around.stranger(wire)
    first = await sockets.recv_exactly(sock, len(SITE))
    sockets.close(sock)
    return "site" if first == SITE else "proxy"


async def landed_first(around: Stage, stamp: float) -> tuple[str, bytes]:
    """Make a fresh hello of this time; tell where it lands, and which it is."""
    client = await around.client_before_hello(timestamp=int(stamp))
    await client.send_hello()
    first = await sockets.recv_exactly(client.sock, len(SITE))
    client.close()
    return ("site" if first == SITE else "proxy"), client.hello


async def retimed_lands_at(around: Stage, client: FakeTLSClient, now_unix: float) -> str:
    """Send a client's hello again as if it had been made now."""
    return await lands_at(around, hello_records(restamp_hello(client.hello, int(START_UNIX), int(now_unix))))


def on_stage(relay: str, clock: Clock, **changes: Any) -> Any:
    return stage(relay, script=answer(SITE), clock=clock, tolerate_time_skewness_seconds=SKEW_SECONDS, **changes)


@pytest.fixture(params=KINDS)
async def make_cache(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeCache]:
    """Makes a cache of each kind; each time it is like a restart."""
    kind = request.param
    async with AsyncExitStack() as stack:
        if kind == "redis":
            if SERVER is None:
                pytest.skip("redis-server is not installed")
            server = await stack.enter_async_context(RedisServer())
        if kind == "pure":
            monkeypatch.setattr(exact, "ReplayMemory", pure.PureReplayMemory)

        def make() -> Exact | StableBloom | Redis:
            if kind == "redis":
                return Redis(server.url, directory=tmp_path, timeout_seconds=0.9)
            return StableBloom(directory=tmp_path) if kind == "bloom" else Exact(directory=tmp_path)

        yield make


async def test_hello_is_good_once(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        client = await around.client(timestamp=int(START_UNIX))

        for _ in range(3):
            assert await lands_at(around, hello_records(client.hello)) == "site"

        assert len(await around.events.seen(mtglib.EventReplayAttack, 3)) == 3


async def test_replay_is_fronted_with_the_very_bytes(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        client = await around.client(timestamp=int(START_UNIX))
        wire = hello_records(client.hello)
        await lands_at(around, wire + b"what a prober adds")

        received = await around.front.connections[0].got(len(wire) + 18)
        assert received == wire + b"what a prober adds"


async def test_a_new_stamp_makes_no_new_hello_at_once_or_later(make_cache: MakeCache) -> None:
    clock = Clock()
    async with make_cache() as cache, on_stage("auto", clock, anti_replay_cache=cache) as around:
        client = await around.client(timestamp=int(START_UNIX))

        for later_seconds in (0, 1, 7, 8, 14, 3600, 40 * 86400):
            clock.now_unix = START_UNIX + later_seconds
            for off_seconds in (-2, 0, 2):
                assert await retimed_lands_at(around, client, clock.now_unix + off_seconds) == "site"
        await around.events.seen(mtglib.EventReplayAttack, 21)
        assert (await landed_first(around, clock.now_unix))[0] == "proxy", "an honest one"
        await cache.close()


async def test_a_new_stamp_makes_no_new_hello_after_a_restart(make_cache: MakeCache) -> None:
    clock = Clock()
    async with make_cache() as cache, on_stage("auto", clock, anti_replay_cache=cache) as around:
        client = await around.client(timestamp=int(START_UNIX))
        secret = around.secret
        await cache.close()
    clock.now_unix += 1000
    async with make_cache() as cache, on_stage("auto", clock, anti_replay_cache=cache, secret=secret) as around:
        assert await retimed_lands_at(around, client, clock.now_unix) == "site"
        assert await lands_at(around, hello_records(client.hello)) == "site"
        await around.events.seen(mtglib.EventReplayAttack, 2)
        assert (await landed_first(around, clock.now_unix))[0] == "proxy", "an honest one"
        await cache.close()


@pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")
async def test_a_new_stamp_makes_no_new_hello_for_another_proxy() -> None:
    clock = Clock()
    async with RedisServer() as server:
        caches = [Redis(server.url, timeout_seconds=0.9) for _ in range(2)]
        async with caches[0] as cache, on_stage("auto", clock, anti_replay_cache=cache) as around:
            client = await around.client(timestamp=int(START_UNIX))
            secret = around.secret
            await cache.close()
        clock.now_unix += 1000
        async with caches[1] as cache, on_stage("auto", clock, anti_replay_cache=cache, secret=secret) as around:
            assert await retimed_lands_at(around, client, clock.now_unix) == "site"
            await around.events.seen(mtglib.EventReplayAttack, 1)
            await cache.close()


@pytest.mark.parametrize(
    ("off_seconds", "where"), [(-4, "site"), (-3, "proxy"), (0, "proxy"), (3, "proxy"), (4, "site"), (10**6, "site")]
)
async def test_clients_clock_may_be_off_by_the_skew(relay: str, off_seconds: int, where: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock) as around:
        clock.now_unix = float(int(START_UNIX)) + 100

        assert (await landed_first(around, clock.now_unix + off_seconds))[0] == where
        assert around.events.of(mtglib.EventReplayAttack) == []


async def test_hello_from_before_the_start_is_as_good_as_any(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        assert (await landed_first(around, START_UNIX - 2))[0] == "proxy"


@pytest.mark.parametrize("wrong", ["clock", "name"])
async def test_hello_that_is_refused_is_remembered(relay: str, wrong: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock) as around:
        off_seconds = 3600 if wrong == "clock" else 0
        options = {} if wrong == "clock" else {"server_name": "other.example"}
        client = await around.client_before_hello(timestamp=int(START_UNIX) + off_seconds, **options)
        await client.send_hello()
        assert await sockets.recv_exactly(client.sock, len(SITE)) == SITE
        clock.now_unix += off_seconds + 1

        restamped = restamp_hello(client.hello, int(START_UNIX) + off_seconds, int(clock.now_unix))
        assert await lands_at(around, hello_records(restamped)) == "site"
        assert len(await around.events.seen(mtglib.EventReplayAttack, 1)) == 1


async def test_tampered_copy_is_a_stranger_and_no_replay(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        client = await around.client(timestamp=int(START_UNIX))
        wire = bytearray(hello_records(client.hello))
        wire[-1] ^= 1

        assert await lands_at(around, bytes(wire)) == "site"
        assert "ReplayAttack" not in names(around.events.events)


async def test_nobody_is_admitted_any_more_once_the_proxy_is_ending(relay: str) -> None:
    """What is said then is remembered by nobody: the cache may be closed, or another process may have it."""
    async with stage(relay, script=answer(SITE)) as around:
        stays = await around.client()
        late = await around.client_before_hello()
        await eventually(lambda: len(around.proxy.connections()) == 2)
        ending = asyncio.create_task(around.proxy.shutdown(grace_seconds=30.0))
        await asyncio.sleep(0)
        await late.send_hello()

        assert await sockets.recv_exactly(late.sock, len(SITE)) == SITE
        await stays.send(b"still here")
        assert await stays.recv_exactly(10) == b"still here"
        stays.close()
        late.close()
        await ending
