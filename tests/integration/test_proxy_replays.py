"""Hellos that were sent before, or stamped at another time: the clock is the test's."""

from __future__ import annotations

from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.stage import Stage, stage
from support import sockets
from support.client_hello import RANDOM_AT, hello_records
from support.front import answer

SITE = b"a site's answer"
START_UNIX = 1_700_000_000.75


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


async def landed_first(around: Stage, stamp: float) -> str:
    """Make a fresh hello of this time; tell where it lands."""
    client = await around.client_before_hello(timestamp=int(stamp))
    await client.send_hello()
    first = await sockets.recv_exactly(client.sock, len(SITE))
    client.close()
    return "site" if first == SITE else "proxy"


def on_stage(relay: str, clock: Clock, **changes: Any) -> Any:
    return stage(relay, script=answer(SITE), clock=clock, **changes)


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


@pytest.mark.parametrize(
    ("off_seconds", "where"), [(-4, "site"), (-3, "proxy"), (0, "proxy"), (3, "proxy"), (4, "site"), (10**6, "site")]
)
async def test_clients_clock_may_be_off_by_the_skew(relay: str, off_seconds: int, where: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock, tolerate_time_skewness_seconds=3.0) as around:
        clock.now_unix = float(int(START_UNIX)) + 100

        assert await landed_first(around, clock.now_unix + off_seconds) == where
        assert around.events.of(mtglib.EventReplayAttack) == []


async def test_hello_from_before_the_start_is_good(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        assert await landed_first(around, START_UNIX - 2) == "proxy"


def retimed(wire: bytes, recorded: int, now: int) -> bytes:
    """Rewrite the clock of a recorded hello, which its digest doesn't cover."""
    changed = bytearray(wire)
    for place, change in enumerate((recorded ^ now).to_bytes(4, "little"), 5 + RANDOM_AT + 28):
        changed[place] ^= change
    return bytes(changed)


async def test_replay_whose_clock_was_rewritten_is_one(relay: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock, tolerate_time_skewness_seconds=3.0) as around:
        recorded = int(START_UNIX)
        client = await around.client(timestamp=recorded)
        wire = hello_records(client.hello)

        for seconds in (0, 1, 14, 1000):
            clock.now_unix = START_UNIX + seconds
            assert await lands_at(around, retimed(wire, recorded, recorded + seconds)) == "site"
        assert len(await around.events.seen(mtglib.EventReplayAttack, 4)) == 4


async def test_hello_that_was_refused_for_its_clock_is_remembered(relay: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock) as around:
        recorded = int(START_UNIX) - 1000
        client = await around.client_before_hello(timestamp=recorded)
        await client.send_hello()
        await around.events.seen(mtglib.EventDomainFronting)

        wire = retimed(hello_records(client.hello), recorded, int(START_UNIX))
        assert await lands_at(around, wire) == "site"
        assert [event.reason for event in around.events.of(mtglib.EventDomainFronting)] == ["clock", "replay"]


async def test_replay_is_seen_for_as_long_as_its_stamp_is_good(relay: str) -> None:
    clock = Clock()
    async with on_stage(relay, clock, tolerate_time_skewness_seconds=3.0) as around:
        client = await around.client(timestamp=int(START_UNIX) + 3)
        wire = hello_records(client.hello)

        for seconds in range(1, 13):
            clock.now_unix = START_UNIX + seconds
            assert await lands_at(around, wire) == "site"


async def test_tampered_copy_is_a_stranger_and_no_replay(relay: str) -> None:
    async with on_stage(relay, Clock()) as around:
        client = await around.client(timestamp=int(START_UNIX))
        wire = bytearray(hello_records(client.hello))
        wire[-1] ^= 1

        assert await lands_at(around, bytes(wire)) == "site"
        assert "ReplayAttack" not in names(around.events.events)
