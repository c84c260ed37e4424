"""A client waits for its answer as long as a visitor waits for the site's."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mtglib import FrontLearning, Reason
from support import sockets
from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from support.timeless import timeless
from unit.scripted_clock import ScriptedClock
from unit.surroundings import SECRET, SITE, Surroundings, over, surroundings
from unit.wire.test_server_flight import CCS, encrypted, server_hello

ANSWER = server_hello() + CCS + encrypted(36, 837)
SHAPE: Shape = "old"


async def nothing_came(sock: socket.socket) -> None:
    """See that the peer gets nothing, whatever is due now."""
    for _ in range(10):
        await asyncio.sleep(0)
    with pytest.raises(BlockingIOError):
        sock.recv(1)


@asynccontextmanager
async def learnt(**changes: Any) -> AsyncIterator[tuple[Surroundings, ScriptedClock]]:
    """Have a client come, and the site asked, which takes 10 ms to be connected and 20 more to answer."""
    clock = ScriptedClock()
    async with surroundings(fine_clock=clock, front_learning=FrontLearning(), **changes) as around:
        around.network.may_connect.clear()
        visit = around.visit()
        client = around.client(visit, shape=SHAPE)
        await client.send_hello()
        await client.receive_answer()
        assert clock.waits_seconds == [], "nothing is known yet"
        visit.running.cancel()
        clock.mono += 0.01
        around.network.may_connect.set()
        site = await around.far_end()
        await sockets.recv_exactly(site, len(hello_records(build_client_hello(SITE, shape=SHAPE))))
        clock.mono += 0.02
        await sockets.send_all(site, ANSWER)
        assert (await sockets.recv_until_end(site)).data == b"", "it has learnt"
        yield around, clock


@timeless
async def test_the_answer_comes_when_the_sites_would() -> None:
    async with learnt() as (around, clock):
        visit = around.visit()
        client = around.client(visit, shape=SHAPE)
        await client.send_hello()
        await clock.waited_for()
        assert clock.waits_seconds == [pytest.approx(0.03)]
        assert around.shared.roster.visitors == 0, "while it waits, it takes no visitor's place"
        await nothing_came(visit.peer)

        await clock.go()
        await client.receive_answer()
        await client.send_frame()
        await around.data_centre()


@timeless
async def test_the_time_for_the_frame_begins_with_the_answer() -> None:
    async with learnt(frame_timeout=7.0) as (around, clock):
        visit = around.visit()
        await around.client(visit, shape=SHAPE).send_hello()
        await clock.waited_for()
        await asyncio.sleep(6)
        await clock.go()
        began_mono = asyncio.get_running_loop().time()

        await over(visit)
        assert asyncio.get_running_loop().time() - began_mono == pytest.approx(7.0)


class SlowMemory:
    """An anti-replay cache that takes 4 ms."""

    clock: ScriptedClock | None = None

    async def seen_before(self, _data: bytes) -> bool:
        if self.clock is not None:
            self.clock.mono += 0.004
        return False


@timeless
async def test_our_own_work_is_a_part_of_it() -> None:
    memory = SlowMemory()
    async with learnt(anti_replay_cache=memory) as (around, clock):
        memory.clock = clock
        await around.client(around.visit(), shape=SHAPE).send_hello()
        await clock.waited_for()

        assert clock.waits_seconds == [pytest.approx(0.026)]


@timeless
async def test_a_front_that_is_connected_is_waited_for_no_longer_than_its_first_byte() -> None:
    async with learnt() as (around, clock):
        visit = around.visit()
        hello = hello_records(sign_hello(build_client_hello(SITE, shape=SHAPE), SECRET.key, int(time.time())))
        await sockets.send_all(visit.peer, hello[:100])
        site = await around.far_end()
        await sockets.recv_exactly(site, 100)
        await sockets.send_all(visit.peer, hello[100:])
        await clock.waited_for()

        assert clock.waits_seconds == [pytest.approx(0.02)]


@timeless
async def test_whoever_switches_it_off_is_answered_at_once() -> None:
    async with learnt(answer_delay="off") as (around, clock):
        client = around.client(around.visit(), shape=SHAPE)
        await client.send_hello()
        await client.receive_answer()

        assert clock.waits_seconds == []


@timeless
async def test_a_client_that_leaves_meanwhile_is_noticed() -> None:
    async with learnt() as (around, clock):
        visit = around.visit()
        await around.client(visit, shape=SHAPE).send_hello()
        await clock.waited_for()
        sockets.send_eof(visit.peer)
        await clock.go()

        await over(visit)
        assert around.reasons()[-1] is Reason.CLOSED
        assert around.fronted_for() == [], "it was a client"


@timeless
async def test_a_shutdown_does_not_wait_for_it() -> None:
    async with learnt() as (around, clock):
        visit = around.visit()
        await around.client(visit, shape=SHAPE).send_hello()
        await clock.waited_for()
        visit.entry.end(Reason.SHUTDOWN)

        await over(visit)
        assert around.reasons()[-1] is Reason.SHUTDOWN
        assert (await sockets.recv_until_end(visit.peer)).data == b""


@timeless
async def test_a_visitor_who_is_slow_teaches_nothing() -> None:
    """The site was dialled before the last byte came."""
    hello = hello_records(build_client_hello(SITE, shape=SHAPE))
    async with learnt() as (around, _clock):
        visit = around.visit()
        await sockets.send_all(visit.peer, hello[:100])
        site = await around.far_end()
        await sockets.send_all(visit.peer, hello[100:])
        await sockets.recv_exactly(site, len(hello))
        await sockets.send_all(site, ANSWER)
        await sockets.recv_exactly(visit.peer, len(ANSWER))
        sockets.send_eof(visit.peer)
        sockets.send_eof(site)
        await over(visit)

        assert len(around.generation.fronts.default.visits) == 0


@timeless
async def test_what_visitors_with_such_a_hello_wait_is_what_clients_do() -> None:
    hello = hello_records(build_client_hello(SITE, shape=SHAPE))
    async with learnt() as (around, clock):
        for _ in range(8):
            visit, dialled = around.visit(), len(around.network.dialled)
            around.network.may_connect.clear()
            await sockets.send_all(visit.peer, hello)
            while len(around.network.dialled) == dialled:
                await asyncio.sleep(0)
            clock.mono += 0.08
            around.network.may_connect.set()
            site = await around.far_end()
            await sockets.recv_exactly(site, len(hello))
            await sockets.send_all(site, ANSWER)
            await sockets.recv_exactly(visit.peer, len(ANSWER))
            sockets.send_eof(visit.peer)
            sockets.send_eof(site)
            await over(visit)

        await around.client(around.visit(), shape=SHAPE).send_hello()
        await clock.waited_for()
        assert clock.waits_seconds[0] > 0.0799, "and the first byte after that, which only took a moment"
