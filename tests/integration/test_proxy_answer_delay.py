"""Clients of a proxy whose site takes its time."""

from __future__ import annotations

import asyncio
import time

import pytest

import mtglib
from integration.stage import Stage, stage
from mtglib.fine_clock import FineClock
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.front import FrontConnection
from unit.wire.test_server_flight import CCS, encrypted, server_hello

ANSWER = server_hello() + CCS + encrypted(36, 837)
SITE_SECONDS = 0.03
HELLO_BYTES = 517  # of the old shape, with its record's header


async def client_that_waits(around: Stage, waits_seconds: list[float]) -> None:
    """Let clients come until one has to wait: the first ones don't, nor would one on a machine that is busy."""
    while not any(SITE_SECONDS / 3 < seconds <= 0.2 for seconds in waits_seconds):
        client = await around.client(shape="old")
        await client.send(b"all the same")
        assert await client.recv_exactly(12) == b"all the same"


@pytest.fixture
def waits_seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long clients' answers would have to wait, where they have to."""
    waits: list[float] = []
    wait_until = FineClock.wait_until

    async def recording(clock: FineClock, due_mono: float) -> None:
        if (left_seconds := due_mono - time.monotonic()) > 0:
            waits.append(left_seconds)
        await wait_until(clock, due_mono)
        assert time.monotonic() > due_mono - 0.002

    monkeypatch.setattr(FineClock, "wait_until", recording)
    return waits


async def test_a_client_waits_as_long_as_the_site_takes(relay: str, waits_seconds: list[float]) -> None:
    async def slow_site(connection: FrontConnection) -> None:
        await connection.got(HELLO_BYTES)
        await asyncio.sleep(SITE_SECONDS)
        await connection.send(ANSWER)
        await connection.ended()

    async with stage(relay, script=slow_site, front_learning=mtglib.FrontLearning()) as around:
        await client_that_waits(around, waits_seconds)


async def test_a_client_waits_as_long_as_visitors_do(relay: str, waits_seconds: list[float]) -> None:
    async def site_that_became_slow(connection: FrontConnection) -> None:
        await connection.got(HELLO_BYTES)
        if connection is not around.front.connections[0]:
            await asyncio.sleep(SITE_SECONDS)
        await connection.send(ANSWER)
        await connection.ended()

    async def visit() -> None:
        visitor = await around.stranger(hello_records(build_client_hello("front.example", shape="old")))
        await sockets.recv_exactly(visitor, len(ANSWER))
        sockets.close(visitor)

    async with stage(relay, script=site_that_became_slow, front_learning=mtglib.FrontLearning()) as around:
        await around.client(shape="old")
        assert (await (await around.front.connection()).ended()).data, "it has learnt"
        await asyncio.gather(*(visit() for _ in range(8)))
        await around.events.seen(mtglib.EventFinish, 8)
        await client_that_waits(around, waits_seconds)
