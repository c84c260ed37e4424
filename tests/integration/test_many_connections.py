"""Hundreds of connections at once: each gets its own bytes back, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import Iterator

import pytest

import mtglib
from integration.event_rules import by_stream, traffic
from integration.stage import Stage, stage
from support import sockets
from support.eventually import eventually
from support.front import FrontConnection
from support.pattern import Pattern

CONNECTIONS = 500
FDS_A_CONNECTION = 4  # client, the proxy's two, DC


@pytest.fixture(autouse=True)
def _enough_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS * FDS_A_CONNECTION + 200
    if hard < needed:
        pytest.skip(f"the limit of open files is {hard}, needed are {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def echo_site(connection: FrontConnection) -> None:
    """Answer everything with itself."""
    await connection.ended()
    await connection.send(bytes(connection.received))
    connection.send_eof()


class Crowd:
    """What many clients do, each by its own number, and how many bytes they are sure to have moved."""

    def __init__(self, around: Stage, all_here: asyncio.Barrier) -> None:
        self.around = around
        self.all_here = all_here
        self.echoed_bytes = 0

    async def one(self, number: int) -> None:
        """Three of four are clients of ours, of which some vanish in the middle; the rest are fronted."""
        chance = random.Random(number)
        if number % 4 == 3:
            await self.stranger(number, chance)
        else:
            await self.client(number, chance)

    async def client(self, number: int, chance: random.Random) -> None:
        around, pattern = self.around, Pattern(number)
        vanishes = chance.random() < 0.2
        async with await around.client() as client:
            await self.all_here.wait()
            for _ in range(chance.randint(1, 8)):
                data = pattern.take(int(2 ** chance.uniform(0, 15)))
                await client.send(data, record_bytes=[chance.randint(1, 16_000)])
                if vanishes and chance.random() < 0.3:
                    client.reset()
                    return
                assert await client.recv_exactly(len(data)) == data
                self.echoed_bytes += len(data)
            client.send_eof()
            assert await client.recv_until_end() == sockets.Received(b"", "eof")

    async def stranger(self, number: int, chance: random.Random) -> None:
        sock = await self.around.stranger(b"?")
        await self.all_here.wait()
        data = Pattern(number).take(int(2 ** chance.uniform(0, 17)))
        await sockets.send_all(sock, data)
        sockets.send_eof(sock)
        assert await sockets.recv_until_end(sock) == sockets.Received(b"?" + data, "eof")
        self.echoed_bytes += 1 + len(data)
        sockets.close(sock)


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
@pytest.mark.parametrize("fast_mode", [True, False], ids=["fast", "re-encrypted"])
async def test_each_of_many_connections_gets_its_own_bytes(relay: str, fast_mode: bool) -> None:
    async with stage(relay, script=echo_site, fast_mode=fast_mode, limit_seconds=50) as around:
        crowd = Crowd(around, asyncio.Barrier(CONNECTIONS))
        async with asyncio.TaskGroup() as group:
            for number in range(CONNECTIONS):
                group.create_task(crowd.one(number))

        events = await around.finished(CONNECTIONS)

        assert len(by_stream(events)) == CONNECTIONS
        assert min(traffic(events)) >= crowd.echoed_bytes
        assert len(around.log.finished()) == CONNECTIONS
        await eventually(lambda: not around.proxy.connections())


async def test_limits_hold_for_a_crowd_that_comes_at_once(relay: str) -> None:
    limit = 100
    async with stage(relay, concurrency=limit) as around:
        crowd = [await around.stranger() for _ in range(3 * limit)]
        await around.events.seen(mtglib.EventFinish, 3 * limit - limit // 2)

        assert len(around.proxy.connections()) == limit // 2
        endings = await asyncio.gather(*(sockets.recv_until_end(sock) for sock in crowd[: -limit // 2]))
        assert set(endings) == {sockets.Received(b"", "eof")}
